"""The simulated terminals that keep a socket open: MetaTrader 5 and 4, and NinjaTrader.

Platform facts: MetaTrader stamps ticks with its server's wall time (so `hello` states the offset),
MetaTrader 4 to the second only; NinjaTrader stamps a bar at its close.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.client import Client
from agent.errors import RefusedError
from agent.protocol import Identity, Signal
from agent.simulate.account import Account
from agent.simulate.bars import AVERAGE_OF, MINUTE_S, BarBuilder
from agent.simulate.config import DemoConfig, TerminalConfig
from agent.simulate.faults import CLOCK_FAULT_MS, FaultBoard
from agent.simulate.instruments import FUTURES, FX, OTHERS, Instrument, contract
from agent.simulate.quotes import Broker, Quote
from agent.simulate.truth import Truth
from agent.state import StateFile
from agent.terminal import Handlers, Options
from agent.transport import TcpEndpoint

Say = Callable[[str], None]

_CATCH_UP_S = 1.0
_DRAW_S = 0.08
_FILL_S = 0.15
_ACCOUNT_S = 10.0
"""How often equity is stated while a position stands."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What distinguishes a kind of terminal. `utc_offset_s` None: its times are UTC already."""

    platform: str
    version: str
    account: str
    utc_offset_s: int | None
    instruments: tuple[Instrument, ...]
    resolution_ms: int = 1
    makes_bars: bool = False


PROFILES = {
    "mt5": Profile("mt5", "5.00 build 4755", "50411873", 7200, FX + OTHERS),
    "mt4": Profile("mt4", "4.00 build 1441", "8100245", 10800, FX + OTHERS[:2], 1000),
    "ninjatrader": Profile("ninjatrader", "8.1.4", "Sim101", None, FUTURES + FX, makes_bars=True),
}


