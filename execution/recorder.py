"""Journalled trades become rows; run inside the drain's transaction, exactly once."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeVar

from bridge_ingest.events import Event, handler
from bridge_ingest.live import publish_event
from bridge_ingest.rows import change
from execution.book import Book
from execution.models import Account, Order, Position, TradeEvent

Row = TypeVar("Row", Order, Position)
_STAMP = ["stream_id", "seq", "event_time", "received_at"]
_ACCOUNT = ["server", "currency", "balance", "equity", "margin", "free_margin", "leverage", *_STAMP]
_POSITION = [
    "symbol", "side", "volume", "price", "stop_loss", "take_profit", "magic", "comment", *_STAMP,
]  # fmt: skip
_ORDER = [*_POSITION, "order_kind", "volume_left", "limit_price", "stop_price", "status"]


@handler("trade")
def record_trades(events: list[Event]) -> None:
    """One account after the other, each in the order in which its statements were taken."""
    by_account: dict[tuple[int, str], list[Event]] = defaultdict(list)
    for event in events:
        by_account[event["client"], event["account"]].append(event)
    for (client, name), stated in sorted(by_account.items()):
        _record(_account(client, name), stated)
    for client in sorted({client for client, _ in by_account}):
        publish_event({"kind": "account", "id": client, "client": client})


def _account(client: int, name: str) -> Account:
    """Locked, so that two drains never apply to one account at once."""
    return Account.objects.select_for_update().get_or_create(client_id=client, name=name)[0]


def _record(account: Account, events: list[Event]) -> None:
    book = Book(account, _orders(account, events), _positions(account, events))
    for event in events:
        book.apply(event)
    account.save(update_fields=_ACCOUNT)
    _store(Order, list(book.changed_orders.values()), _ORDER)
    _store(Position, list(book.changed_positions.values()), _POSITION)
    TradeEvent.objects.bulk_create(book.news, ignore_conflicts=True)


def _orders(account: Account, events: list[Event]) -> dict[str, Order]:
    named = {event["ticket"] for event in events if event["entity"] == "order"}
    rows = account.orders.filter(ticket__in=named) | account.orders.filter(status="working")
    return {row.ticket: row for row in rows}


def _positions(account: Account, events: list[Event]) -> dict[str, Position]:
    named = {event["ticket"] for event in events if event["entity"] == "position"}
    rows = account.positions.filter(ticket__in=named) | account.positions.filter(volume__gt=0)
    return {row.ticket: row for row in rows}


def _store(model: type[Row], rows: list[Row], fields: list[str]) -> None:
    model.objects.bulk_create([row for row in rows if row.pk is None])
    change([row for row in rows if row.pk is not None], fields)
