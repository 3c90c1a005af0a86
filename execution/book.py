"""One account while a batch of statements is applied to it: pure but for the rows it holds.

A terminal states the whole of one entity at a time. Which statement is the newer one: within a
stream the number says it, whatever a broker's clock does in autumn; between streams the terminal's
clock, then ours. An older statement changes nothing, but what it says has happened is history.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bridge_ingest.clock import from_us
from bridge_ingest.events import Event
from execution.models import Account, Order, Position, TradeEvent

Status = Order.Status
_ENDS = {"filled": Status.FILLED, "cancelled": Status.CANCELLED, "rejected": Status.REJECTED}
_FIGURES = ("server", "currency", "balance", "equity", "margin", "free_margin", "leverage")
_COMMON = (
    "symbol", "side", "volume", "price", "stop_loss", "take_profit", "magic", "comment",
)  # fmt: skip
_OF_ORDERS = (*_COMMON, "order_kind", "volume_left", "limit_price", "stop_price")


@dataclass(slots=True)
class Book:
    """The account's row, those of its orders and positions that a batch may touch, and news."""

    account: Account
    orders: dict[str, Order]
    positions: dict[str, Position]
    changed_orders: dict[str, Order] = field(default_factory=dict)
    changed_positions: dict[str, Position] = field(default_factory=dict)
    news: list[TradeEvent] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        if event["entity"] == "order":
            self._order(event)
        elif event["entity"] == "position":
            self._position(event)
        else:
            self._account(event)

    def _order(self, event: Event) -> None:
        stated = {name: event[name] for name in _OF_ORDERS if name != "symbol"}
        stated |= {"symbol": event["traded"], "status": _status(event)}
        row = self.orders.get(event["ticket"])
        if row is None:
            row = self.orders[event["ticket"]] = Order(account=self.account, ticket=event["ticket"])
        happened = event["event"] or ("stated" if row.seq is None else "modified")
        self._state(row, event, stated, happened, is_deed=bool(event["execution_id"]))

    def _position(self, event: Event) -> None:
        stated = {name: event[name] for name in _COMMON if name != "symbol"}
        stated["symbol"] = event["traded"]
        row = self.positions.get(event["ticket"])
        if row is None:
            row = Position(account=self.account, ticket=event["ticket"])
            self.positions[event["ticket"]] = row
        if not stated["volume"]:  # MetaTrader's closed one says no more than its ticket
            stated = {name: getattr(row, name) for name in stated} | {"volume": 0.0}
        happened = event["event"] or ("stated" if row.seq is None else "modified")
        self._state(row, event, stated, happened if event["volume"] else "closed")

    def _state(
        self,
        row: Order | Position,
        event: Event,
        stated: dict[str, Any],
        happened: str,
        is_deed: bool = False,
    ) -> None:
        """Take it over if it is the newest. What is only told again has not happened again."""
        told_again = row.seq is not None and all(getattr(row, n) == v for n, v in stated.items())
        if is_newer(event, row):
            for name, value in stated.items():
                setattr(row, name, value)
            self._changed(row, event)
        if is_deed or not told_again:
            self.news.append(self._event(row, event, happened))

    def _account(self, event: Event) -> None:
        if not is_newer(event, self.account):
            return
        for name in _FIGURES:
            if event[name] not in (None, ""):
                setattr(self.account, name, event[name])
        _stamp(self.account, event)
        for listed, rows in ((event["orders"], self.orders), (event["positions"], self.positions)):
            if listed is not None:
                self._reconcile(frozenset(listed), rows.values(), event)

    def _reconcile(
        self, listed: frozenset[str], rows: Iterable[Order | Position], event: Event
    ) -> None:
        """What the whole list leaves out has ended while nobody told us."""
        for row in rows:
            if row.is_open and row.ticket not in listed and is_newer(event, row):
                if isinstance(row, Order):
                    row.status = Status.GONE
                else:
                    row.volume = 0.0
                self._changed(row, event)
                self.news.append(self._event(row, event, "gone"))

    def _changed(self, row: Order | Position, event: Event) -> None:
        _stamp(row, event)
        if isinstance(row, Order):
            self.changed_orders[row.ticket] = row
        else:
            self.changed_positions[row.ticket] = row

    def _event(self, row: Order | Position, event: Event, happened: str) -> TradeEvent:
        of_deed = event.get("execution_volume"), event.get("execution_price")
        volume, price = of_deed if event.get("execution_id") else (None, None)
        return TradeEvent(
            account=self.account,
            entity="order" if isinstance(row, Order) else "position",
            ticket=row.ticket,
            event=happened,
            symbol=event.get("traded") or row.symbol,
            side=event.get("side") or row.side,
            volume=event.get("volume") if volume is None else volume,
            price=(event.get("price") if price is None else price) or None,
            execution_id=event.get("execution_id", ""),
            detail=_GONE if happened == "gone" else event.get("comment", ""),
            stream_id=event["stream"],
            seq=event["seq"],
            event_time=from_us(event["event_us"]),
            received_at=from_us(event["received_us"]),
        )


_GONE = "The terminal's whole list does not name it any more."


def _stamp(row: Account | Order | Position, event: Event) -> None:
    row.stream_id, row.seq = event["stream"], event["seq"]
    row.event_time = from_us(event["event_us"])
    row.received_at = from_us(event["received_us"])


def is_newer(event: Event, row: Account | Order | Position) -> bool:
    if row.seq is None or row.event_time is None or row.received_at is None:
        return True
    if row.stream_id == event["stream"]:
        return bool(event["seq"] > row.seq)
    moment = from_us(event["event_us"]), from_us(event["received_us"])
    return moment >= (row.event_time, row.received_at)


def _status(event: Event) -> Order.Status:
    ended = _ENDS.get(event["event"])
    if ended is None and event["volume_left"] == 0:
        return Status.FILLED
    return ended or Status.WORKING
