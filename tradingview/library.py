"""A feed as the Charting Library describes symbols (LibrarySymbolInfo of its UDF client v31)."""

from __future__ import annotations

from typing import Any

from market.directory import FeedEntry
from market.models import InstrumentKind
from tradingview.resolutions import INTRADAY, SECONDS, SUPPORTED

TYPE_OF_KIND = {
    InstrumentKind.FX: "forex",
    InstrumentKind.METAL: "commodity",
    InstrumentKind.CRYPTO: "crypto",
    InstrumentKind.INDEX: "index",
    InstrumentKind.FUTURE: "futures",
    InstrumentKind.STOCK: "stock",
    InstrumentKind.OTHER: "cfd",
}
KIND_OF_TYPE = {name: str(kind) for kind, name in TYPE_OF_KIND.items()}


def symbol_info(feed: FeedEntry, ticker: str) -> dict[str, Any]:
    """`ticker` is what the chart will ask for again; without it the client would ask for ''."""
    return {
        "name": feed.symbol,
        "ticker": ticker,
        "description": feed.description or feed.symbol,
        "type": TYPE_OF_KIND[InstrumentKind(feed.kind)],
        # Days and weeks are cut at midnight UTC. A session in another zone would make the library
        # expect days cut there, and drop bars of a Sunday evening.
        "session": "24x7",
        "timezone": "Etc/UTC",
        "exchange": feed.client,
        "listed_exchange": feed.client,
        "format": "price",
        "minmov": 1,
        "pricescale": 10**feed.digits,
        "volume_precision": 2,
        "has_intraday": True,
        "intraday_multipliers": INTRADAY,
        # A feed that sends only bars has none of a second.
        "has_seconds": feed.ticks > 0,
        "seconds_multipliers": ["1"] if feed.ticks else [],
        "has_daily": True,
        "daily_multipliers": ["1"],
        "has_weekly_and_monthly": True,
        "weekly_multipliers": ["1"],
        "monthly_multipliers": [],
        "supported_resolutions": [name for name in SUPPORTED if feed.ticks or name != SECONDS],
        "data_status": "streaming",
    }


def search_result(feed: FeedEntry, ticker: str, exchange: str) -> dict[str, str]:
    return {
        "symbol": feed.symbol,
        "ticker": ticker,
        "description": feed.description or feed.symbol,
        "exchange": exchange,
        "type": TYPE_OF_KIND[InstrumentKind(feed.kind)],
    }
