"""The UDF datafeed, as TradingView's stock client v31 calls it. Our own charts read here too.

Contract: `to` is exclusive, `countback` beats `from`, `no_data` says that nothing older exists.
The client parses every body as JSON and never looks at the HTTP status, which is for people.
"""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse

from market import directory, queries
from market.directory import FeedEntry
from tradingview import history as reading
from tradingview import library, snapshot
from tradingview.access import readable
from tradingview.answers import answer, error
from tradingview.resolutions import PERIOD_S, SUPPORTED

_MAX_RESULTS = 100
_MAX_QUOTES = 200


@readable
def config(_: HttpRequest) -> HttpResponse:
    exchanges = [{"value": "", "name": "All feeds", "desc": ""}]
    exchanges += [{"value": name, "name": name, "desc": name} for name in directory.clients()]
    types = [{"name": "All types", "value": ""}]
    types += [{"name": name.capitalize(), "value": name} for name in library.KIND_OF_TYPE]
    return answer(
        {
            "supports_search": True,
            "supports_group_request": False,
            "supports_marks": False,
            "supports_timescale_marks": False,
            "supports_time": True,
            "exchanges": exchanges,
            "symbols_types": types,
            "supported_resolutions": SUPPORTED,
        }
    )


@readable
def symbols(request: HttpRequest) -> HttpResponse:
    name = request.GET.get("symbol", "")
    feed = directory.find(name)
    if feed is None:
        return error(f"unknown_symbol {name}", 404)
    return answer(library.symbol_info(feed, _ticker(name, feed)))


@readable
def search(request: HttpRequest) -> HttpResponse:
    """Each instrument under its bare name (its preferred feed), and each client's feed of it."""
    client, kind = request.GET.get("exchange", ""), request.GET.get("type", "")
    limit = min(_whole(request, "limit", 30), _MAX_RESULTS)
    kinds = [library.KIND_OF_TYPE.get(kind, "")] if kind else None
    found = directory.search(request.GET.get("query", ""), kinds=kinds, client=client, limit=limit)
    results: list[dict[str, str]] = []
    named: set[str] = set()
    for feed in found:
        if not client and feed.symbol not in named:
            named.add(feed.symbol)
            results.append(library.search_result(feed, feed.symbol, ""))
        results.append(library.search_result(feed, feed.ticker, feed.client))
    return answer(results[:limit])


@readable
def history(request: HttpRequest) -> HttpResponse:
    name, resolution = request.GET.get("symbol", ""), request.GET.get("resolution", "")
    feed = directory.find(name)
    if feed is None:
        return error(f"unknown_symbol {name}", 404)
    if resolution not in PERIOD_S:
        return error(f"The resolution {resolution!r} is not one of {', '.join(SUPPORTED)}.", 400)
    try:
        asked = reading.Asked.of(request.GET)
    except ValueError as wrong:
        return error(str(wrong), 400)
    return answer(reading.columns(feed, PERIOD_S[resolution], asked))


@readable
def server_time(_: HttpRequest) -> HttpResponse:
    """Bare unix seconds."""
    return HttpResponse(str(int(time.time())), content_type="text/plain")


@readable
def quotes(request: HttpRequest) -> HttpResponse:
    names = [name for name in request.GET.get("symbols", "").split(",") if name]
    if not 1 <= len(names) <= _MAX_QUOTES:
        return error(f"symbols must name 1 to {_MAX_QUOTES} tickers.", 400)
    feeds = {name: directory.find(name) for name in names}
    found = queries.quotes(feed_ids=[feed.feed_id for feed in feeds.values() if feed])
    by_feed = {quote.feed_id: quote for quote in found}
    content: list[dict[str, Any]] = []
    for name, feed in feeds.items():
        values = snapshot.values(feed, by_feed.get(feed.feed_id)) if feed else {}
        content.append({"s": "ok" if values else "error", "n": name, "v": values})
    return answer({"s": "ok", "d": content})


def _ticker(name: str, feed: FeedEntry) -> str:
    return feed.ticker if ":" in name else feed.symbol


def _whole(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, "")
    return max(1, int(text)) if text.isdecimal() else default
