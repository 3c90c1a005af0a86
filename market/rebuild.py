"""Bars built afresh from the stored ticks, and how the stored bars differ from them.

The proof that incremental building lost and invented nothing. Every stored tick is read once;
memory holds one day's bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
from psycopg import Cursor, sql

from bridge_ingest.clock import from_us, to_us
from bridge_ingest.journal.layout import RECORD, Records
from bridge_ingest.protocol.messages import PERIODS_S
from market import bars, columns, partitions, store, wire
from market.bars import BAR, Bars, Column

_CHUNK = 50_000
_VOLUME_TOLERANCE = 1e-9
"""Relative: floats added in another order differ in their last digits."""
_SHOWN = 20
_KEY = ("period_s", "feed", "start_us")


@dataclass(slots=True)
class Comparison:
    """What a rebuild found. `differences` describes the first of them, for people."""

    ticks: int = 0
    bars: int = 0
    missing: int = 0
    invented: int = 0
    unequal: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.invented or self.unequal)

    def note(self, what: str, rows: Bars) -> None:
        for row in rows[: _SHOWN - len(self.differences)]:
            feed, period_s, start = row["feed"], row["period_s"], from_us(row["start_us"])
            self.differences.append(f"{what}: feed {feed}, {period_s} s, {start:%Y-%m-%d %H:%M:%S}")


def compare() -> Comparison:
    """Rebuild all bars that lie wholly in the days whose ticks are still stored, and compare.

    Run it while nothing is being stored, else the newest bars differ.
    """
    result = Comparison()
    days = partitions.days_with_ticks()
    if not days:
        return result
    nothing = np.empty(0, BAR)
    weeks = [nothing]
    with wire.column_cursor() as cursor:
        for day in days:
            afresh = _rebuilt(cursor, day, result)
            is_week = afresh["period_s"] == PERIODS_S["W1"]
            weeks.append(afresh[is_week])
            _compare(_stored(cursor, _OF_DAY, day), afresh[~is_week], result)
        _compare(_stored(cursor, _OF_OTHER_DAYS, days[0], days), nothing, result)
        afresh = bars.fold(np.concatenate(weeks))
        afresh = afresh[afresh["start_us"] >= _midnight_us(days[0])]
        _compare(_stored(cursor, _OF_WEEKS, days[0]), afresh, result)
    return result


_OF_DAY = "period_s <= 86400 AND start >= {0} AND start < {0}::timestamptz + interval '1 day'"
_OF_OTHER_DAYS = """
period_s <= 86400 AND start >= {0} AND (start AT TIME ZONE 'UTC')::date <> ALL({1}::date[])
"""
_OF_WEEKS = "period_s > 86400 AND start >= {0}"


def _rebuilt(cursor: Cursor[Any], day: date, result: Comparison) -> Bars:
    where = "event_time >= {0} AND event_time < {0}::timestamptz + interval '1 day'"
    built = [np.empty(0, BAR)]
    for records in _read(cursor, "market_tick", columns.TICK, RECORD, _where(where, day)):
        result.ticks += len(records)
        built.append(store.bars_of(records))
    return bars.fold(np.concatenate(built))


def _stored(cursor: Cursor[Any], condition: str, day: date, *more: object) -> Bars:
    """Stored bars in the order of `bars.fold`."""
    rows = _read(cursor, "market_bar", columns.BAR, BAR, _where(condition, day, *more))
    return bars.fold(np.concatenate([np.empty(0, BAR), *rows]))


def _where(condition: str, day: date, *more: object) -> sql.Composable:
    values = (f"{day} 00:00:00+00", *more)
    return sql.SQL(condition).format(*map(sql.Literal, values))


def _read(
    cursor: Cursor[Any],
    table: str,
    fields: dict[str, columns.Stored],
    dtype: np.dtype[np.void],
    where: sql.Composable,
) -> Iterator[Records]:
    """Rows of a table as structured arrays."""
    names = sql.SQL(", ").join(sql.Identifier(stored.name) for stored in fields.values())
    select = sql.SQL("SELECT {} FROM {} WHERE {}")
    query = select.format(names, sql.Identifier(table), where)
    kinds = [stored.array for stored in fields.values()]
    for values in wire.read_rows(cursor, query, kinds, _CHUNK):
        rows = np.zeros(len(values[0]), dtype)
        for name, column in zip(fields, values, strict=True):
            rows[name] = column
        yield rows


def _compare(stored: Bars, afresh: Bars, result: Comparison) -> None:
    both = np.concatenate([stored, afresh])
    result.bars += len(stored)
    if not len(both):
        return
    is_afresh = np.arange(len(both)) >= len(stored)
    order = np.lexsort((is_afresh, *(both[name] for name in reversed(_KEY))))
    pair = np.flatnonzero(_equal(both[order[:-1]], both[order[1:]], _KEY))
    alone = np.setdiff1d(np.arange(len(both)), np.append(pair, pair + 1))
    single = order[alone]
    missing, invented = both[single[is_afresh[single]]], both[single[~is_afresh[single]]]
    left, right = both[order[pair]], both[order[pair + 1]]
    unequal = left[~_same(left, right)]
    result.missing += len(missing)
    result.invented += len(invented)
    result.unequal += len(unequal)
    for what, rows in (("missing", missing), ("invented", invented), ("unequal", unequal)):
        result.note(what, rows)


def _same(left: Bars, right: Bars) -> Column:
    exact = tuple(name for name in columns.BAR if name != "volume")
    same = _equal(left, right, exact)
    same &= np.isclose(left["volume"], right["volume"], rtol=_VOLUME_TOLERANCE, atol=0)
    return same


def _equal(left: Bars, right: Bars, names: tuple[str, ...]) -> Column:
    equal = np.ones(len(left), dtype=bool)
    for name in names:
        equal &= left[name] == right[name]
    return equal


def _midnight_us(day: date) -> int:
    return to_us(datetime.combine(day, time(0), UTC))
