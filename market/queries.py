"""Prices, read as columns: latest quotes, bars, ticks, sparklines. No ORM objects on the way.

Bars come from a feed's ticks. Before its first tick, and for a feed that sends no ticks at all
(TradingView, a plain NinjaTrader), they come from the bars that the terminal itself built. Where
neither is there, imported history fills in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import Cursor, sql

from bridge_ingest.clock import from_us, to_us
from bridge_ingest.protocol.messages import PERIODS_S
from market import wire
from market.bars import group_starts, period_start_us
from market.imports import history

Column = npt.NDArray[Any]
_LAST_US = 253_370_764_800_000_000
"""The year 9999: PostgreSQL could say infinity, a Python datetime can't."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The last quote of a feed. `bid` and `ask` as they came, crossed ones too."""

    feed_id: int
    symbol: str
    client: str
    terminal_symbol: str
    digits: int
    pip_size: float
    bid: float
    ask: float
    last: float
    volume: float
    event_time: datetime
    received_at: datetime
    replayed: bool
    ticks: int
    crossed: int

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2

    @property
    def spread(self) -> float:
        return self.ask - self.bid


class BarColumns(NamedTuple):
    """Bars in rising order; `start_us` are Unix microseconds."""

    start_us: Column
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column

    @property
    def size(self) -> int:
        return len(self.start_us)


class TickColumns(NamedTuple):
    """Ticks in the order (event time, receipt time, number)."""

    event_us: Column
    received_us: Column
    bid: Column
    ask: Column
    last: Column
    volume: Column
    flags: Column


@dataclass(frozen=True, slots=True)
class Window:
    """Which bars: those that open in [start_us, end_us), of them the newest `most` (None: all).

    What TradingView calls countback is the newest so many of all before an end.
    """

    start_us: int = 0
    end_us: int = _LAST_US
    most: int | None = None

    @property
    def earliest(self) -> datetime:
        return from_us(min(max(self.start_us, 0), _LAST_US))

    @property
    def latest(self) -> datetime:
        return from_us(min(max(self.end_us, 0), _LAST_US))


_QUOTES = """
SELECT f.source_id, i.symbol, c.name, o.symbol, i.digits, i.pip_size, s.bid, s.ask, s.last,
       s.volume, s.event_time, s.received_at, s.replayed, s.ticks, s.crossed
FROM market_feedstate s
JOIN market_feed f ON f.source_id = s.feed_id
JOIN market_instrument i ON i.id = f.instrument_id
JOIN bridge_ingest_source o ON o.id = f.source_id
JOIN bridge_ingest_client c ON c.id = o.client_id
WHERE (%(symbol)s::text IS NULL OR i.symbol = %(symbol)s)
  AND (%(feeds)s::int[] IS NULL OR f.source_id = ANY(%(feeds)s))
ORDER BY i.symbol, c.name, o.symbol
"""
_BARS = """
SELECT array_agg(start), array_agg(open), array_agg(high), array_agg(low), array_agg(close),
       array_agg(volume)
FROM (SELECT start, open, high, low, close, volume FROM {table}
      WHERE feed_id = %s AND period_s = %s AND start >= %s AND start < %s
      ORDER BY start DESC LIMIT %s) newest
"""
_FIRST_BAR = "SELECT min(start) FROM market_bar WHERE feed_id = %s AND period_s = %s"
_TERMINAL_PERIOD = """
SELECT period FROM unnest(%s::int[]) period
WHERE EXISTS (SELECT FROM market_terminalbar WHERE feed_id = %s AND period_s = period)
ORDER BY period DESC LIMIT 1
"""
_TICKS = """
SELECT array_agg(event_time), array_agg(received_at), array_agg(bid), array_agg(ask),
       array_agg(last), array_agg(volume), array_agg(flags)
FROM (SELECT * FROM market_tick
      WHERE feed_id = %s AND event_time >= %s AND event_time < %s
      ORDER BY event_time DESC, received_at DESC, seq DESC LIMIT %s) newest
"""
_SPARKLINES = """
SELECT s.feed_id, array_agg(p.at ORDER BY p.at), array_agg(p.close ORDER BY p.at)
FROM market_feedstate s
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (slot) extract(epoch FROM slot)::bigint AS at, close FROM (
        SELECT date_bin(%(step)s::interval, start, 'epoch') AS slot, start, close FROM market_bar
        WHERE feed_id = s.feed_id AND period_s = 1
          AND start > s.event_time - %(span)s::interval AND start <= s.event_time
    ) seconds ORDER BY slot, start DESC
) p
WHERE s.feed_id = ANY(%(feeds)s)
GROUP BY s.feed_id
"""


