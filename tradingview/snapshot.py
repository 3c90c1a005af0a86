"""Answers of `/quotes`."""

from __future__ import annotations

from typing import Any

from bridge_ingest.protocol.messages import PERIODS_S
from market import queries
from market.directory import FeedEntry
from market.queries import BarColumns, Quote, Window


def values(feed: FeedEntry, quote: Quote | None) -> dict[str, Any]:
    """What is known: no bid and ask of a feed that sends only bars, nothing of one without any."""
    days = queries.bars(feed.feed_id, PERIODS_S["D1"], Window(most=2))
    if not days.size:
        return {}
    price = quote.last or quote.mid if quote else float(days.close[-1])
    known = {
        "short_name": feed.symbol,
        "exchange": feed.client,
        "description": feed.description or feed.symbol,
        "lp": price,
        **_day(days),
        **_change(price, days),
    }
    if quote:
        known |= {"bid": quote.bid, "ask": quote.ask, "spread": quote.spread}
    digits = feed.digits + 1  # a mid lies between two steps
    return {
        name: round(value, digits) if isinstance(value, float) else value
        for name, value in known.items()
    }


def _day(days: BarColumns) -> dict[str, float]:
    return {
        "open_price": float(days.open[-1]),
        "high_price": float(days.high[-1]),
        "low_price": float(days.low[-1]),
        "volume": float(days.volume[-1]),
    }


def _change(price: float, days: BarColumns) -> dict[str, float]:
    """Against the close of the day before, when there is one."""
    if days.size < 2:
        return {}
    before = float(days.close[-2])
    change = {"prev_close_price": before, "ch": price - before}
    return change | ({"chp": 100 * (price - before) / before} if before > 0 else {})
