"""The board: one row per instrument, one column per client, and what stands out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from bridge_ingest.models import Client, Session
from dashboard import states
from dashboard.reading.feeds import FeedView, feed_views
from market.models import Instrument

SPARK_SPAN = timedelta(minutes=15)
SPARK_POINTS = 60
SPARK_EVERY_S = int(SPARK_SPAN.total_seconds()) // SPARK_POINTS

PLATFORM_SHORT = {
    "mt4": "MT4",
    "mt5": "MT5",
    "ninjatrader": "NT8",
    "tradingview": "TV",
    "agent": "agent",
}


@dataclass(frozen=True)
class Column:
    """One client; a second one for a client that quotes an instrument under two names."""

    client: Client
    nth: int
    state: str
    feeds: list[int]

    @property
    def platform(self) -> str:
        return PLATFORM_SHORT.get(self.client.platform, self.client.platform)


@dataclass(frozen=True)
class Row:
    """One instrument. `cells` has a place for each column, None where it is not quoted."""

    instrument: Instrument
    state: str
    largest: float | None
    threshold: float | None
    cells: list[FeedView | None]
    spark: list[float | None] = field(default_factory=list)


@dataclass(frozen=True)
class Board:
    columns: list[Column]
    rows: list[Row]
    spark_every_s: int = SPARK_EVERY_S

    def count(self, state: str) -> int:
        return sum(cell.state == state for row in self.rows for cell in row.cells if cell)

    @property
    def verified(self) -> int:
        return self.count(states.VERIFIED)

    @property
    def looking(self) -> int:
        return self.count(states.LOOK)

    @property
    def acting(self) -> int:
        return self.count(states.ACT)

    @property
    def feeds(self) -> int:
        return sum(cell is not None for row in self.rows for cell in row.cells)


Place = tuple[int, int]
"""A client's id, and which of its feeds of one instrument."""


def board(*, quoted_only: bool = True) -> Board:
    """The whole board in a fixed number of queries.

    A source of bars alone has no quote to show, so it is left out unless `quoted_only` is false.
    """
    views = [view for view in feed_views() if view.quote or not quoted_only]
    places = _places(views)
    columns = _columns(places)
    by_instrument: dict[int, dict[Place, FeedView]] = defaultdict(dict)
    for place, view in places:
        by_instrument[view.feed.instrument_id][place] = view
    sparks = deviation_sparks(timezone.now())
    rows = []
    for held in by_instrument.values():
        instrument = next(iter(held.values())).instrument
        cells = [held.get((column.client.pk, column.nth)) for column in columns]
        rows.append(
            Row(
                instrument=instrument,
                # A client whose clock is off calls in its own column, not in every row it quotes.
                state=states.most_urgent(view.own_state for view in held.values()),
                largest=_largest(held.values()),
                threshold=_threshold(held.values()),
                cells=cells,
                spark=sparks.get(instrument.pk, [None] * SPARK_POINTS),
            )
        )
    order = {kind: at for at, kind in enumerate(_KIND_ORDER)}
    rows.sort(key=lambda row: (order.get(row.instrument.kind, 99), row.instrument.symbol))
    return Board(columns, rows)


_KIND_ORDER = ("fx", "metal", "index", "future", "crypto", "stock", "other")


def _places(views: list[FeedView]) -> list[tuple[Place, FeedView]]:
    seen: dict[tuple[int, int], int] = defaultdict(int)
    placed = []
    for view in views:
        key = (view.client.pk, view.feed.instrument_id)
        placed.append(((view.client.pk, seen[key]), view))
        seen[key] += 1
    return placed


def _columns(places: list[tuple[Place, FeedView]]) -> list[Column]:
    connected = set(Session.objects.filter(closed_at=None).values_list("client_id", flat=True))
    clients: dict[Place, Client] = {}
    held: dict[Place, list[FeedView]] = defaultdict(list)
    for place, view in places:
        clients[place] = view.client
        held[place].append(view)
    return [
        Column(
            client=client,
            nth=place[1],
            state=_column_state(client.pk in connected, [view.state for view in held[place]]),
            feeds=[view.feed.pk for view in held[place]],
        )
        for place, client in clients.items()
    ]


def _column_state(is_connected: bool, feeds: list[str]) -> str:
    worst = states.most_urgent(feeds)
    return worst if is_connected or worst in (states.ACT, states.LOOK) else "off"


def _largest(views: Iterable[FeedView]) -> float | None:
    known = [abs(view.pips) for view in views if view.pips is not None]
    return max(known, default=None)


def _threshold(views: Iterable[FeedView]) -> float | None:
    """Where the rule is in basis points it follows the price, a little different for each feed."""
    return next((view.threshold for view in views if view.threshold), None)


def deviation_sparks(now: datetime) -> dict[int, list[float | None]]:
    """Instrument id -> its largest deviation in pips in each of the last sixty quarter minutes."""
    first = _grid(now) - SPARK_SPAN + timedelta(seconds=SPARK_EVERY_S)
    sparks: dict[int, list[float | None]] = defaultdict(lambda: [None] * SPARK_POINTS)
    with connection.cursor() as cursor:
        cursor.execute(_SPARK_SQL, {"first": first, "every": SPARK_EVERY_S, "now": now})
        for instrument_id, bucket, pips in cursor.fetchall():
            if 0 <= bucket < SPARK_POINTS:
                sparks[instrument_id][bucket] = round(pips, 3)
    return dict(sparks)


def _grid(now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // SPARK_EVERY_S * SPARK_EVERY_S, now.tzinfo)


_SPARK_SQL = """
SELECT feed.instrument_id,
       floor(extract(epoch FROM point.second - %(first)s) / %(every)s)::int AS bucket,
       max(abs(point.deviation) / instrument.pip_size)
FROM verification_deviationpoint point
JOIN market_feed feed ON feed.source_id = point.feed_id
JOIN market_instrument instrument ON instrument.id = feed.instrument_id
WHERE point.second >= %(first)s AND point.second <= %(now)s
GROUP BY 1, 2
"""