class Terminal:
    """One terminal: its quotes come at their own pace, its signals are drawn and executed."""

    def __init__(
        self, config: TerminalConfig, demo: DemoConfig, board: FaultBoard, say: Say, rate: float
    ) -> None:
        self.name = config.client
        self.profile = PROFILES[config.kind]
        self._board = board
        self._say = say
        self._rate = rate
        self._work = asyncio.TaskGroup()
        today = datetime.now(UTC).date()
        self._brokers = {
            contract(each, today): Broker(
                self.name, contract(each, today), Truth(demo.seed, each), board, demo.seed
            )
            for each in self.profile.instruments
        }
        self._bars = {symbol: _bar_builder(broker) for symbol, broker in self._brokers.items()}
        self.client = _client(config, self.profile, demo, tuple(self._brokers), self._receive)
        self._account = Account(self.profile.account, f"{self.name}-Server", self.client.message)

    @property
    def shared_symbols(self) -> list[str]:
        """What every other terminal quotes too."""
        return [instrument.name for instrument in self.profile.instruments if instrument.is_fx]

    async def run(self) -> None:
        """Trade until cancelled, or until the bridge turns the terminal away."""
        async with self.client, asyncio.TaskGroup() as self._work:
            trading = self._work.create_task(self._trade())
            accounting = self._work.create_task(self._keep_account())
            try:
                await self.client.ended()
            except RefusedError as why:
                self._say(f"{self.name} was turned away by the bridge: {why}")
            trading.cancel()
            accounting.cancel()

    async def lose_numbers(self, away_s: float) -> None:
        """Cut the line and lose some of what is produced meanwhile."""
        self.client.cut(away_s)
        await asyncio.sleep(away_s * 0.7)
        lost = self.client.drop_oldest(max(5, self.client.counts.buffered // 2))
        self._say(f"{self.name} has lost {lost} numbers for good")

    async def _trade(self) -> None:
        now = time.time()
        due = [(now + broker.wait(self._rate), symbol) for symbol, broker in self._brokers.items()]
        heapq.heapify(due)
        while True:
            moment, symbol = due[0]
            await asyncio.sleep(max(0.0, moment - time.time()))
            now = time.time()
            # After a pause of the machine the ticks missed are not made up for.
            following = max(moment, now - _CATCH_UP_S) + self._brokers[symbol].wait(self._rate)
            heapq.heapreplace(due, (following, symbol))
            quote = self._brokers[symbol].quote(now)
            if quote is not None:
                self.pass_on(symbol, quote)

    async def _keep_account(self) -> None:
        self._tell_account()
        while True:
            await asyncio.sleep(_ACCOUNT_S)
            if self._account.is_trading:
                self._tell_account()

    def _tell_account(self) -> None:
        self._account.tell(self._price, self._stamp(time.time()))

    def _price(self, symbol: str) -> float:
        truth = self._brokers[symbol].truth
        return round(truth.mid(time.time()), truth.instrument.digits)

    def pass_on(self, symbol: str, quote: Quote) -> None:
        """What the terminal makes of a quote: a tick, and with it perhaps a closed bar."""
        time_ms = self._stamp(quote.event_s)
        extra = {"local_ms": time.time_ns() // 1_000_000} if self.profile.platform == "mt4" else {}
        self.client.tick(
            symbol, quote.bid, quote.ask, time_ms, volume=quote.volume, last=quote.last, extra=extra
        )
        if self.profile.makes_bars:
            self._build_bar(symbol, quote)

    def _stamp(self, moment_s: float) -> int:
        """A moment as this terminal's clock shows it, in milliseconds."""
        shown = round(moment_s * 1000) + 1000 * (self.profile.utc_offset_s or 0)
        if self._board.is_on("clock", self.name):
            shown += CLOCK_FAULT_MS
        return shown // self.profile.resolution_ms * self.profile.resolution_ms

    def _build_bar(self, symbol: str, quote: Quote) -> None:
        digits = self._brokers[symbol].truth.instrument.digits
        price = round((quote.bid + quote.ask) / 2, digits) if quote.last is None else quote.last
        builder = self._bars[symbol]
        bar = builder.tick(price, quote.volume, quote.event_s)
        if bar is None:
            return
        time_ms = self._stamp(bar.close_s)
        prices = (bar.open, bar.high, bar.low, bar.close)
        self.client.bar(symbol, "M1", time_ms, prices, bar.volume, stamp="close")
        average = round(builder.average(), digits + 1)
        self.client.indicator(symbol, f"sma_{AVERAGE_OF}", average, time_ms, period="M1")

    def _receive(self, signal: Signal) -> None:
        self._work.create_task(self._obey(signal))

    async def _obey(self, signal: Signal) -> None:
        broker = self._brokers.get(signal.symbol)
        if broker is None:
            self.client.acknowledge(signal.id, "rejected", detail=f"no symbol {signal.symbol}")
            return
        await asyncio.sleep(_DRAW_S)
        self.client.acknowledge(signal.id, "shown")
        self._say(f"{self.name} has drawn {signal.action} {signal.symbol}")
        if signal.execute and signal.action != "NONE":
            await asyncio.sleep(_FILL_S)
            self._execute(signal, broker.truth.instrument)

    def _execute(self, signal: Signal, instrument: Instrument) -> None:
        price, now_ms = self._price(signal.symbol), self._stamp(time.time())
        try:
            ticket = self._account.trade(signal.action, signal.symbol, instrument, price, now_ms)
        except ValueError as why:
            self.client.acknowledge(signal.id, "rejected", detail=str(why))
            return
        self.client.acknowledge(signal.id, "executed", ticket=ticket, price=price)
        self._tell_account()
        self._say(f"{self.name} has executed {signal.action} {signal.symbol} at {price}")


def _client(
    config: TerminalConfig,
    profile: Profile,
    demo: DemoConfig,
    symbols: tuple[str, ...],
    on_signal: Callable[[Signal], None],
) -> Client:
    identity = Identity(
        config.client,
        config.secret,
        profile.platform,
        version=profile.version,
        account=profile.account,
        utc_offset_s=profile.utc_offset_s,
        symbols=symbols,
    )
    state = None
    if demo.state_dir is not None:
        state = StateFile(demo.state_dir / f"{config.client}.json")
    return Client(
        TcpEndpoint(demo.host, demo.tcp_port),
        identity,
        Options(backoff_limit_s=2.0),
        Handlers(on_signal=on_signal),
        state_file=state,
    )


def _bar_builder(broker: Broker) -> BarBuilder:
    truth, minute = broker.truth, int(time.time()) // MINUTE_S * MINUTE_S
    digits = truth.instrument.digits
    times = [minute - MINUTE_S * back for back in range(AVERAGE_OF - 1, -1, -1)]
    return BarBuilder([round(truth.mid(moment), digits) for moment in times])
