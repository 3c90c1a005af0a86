"""A simulated trading account: what signals buy and sell there, and what is stated of it.

One net position for each symbol, as on NinjaTrader and on MetaTrader 5's netting accounts. Money is
in US dollars.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.simulate.instruments import Instrument

State = Callable[[str, dict[str, Any]], object]
"""Numbers and queues one message: its type and its fields."""

LEVERAGE = 30
DEPOSIT = 10_000.0
VOLUME = 0.1
"""Of every order, in lots or contracts."""


@dataclass(slots=True)
class _Position:
    instrument: Instrument
    ticket: str
    volume: float  # below 0 when sold
    price: float

    def profit(self, price: float) -> float:
        return (price - self.price) * self.volume * worth(self.instrument, price)

    def margin(self, price: float) -> float:
        return abs(self.volume) * price * worth(self.instrument, price) / LEVERAGE


class Account:
    """Trades at once and in full. `state` hears of each change, with the moment `time_ms`."""

    def __init__(self, name: str, server: str, state: State) -> None:
        self.name = name
        self._server = server
        self._state = state
        self._balance = DEPOSIT
        self._ticket = 0
        self._positions: dict[str, _Position] = {}

    @property
    def is_trading(self) -> bool:
        return bool(self._positions)

    def trade(
        self, action: str, symbol: str, instrument: Instrument, price: float, time_ms: int
    ) -> str:
        """BUY, SELL or CLOSE at this price; returns the order's ticket.

        Raises ValueError with nothing to close, or without the money for it.
        """
        held = self._positions.get(symbol)
        if action != "CLOSE":
            change = VOLUME if action == "BUY" else -VOLUME
            self._check_money(instrument, price)
        elif held is not None:
            change = -held.volume
        else:
            raise ValueError("no position to close")
        self._ticket = max(self._ticket + 1, time.time_ns() // 1_000_000 % 10**9)
        ticket = str(self._ticket)
        self._tell_filled(ticket, symbol, change, price, time_ms)
        self._net(_Position(instrument, ticket, change, price), symbol)
        self._tell_position(symbol, held, time_ms)
        return ticket

    def _check_money(self, instrument: Instrument, price: float) -> None:
        used = sum(each.margin(each.price) for each in self._positions.values())
        more = _Position(instrument, "", VOLUME, price).margin(price)
        if used + more > self._balance:
            raise ValueError("not enough money")

    def tell(self, prices: Callable[[str], float], time_ms: int) -> None:
        """The account's figures at these prices, and what stands."""
        standing = {symbol: (each, prices(symbol)) for symbol, each in self._positions.items()}
        profit = sum(each.profit(price) for each, price in standing.values())
        margin = sum(each.margin(price) for each, price in standing.values())
        equity = self._balance + profit
        money = {
            "balance": self._balance,
            "equity": equity,
            "margin": margin,
            "free_margin": equity - margin,
        }
        fields: dict[str, Any] = {"account": self.name, "server": self._server, "currency": "USD"}
        fields |= {name: round(amount, 2) for name, amount in money.items()}
        tickets = [each.ticket for each in self._positions.values()]
        lists = {"leverage": LEVERAGE, "orders": [], "positions": tickets}
        self._state("account", {**fields, **lists, "time_ms": time_ms})

    def _tell_filled(
        self, ticket: str, symbol: str, change: float, price: float, time_ms: int
    ) -> None:
        volume = abs(change)
        fields = {"ticket": ticket, "symbol": symbol, "side": _side(change), "volume": volume}
        fields |= {"kind": "market", "volume_left": 0, "event": "filled", "account": self.name}
        filled = {"execution_id": ticket, "execution_volume": volume, "execution_price": price}
        self._state("order", {**fields, **filled, "time_ms": time_ms})

    def _net(self, traded: _Position, symbol: str) -> None:
        """Put an execution beside what is held: more of it, less of it, or the other side."""
        held = self._positions.get(symbol)
        if held is None:
            self._positions[symbol] = traded
            return
        total = round(held.volume + traded.volume, 8)
        if held.volume * traded.volume > 0:
            held.price += (traded.price - held.price) * traded.volume / total
            held.volume = total
            return
        closed = min(abs(held.volume), abs(traded.volume)) * (1 if held.volume > 0 else -1)
        closing = _Position(held.instrument, held.ticket, closed, held.price)
        self._balance += closing.profit(traded.price)
        if total == 0:
            del self._positions[symbol]
        elif total * held.volume > 0:
            held.volume = total
        else:
            traded.volume = total
            self._positions[symbol] = traded

    def _tell_position(self, symbol: str, before: _Position | None, time_ms: int) -> None:
        now = self._positions.get(symbol)
        is_known = before is not None and now is not None and now.ticket == before.ticket
        if before is not None and not is_known:
            closed = {"ticket": before.ticket, "symbol": symbol, "volume": 0}
            self._state("position", {**closed, "account": self.name, "time_ms": time_ms})
        if now is not None:
            fields = {"ticket": now.ticket, "symbol": symbol, "side": _side(now.volume)}
            fields |= {"event": "modified" if is_known else "filled", "account": self.name}
            held = {"volume": abs(now.volume), "price": round(now.price, now.instrument.digits)}
            self._state("position", {**fields, **held, "time_ms": time_ms})


def worth(instrument: Instrument, price: float) -> float:
    """Dollars that a move by 1 in price makes of one lot."""
    return instrument.lot / price if instrument.name.endswith("JPY") else instrument.lot


def _side(volume: float) -> str:
    return "buy" if volume > 0 else "sell"
