"""Journalled bars and indicator values become rows; run inside the drain's transaction."""

from __future__ import annotations

from typing import Any

from django.db import connection

from bridge_ingest.clock import from_us
from bridge_ingest.events import Event, handler
from bridge_ingest.protocol.messages import PERIODS_S
from market import adopt
from market.feeds import FeedInfo
from market.models import IndicatorValue

# A bar that is sent again, as it grows or after a reload, replaces what was known of it; a growing
# one that arrives after its final form does not.
_UPSERT_BARS = """
INSERT INTO market_terminalbar AS b (
    feed_id, period_s, start, open, high, low, close, volume, stamp, closed, received_at, flags
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (feed_id, period_s, start) DO UPDATE SET
    open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
    volume = excluded.volume, stamp = excluded.stamp, closed = excluded.closed,
    received_at = excluded.received_at, flags = excluded.flags
WHERE excluded.closed OR NOT b.closed
"""


@handler("bar")
def record_bars(events: list[Event]) -> None:
    feeds = _feeds(events, ("open", "close"))
    rows = [_bar_row(event) for event in events if event["source"] in feeds]
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT_BARS, rows)


@handler("indicator")
def record_indicators(events: list[Event]) -> None:
    """An indicator's value is no price, so it does not show how many decimals prices have."""
    feeds = _feeds(events, ())
    IndicatorValue.objects.bulk_create(
        _indicator(event) for event in events if event["source"] in feeds
    )


def _feeds(events: list[Event], prices: tuple[str, ...]) -> dict[int, FeedInfo]:
    return adopt.feeds_of({event["source"]: [event[name] for name in prices] for event in events})


def _bar_row(event: Event) -> tuple[Any, ...]:
    return (
        event["source"],
        PERIODS_S[event["period"]],
        from_us(event["event_us"]),
        event["open"],
        event["high"],
        event["low"],
        event["close"],
        event["volume"],
        event["stamp"],
        event["closed"],
        from_us(event["received_us"]),
        event["flags"],
    )


def _indicator(event: Event) -> IndicatorValue:
    return IndicatorValue(
        feed_id=event["source"],
        name=event["name"],
        period=event["period"],
        value=event["value"],
        event_time=from_us(event["event_us"]),
        received_at=from_us(event["received_us"]),
        flags=event["flags"],
    )