def quotes(symbol: str | None = None, feed_ids: Iterable[int] | None = None) -> list[Quote]:
    """Last quotes of all feeds, or of those of one instrument, or of those given.

    By instrument, client and terminal's symbol. A feed that never sent a tick has none.
    """
    chosen = None if feed_ids is None else list(feed_ids)
    with connection.cursor() as cursor:
        cursor.execute(_QUOTES, {"symbol": symbol, "feeds": chosen})
        return [Quote(*row) for row in cursor.fetchall()]


def bars(feed_id: int, period_s: int, window: Window) -> BarColumns:
    """Bars of a feed, in rising order. `period_s` is one of PERIODS_S."""
    with wire.column_cursor() as cursor:
        live = _live_bars(cursor, feed_id, period_s, window)
        return _with_imported(cursor, live, feed_id, period_s, window)


def ticks(feed_id: int, start_us: int, end_us: int, limit: int) -> TickColumns:
    """The newest `limit` ticks of a feed in [start_us, end_us), by event time."""
    with wire.column_cursor() as cursor:
        cursor.execute(_TICKS, [feed_id, from_us(start_us), from_us(end_us), limit], binary=True)
        event, received, *prices, flags = _one(cursor)
    bid, ask, last, volume = (_floats(column) for column in prices)
    marks = wire.Int2Array.unpack(flags)[::-1]
    return TickColumns(_moments(event), _moments(received), bid, ask, last, volume, marks)


