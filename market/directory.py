"""Which feeds there are, and which one a ticker means.

A ticker is `EURUSD`, the instrument's preferred feed (of an enabled client, with the most ticks),
or `OANDA:EURUSD`, that client's feed; the part after the colon may be the terminal's own name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from bridge_ingest.symbols import canonical


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A feed with what a chart must know of it. `symbol` is the instrument's."""

    feed_id: int
    symbol: str
    description: str
    kind: str
    digits: int
    client: str
    terminal_symbol: str
    ticks: int

    @property
    def ticker(self) -> str:
        """With the terminal's own name: a client may send one instrument under two."""
        return f"{self.client}:{self.terminal_symbol}"


_FEEDS = """
SELECT f.source_id, i.symbol, i.description, i.kind, i.digits, c.name, o.symbol,
       coalesce(s.ticks, 0)
FROM market_feed f
JOIN market_instrument i ON i.id = f.instrument_id
JOIN bridge_ingest_source o ON o.id = f.source_id
JOIN bridge_ingest_client c ON c.id = o.client_id
LEFT JOIN market_feedstate s ON s.feed_id = f.source_id
"""
_PREFERRED = "(c.disabled_at IS NULL) DESC, coalesce(s.ticks, 0) DESC, f.source_id"
_EXACT_FIRST = """i.symbol = coalesce(
    (SELECT symbol FROM market_instrument WHERE symbol = %(name)s
     AND EXISTS (SELECT FROM market_feed WHERE instrument_id = market_instrument.id)),
    %(symbol)s)"""
_OF_INSTRUMENT = f"{_FEEDS} WHERE {_EXACT_FIRST} ORDER BY {_PREFERRED}"
_OF_CLIENT = f"""{_FEEDS}
WHERE upper(c.name) = upper(%(client)s)
  AND (upper(o.symbol) = upper(%(name)s) OR i.symbol = %(symbol)s)
ORDER BY (o.symbol = %(name)s) DESC, (upper(o.symbol) = upper(%(name)s)) DESC, {_PREFERRED}
LIMIT 1
"""
_SEARCH = f"""{_FEEDS}
WHERE (i.symbol ILIKE %(pattern)s OR o.symbol ILIKE %(pattern)s OR i.description ILIKE %(pattern)s
       OR c.name || ':' || i.symbol ILIKE %(pattern)s)
  AND (%(kinds)s::text[] IS NULL OR i.kind = ANY(%(kinds)s))
  AND (%(client)s = '' OR c.name = %(client)s)
ORDER BY (i.symbol ILIKE %(query)s) DESC, i.symbol, {_PREFERRED}
LIMIT %(limit)s
"""


def feeds_of(symbol: str) -> list[FeedEntry]:
    """The feeds of the instrument that a name is, or else means; the preferred one first."""
    return _entries(_OF_INSTRUMENT, {"name": symbol, "symbol": canonical(symbol)})


def find(ticker: str) -> FeedEntry | None:
    """The feed that a ticker means, or None."""
    client, colon, name = ticker.partition(":")
    return feed_of_client(client, name) if colon else next(iter(feeds_of(ticker)), None)


def feed_of_client(client: str, name: str) -> FeedEntry | None:
    """The client's feed by its terminal's own name, else of the instrument that the name means."""
    parameters = {"client": client, "name": name, "symbol": canonical(name)}
    return next(iter(_entries(_OF_CLIENT, parameters)), None)


def search(query: str, *, kinds: list[str] | None, client: str, limit: int) -> list[FeedEntry]:
    """Feeds whose names hold the query, the preferred one of each instrument first."""
    escaped = query.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    parameters = {"query": escaped, "pattern": f"%{escaped}%", "kinds": kinds}
    return _entries(_SEARCH, parameters | {"client": client, "limit": limit})


def clients() -> list[str]:
    """Names of the clients that have a feed."""
    query = """
    SELECT DISTINCT c.name FROM market_feed f
    JOIN bridge_ingest_source o ON o.id = f.source_id
    JOIN bridge_ingest_client c ON c.id = o.client_id ORDER BY 1
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [name for (name,) in cursor.fetchall()]


def _entries(query: str, parameters: dict[str, Any]) -> list[FeedEntry]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [FeedEntry(*row) for row in cursor.fetchall()]
