"""A client's accounts as its page shows them: what stands there, and what happened last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from bridge_ingest.models import Client
from execution.models import Account, Order, Position, TradeEvent

EVENTS_SHOWN = 10
_WORDS = {
    "part_filled": "filled in part",
    "gone": "gone unseen",
    "stated": "stood there",
}


@dataclass(frozen=True, slots=True)
class AccountView:
    account: Account
    positions: list[Position]
    orders: list[Order]
    events: list[TradeEvent]


def accounts_of(client: Client) -> list[AccountView]:
    """Four queries, however many accounts, orders and events there are."""
    accounts = list(client.accounts.all())
    ids = [account.pk for account in accounts]
    positions = _grouped(Position.objects.filter(account__in=ids, volume__gt=0))
    orders = _grouped(Order.objects.filter(account__in=ids, status=Order.Status.WORKING))
    events = _grouped(_newest_events(ids))
    return [
        AccountView(account, positions[account.pk], orders[account.pk], events[account.pk])
        for account in accounts
    ]


def word_of(event: TradeEvent) -> str:
    return _WORDS.get(event.event, event.event)


def _newest_events(accounts: list[int]) -> list[TradeEvent]:
    place = Window(RowNumber(), partition_by=F("account"), order_by=["-event_time", "-id"])
    rows = TradeEvent.objects.filter(account__in=accounts).annotate(place=place)
    return list(rows.filter(place__lte=EVENTS_SHOWN))


def _grouped(rows: Iterable[Any]) -> defaultdict[int, list[Any]]:
    groups: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.account_id].append(row)
    return groups
