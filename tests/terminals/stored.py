"""What a live bridge has stored for one client, read from its own PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from fksbridge.embedded import places
from tests.e2e.bridge import LiveBridge

_OF_CLIENT = """
FROM {table} AS t JOIN bridge_ingest_source AS s ON s.id = t.feed_id
JOIN bridge_ingest_client AS c ON c.id = s.client_id WHERE c.name = %s
"""


@dataclass(frozen=True)
class StoredBar:
    """A terminal's bar; `start` is its opening."""

    symbol: str
    period_s: int
    start: datetime
    prices: tuple[float, float, float, float]
    volume: float
    stamp: str
    closed: bool


def bars(bridge: LiveBridge, client: str) -> list[StoredBar]:
    """Oldest first."""
    columns = "s.symbol, period_s, start, open, high, low, close, volume, stamp, closed"
    rows = _rows(bridge, f"{columns} {_of('market_terminalbar')} ORDER BY start", client)
    return [StoredBar(r[0], r[1], r[2], (r[3], r[4], r[5], r[6]), r[7], r[8], r[9]) for r in rows]


def indicators(bridge: LiveBridge, client: str) -> list[tuple[str, datetime, float]]:
    """(name, event time, value) in the order of their numbers."""
    columns = f"t.name, event_time, value {_of('market_indicatorvalue')} ORDER BY t.id"
    return [(name, moment, value) for name, moment, value in _rows(bridge, columns, client)]


def alert_prices(bridge: LiveBridge, client: str) -> list[float]:
    """Prices that webhooks have named, in the order in which they came."""
    query = (
        "price FROM bridge_ingest_webhookalert AS w "
        "JOIN bridge_ingest_client AS c ON c.id = w.client_id WHERE c.name = %s ORDER BY w.id"
    )
    return [price for (price,) in _rows(bridge, query, client)]


def ticks(bridge: LiveBridge, client: str) -> list[tuple[Any, ...]]:
    """(seq, symbol, event time, bid, ask, last, volume) in the order of their numbers."""
    columns = "seq, s.symbol, event_time, bid, ask, last, t.volume"
    return _rows(bridge, f"{columns} {_of('market_tick')} ORDER BY seq", client)


def open_positions(bridge: LiveBridge, client: str) -> list[tuple[str, str, str, float, float]]:
    """(ticket, symbol, side, volume, price)."""
    columns = "t.ticket, t.symbol, side, t.volume, price"
    query = f"{columns} {_of_account('position')} AND t.volume > 0 ORDER BY t.ticket"
    return [(t, s, side, v, p) for t, s, side, v, p in _rows(bridge, query, client)]


def orders(bridge: LiveBridge, client: str) -> list[tuple[str, str, str]]:
    """(ticket, kind, status)."""
    query = f"t.ticket, order_kind, status {_of_account('order')} ORDER BY t.ticket"
    return [(ticket, kind, status) for ticket, kind, status in _rows(bridge, query, client)]


def _of_account(entity: str) -> str:
    return (
        f"FROM execution_{entity} AS t JOIN execution_account AS a ON a.id = t.account_id "
        "JOIN bridge_ingest_client AS c ON c.id = a.client_id WHERE c.name = %s"
    )


def _of(table: str) -> str:
    return _OF_CLIENT.format(table=table)


def _rows(bridge: LiveBridge, selected: str, client: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(places.database_url(bridge.folder)) as connection:
        return connection.execute(f"SELECT {selected}".encode(), (client,)).fetchall()
