"""The rows of an import, stored within the caller's transaction, and taken out again.

They lie in tables of their own under the import's number: what came live is neither changed nor
counted twice, and undoing an import is deleting its rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from psycopg import Cursor

from bridge_ingest.clock import from_us
from market import bars, columns, statements, wire
from market.bars import BAR, Bars
from market.imports.shape import Column, Rows
from market.models import Import

_OHLC = ("open", "high", "low", "close")
_TICK = ("time_us", "bid", "ask", "last", "volume")


class Written(NamedTuple):
    """What became of rows. `differing`: bars that were imported before with other prices."""

    stored: Rows
    duplicates: int
    differing: Rows


def write(job: Import, rows: Rows, received_us: int) -> Written:
    """Store the rows of an import that are not stored yet; UTC, stamped at the opening."""
    if not len(rows):
        return Written(rows, 0, rows)
    with wire.column_cursor() as cursor:
        if job.period_s:
            return _write_bars(cursor, job, rows, received_us)
        return _write_ticks(cursor, job, rows, received_us)


def remove(job: Import) -> int:
    """Take all rows of an import out; returns how many rows of the file there were."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_importedtick WHERE import_id = %s", [job.pk])
        ticks: int = cursor.rowcount
        cursor.execute("DELETE FROM market_importedbar WHERE import_id = %s", [job.pk])
        bars_gone: int = cursor.rowcount
    return bars_gone if job.period_s else ticks


# Bars.

_STORED_BARS = """
SELECT array_agg(start), array_agg(open), array_agg(high), array_agg(low), array_agg(close)
FROM market_importedbar
WHERE feed_id = %s AND period_s = %s AND start BETWEEN %s AND %s AND ticks = 0
"""


def _write_bars(cursor: Cursor[Any], job: Import, rows: Rows, received_us: int) -> Written:
    """One bar for each opening: the first that came; the same again is a duplicate."""
    before = _stored_bars(cursor, job, rows)
    time_us = np.concatenate([before["time_us"], rows["time_us"]])
    order = np.argsort(time_us, kind="stable")  # what is stored stays before what comes
    firsts = bars.group_starts(time_us[order])
    first = np.empty(len(order), "i8")
    first[order] = np.repeat(order[firsts], np.diff(firsts, append=len(order)))
    first = first[len(before) :]
    own = np.arange(len(before), len(order))
    fresh = first == own
    prices = {name: np.concatenate([before[name], rows[name]]) for name in _OHLC}
    same = np.ones(len(rows), dtype=bool)
    for values in prices.values():
        same &= values[first] == values[own]
    stored = rows[fresh]
    if len(stored):
        _merge(cursor, job, _as_bars(job, stored, received_us))
    return Written(stored, int(np.sum(~fresh & same)), rows[~fresh & ~same])


def _stored_bars(cursor: Cursor[Any], job: Import, rows: Rows) -> Rows:
    parameters = [job.feed_id, job.period_s, *_span(rows)]
    cursor.execute(_STORED_BARS, parameters, binary=True)
    return _as_rows(cursor, rows.dtype, ("time_us", *_OHLC))


def _as_bars(job: Import, rows: Rows, received_us: int) -> Bars:
    found = np.zeros(len(rows), BAR)
    found["feed"], found["period_s"] = job.feed_id, job.period_s
    for name in (*_OHLC, "volume"):
        found[name] = rows[name]
    found["start_us"] = found["open_us"] = rows["time_us"]
    found["close_us"] = rows["time_us"] + job.period_s * 1_000_000
    for side in ("open", "close"):
        found[f"{side}_received_us"], found[f"{side}_seq"] = received_us, rows["line"]
    return found


def _merge(cursor: Cursor[Any], job: Import, built: Bars) -> None:
    arrays = [stored.array(built[field]) for field, stored in columns.BAR.items()]
    cursor.execute(statements.MERGE_IMPORTED_BARS, [job.pk, *arrays])


# Ticks.

_STORED_TICKS = """
SELECT array_agg(event_time), array_agg(bid), array_agg(ask), array_agg(last), array_agg(volume)
FROM market_importedtick
WHERE feed_id = %s AND event_time BETWEEN %s AND %s AND import_id <> %s
"""


def _write_ticks(cursor: Cursor[Any], job: Import, rows: Rows, received_us: int) -> Written:
    """All but as many equal ones as other imports have: two ticks of a file may be equal."""
    fresh = ~_repeated(_stored_ticks(cursor, job, rows), rows)
    stored = rows if fresh.all() else rows[fresh]
    if len(stored):
        _copy(cursor, job, stored, received_us)
        _merge(cursor, job, _built(job, stored, received_us))
    return Written(stored, len(rows) - len(stored), rows[:0])


def _stored_ticks(cursor: Cursor[Any], job: Import, rows: Rows) -> Rows:
    cursor.execute(_STORED_TICKS, [job.feed_id, *_span(rows), job.pk], binary=True)
    return _as_rows(cursor, rows.dtype, _TICK)


def _repeated(before: Rows, rows: Rows) -> Column:
    """Of n equal rows and m stored ones like them, the first m are repeated."""
    if not len(before):
        return np.zeros(len(rows), dtype=bool)
    both = {name: np.concatenate([before[name], rows[name]]) for name in _TICK}
    order = np.lexsort([both[name] for name in reversed(_TICK)])  # stable: stored stand first
    firsts = bars.group_starts(*(both[name][order] for name in _TICK))
    lengths = np.diff(firsts, append=len(order))
    known = np.add.reduceat(order < len(before), firsts, dtype="i8")
    place = np.arange(len(order)) - np.repeat(firsts, lengths)
    repeated = np.empty(len(order), dtype=bool)
    repeated[order] = place < np.repeat(2 * known, lengths)
    found: Column = repeated[len(before) :]
    return found


def _copy(cursor: Cursor[Any], job: Import, rows: Rows, received_us: int) -> None:
    whole = {name: rows[name] for name in ("line", *_TICK)}
    given = {"import_id": job.pk, "feed_id": job.feed_id, "received_us": received_us}
    whole |= {name: np.full(len(rows), value) for name, value in given.items()}
    fields = [(stored.array, whole[field]) for field, stored in columns.IMPORTED_TICK.items()]
    with cursor.copy(statements.copy_imported_ticks()) as copy:
        copy.write(wire.COPY_HEADER)
        copy.write(wire.pack_rows(fields, len(rows)))
        copy.write(wire.COPY_TRAILER)


def _built(job: Import, rows: Rows, received_us: int) -> Bars:
    """On the last trade where a tick has one, else on the mid, as for live ticks."""
    mid = (rows["bid"] + rows["ask"]) / 2
    return bars.build(
        feed=np.full(len(rows), job.feed_id),
        event_us=rows["time_us"],
        received_us=np.full(len(rows), received_us),
        seq=rows["line"],
        price=np.where(rows["last"] != 0, rows["last"], mid),
        volume=rows["volume"],
    )


def _span(rows: Rows) -> list[Any]:
    return [from_us(rows["time_us"].min()), from_us(rows["time_us"].max())]


def _as_rows(cursor: Cursor[Any], dtype: np.dtype[Any], names: tuple[str, ...]) -> Rows:
    time, *values = cursor.fetchall()[0]
    moments = wire.TimestampArray.unpack(time)
    rows = np.zeros(len(moments), dtype)
    rows["time_us"] = moments
    for name, value in zip(names[1:], values, strict=True):
        rows[name] = wire.Float8Array.unpack(value)
    return rows