def sparklines(
    feed_ids: Iterable[int], *, minutes: int = 15, step_s: int = 15
) -> dict[int, list[tuple[int, float]]]:
    """Of each feed the minutes before its last tick: (unix second, close) for each step, rising.

    Of a feed without ticks, the closes of its last one-minute bars.
    """
    feeds = list(feed_ids)
    parameters: dict[str, Any] = {"feeds": feeds, "step": f"{step_s} s", "span": f"{minutes} min"}
    with connection.cursor() as cursor:
        cursor.execute(_SPARKLINES, parameters)
        lines = {feed: list(zip(at, close, strict=True)) for feed, at, close in cursor.fetchall()}
    for feed in feeds:
        if feed not in lines:
            minute = bars(feed, PERIODS_S["M1"], Window(most=minutes))
            seconds = (minute.start_us // 1_000_000).tolist()
            lines[feed] = list(zip(seconds, minute.close.tolist(), strict=True))
    return lines


def rounded(columns: BarColumns) -> BarColumns:
    """Prices to 15 significant digits: the mid of two prices has noise in those behind."""
    largest = max(1.0, float(np.abs(columns.high).max(initial=1.0)))
    decimals = 14 - math.floor(math.log10(largest))
    start_us, *prices, volume = columns
    open_, high, low, close = (np.round(column, decimals) for column in prices)
    return BarColumns(start_us, open_, high, low, close, volume)


def _live_bars(cursor: Cursor[Any], feed_id: int, period_s: int, window: Window) -> BarColumns:
    own = _read_bars(cursor, _of_table("market_bar"), feed_id, period_s, window)
    if window.most and own.size >= window.most:
        return own
    before = _before_first_tick(cursor, feed_id, period_s, window, own.size)
    return _joined(_terminal_bars(cursor, feed_id, period_s, before), own)


# Bars that were imported.


def _with_imported(
    cursor: Cursor[Any], live: BarColumns, feed_id: int, period_s: int, window: Window
) -> BarColumns:
    """What came live goes first, then imported bars of this period, then those of shorter ones."""
    if window.start_us >= window.end_us:
        return live
    statement = sql.SQL(history.BARS)
    imported = [
        _from_period(cursor, statement, feed_id, (source_s, period_s), window)
        for source_s in history.periods(cursor, feed_id, period_s)
    ]
    return _first_of_each([live, *imported], period_s, window.most) if imported else live


def _first_of_each(found: list[BarColumns], period_s: int, most: int | None) -> BarColumns:
    """One bar for each stretch of time: that of the first set which has one there."""
    whole = BarColumns(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
    _, first = np.unique(period_start_us(whole.start_us, period_s), return_index=True)
    order = first[np.argsort(whole.start_us[first], kind="stable")]
    return BarColumns(*(column[order][-most if most else None :] for column in whole))


# Bars that the terminal built.


def _before_first_tick(
    cursor: Cursor[Any], feed_id: int, period_s: int, window: Window, found: int
) -> Window:
    """What of the window lies before the first bar that was built from ticks."""
    cursor.execute(_FIRST_BAR, [feed_id, period_s])
    (first,) = _one(cursor)
    end_us = window.end_us if first is None else min(window.end_us, to_us(first))
    return Window(window.start_us, end_us, window.most and window.most - found)


def _terminal_bars(cursor: Cursor[Any], feed_id: int, period_s: int, window: Window) -> BarColumns:
    """The terminal's bars of this period, else made from its longest that divides it."""
    if window.start_us >= window.end_us:
        return _NONE
    divisors = [shorter for shorter in PERIODS_S.values() if period_s % shorter == 0]
    cursor.execute(_TERMINAL_PERIOD, [divisors, feed_id])
    row = cursor.fetchone()
    if row is None:
        return _NONE
    (source_s,) = row
    statement = _of_table("market_terminalbar")
    return _from_period(cursor, statement, feed_id, (source_s, period_s), window)


def _from_period(
    cursor: Cursor[Any],
    statement: sql.SQL | sql.Composed,
    feed_id: int,
    periods_s: tuple[int, int],
    window: Window,
) -> BarColumns:
    """Bars of the second period from those of the first, which divides it."""
    source_s, period_s = periods_s
    if source_s == period_s:
        return _read_bars(cursor, statement, feed_id, period_s, window)
    # So many of the shorter hold at least so many of the longer, and cut short only one too many.
    most = window.most and window.most * (period_s // source_s)
    whole = Window(_ceil(window.start_us, period_s), _ceil(window.end_us, period_s), most)
    shorter = _read_bars(cursor, statement, feed_id, source_s, whole)
    longer = _lengthened(shorter, period_s)
    kept = slice(-window.most if window.most else None, None)
    return BarColumns(*(column[kept] for column in longer))


def _lengthened(shorter: BarColumns, period_s: int) -> BarColumns:
    if not shorter.size:
        return _NONE
    start_us = period_start_us(shorter.start_us, period_s)
    firsts = group_starts(start_us)
    return BarColumns(
        start_us[firsts],
        shorter.open[firsts],
        np.maximum.reduceat(shorter.high, firsts),
        np.minimum.reduceat(shorter.low, firsts),
        shorter.close[np.append(firsts[1:], shorter.size) - 1],
        np.add.reduceat(shorter.volume, firsts),
    )


_NONE = BarColumns(*(np.empty(0, dtype) for dtype in ("i8", "f8", "f8", "f8", "f8", "f8")))


def _joined(older: BarColumns, newer: BarColumns) -> BarColumns:
    if not older.size:
        return newer
    return BarColumns(*(np.concatenate(pair) for pair in zip(older, newer, strict=True)))


def _ceil(moment_us: int, period_s: int) -> int:
    """The first opening time of a bar at or after the moment."""
    start_us = int(period_start_us(np.array([moment_us - 1]), period_s)[0])
    return start_us + period_s * 1_000_000


# Rows to columns.


def _of_table(name: str) -> sql.Composed:
    return sql.SQL(_BARS).format(table=sql.Identifier(name))


def _read_bars(
    cursor: Cursor[Any],
    statement: sql.SQL | sql.Composed,
    feed_id: int,
    period_s: int,
    window: Window,
) -> BarColumns:
    parameters = [feed_id, period_s, window.earliest, window.latest, window.most]
    cursor.execute(statement, parameters, binary=True)
    start, *prices = _one(cursor)
    return BarColumns(_moments(start), *(_floats(column) for column in prices))


def _one(cursor: Cursor[Any]) -> tuple[Any, ...]:
    """The row of an aggregate without GROUP BY, which gives exactly one."""
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows[0]


def _moments(data: bytes | None) -> Column:
    return wire.TimestampArray.unpack(data)[::-1]


def _floats(data: bytes | None) -> Column:
    return wire.Float8Array.unpack(data)[::-1]
