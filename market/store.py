"""The only writer of ticks, their bars, the feeds' last quotes and the streams' cursors.

Everything happens in the caller's transaction, so that a batch is stored whole or not at all, and
once: what a cursor says is stored is dropped when it comes again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Cursor

from bridge_ingest.journal.layout import BACKFILL, CROSSED, HAS_LAST, RECORD, REPLAY, Records
from market import bars, columns, partitions, statements, wire
from market.bars import Bars
from market.feeds import FeedInfo

Column = npt.NDArray[Any]
_DAY_US = 86_400_000_000
_PIECE = 2048
_MOST_SOURCES = 1 << 24
"""Up to here a table of all sources is the fastest; above it, and below zero, lies damage."""
NONE: Records = np.empty(0, RECORD)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: ticks stored, ticks dropped, ticks stored of each stream.

    `strangers` are the dropped ones whose source is unknown; they were stored nowhere.
    """

    stored: int
    dropped: int
    by_stream: dict[int, int]
    strangers: Records = field(default_factory=lambda: NONE, compare=False, repr=False)


def write_ticks(batch: Records, feeds: Mapping[int, FeedInfo], shard: str) -> Stored:
    """Store a batch of one shard's journal, within the caller's transaction.

    Dropped are records at or below the cursor of their stream in this shard, and records of sources
    that are not among `feeds` (their client was deleted meanwhile). Cursors move past both.
    """
    if not len(batch):
        return Stored(0, 0, {})
    with wire.column_cursor() as cursor:
        fresh = _unseen(cursor, batch, shard)
        kept = _of_feeds(fresh, feeds)
        if len(kept):
            _copy_ticks(cursor, kept)
        # Sent one after the other without waiting: PostgreSQL works while numpy does.
        with cursor.connection.pipeline():
            if len(kept):
                write_bars(cursor, bars_of(kept))
                _write_states(cursor, kept)
            by_stream = _move_cursors(cursor, shard, fresh, kept)
    strangers = NONE if len(kept) == len(fresh) else fresh[~is_of(feeds, fresh)]
    return Stored(len(kept), len(batch) - len(kept), by_stream, strangers)


def prices_of(records: Records) -> Column:
    """What bars are built on: the last trade where a tick has one, else the mid."""
    mid = (records["bid"] + records["ask"]) / 2
    return np.where(records["flags"] & HAS_LAST, records["last"], mid)


def bars_of(records: Records) -> Bars:
    return bars.build(
        feed=records["source"],
        event_us=records["event_us"],
        received_us=records["received_us"],
        seq=records["seq"],
        price=prices_of(records),
        volume=records["volume"],
    )


def write_bars(cursor: Cursor[Any], built: Bars) -> None:
    """Merge bars, one for each (feed, period, start), into those already there."""
    parameters = [stored.array(built[field]) for field, stored in columns.BAR.items()]
    cursor.execute(statements.MERGE_BARS, parameters)


# Which records are new. Nearly always all of them are: then nothing is copied.


def _unseen(cursor: Cursor[Any], batch: Records, shard: str) -> Records:
    """The records whose number is above their stream's cursor and above those before them."""
    order = bars.grouped(batch["stream"])
    stream, seq = batch["stream"][order], batch["seq"][order]
    firsts = bars.group_starts(stream)
    stored = _cursors(cursor, shard, stream[firsts])
    if bars.is_ordered(stream[1:] == stream[:-1], seq) and np.all(seq[firsts] > stored):
        return batch
    unseen = np.empty(len(batch), dtype=bool)
    for group, at in zip(np.split(order, firsts[1:]), stored, strict=True):
        numbers = batch["seq"][group]
        highest_before = np.maximum.accumulate(np.append(at, numbers[:-1]))
        unseen[group] = numbers > highest_before
    return batch[unseen]


def _cursors(cursor: Cursor[Any], shard: str, streams: Column) -> Column:
    """The highest stored number of each stream, 0 for a stream not seen here before."""
    cursor.execute(statements.CURSORS, [shard, wire.Int4Array(streams)])
    stored = dict(cursor.fetchall())
    return np.array([stored.get(stream, 0) for stream in streams.tolist()], dtype=np.int64)


def _of_feeds(records: Records, feeds: Collection[int]) -> Records:
    mask = is_of(feeds, records)
    return records if mask.all() else records[mask]


def is_of(feeds: Collection[int], records: Records) -> npt.NDArray[np.bool_]:
    """Which records are of these feeds; sources that none can have, negative ones too, are not."""
    source = records["source"]
    if source.min(initial=0) < 0 or source.max(initial=0) > _MOST_SOURCES:
        return np.isin(source, np.fromiter(feeds, np.int32, len(feeds)))
    known = np.zeros(source.max(initial=0) + 1, dtype=bool)
    known[[feed for feed in feeds if feed < len(known)]] = True
    mask: npt.NDArray[np.bool_] = known[source]
    return mask


def _move_cursors(cursor: Cursor[Any], shard: str, fresh: Records, kept: Records) -> dict[int, int]:
    """Returns how many ticks of each stream were stored."""
    if not len(fresh):
        return {}
    streams, highest, counts = _by_stream(fresh)
    if len(kept) < len(fresh):
        kept_streams, kept_counts = np.unique_counts(kept["stream"])
        stored = dict(zip(kept_streams.tolist(), kept_counts.tolist(), strict=True))
        counts = np.array([stored.get(stream, 0) for stream in streams.tolist()], dtype=np.int64)
    parameters = [wire.Int4Array(streams), wire.Int8Array(highest), wire.Int8Array(counts)]
    cursor.execute(statements.MOVE_CURSORS, [shard, *parameters])
    return dict(zip(streams.tolist(), counts.tolist(), strict=True))


def _by_stream(records: Records) -> tuple[Column, Column, Column]:
    """Each stream, its highest number and its count; numbers rise within a stream."""
    order = bars.grouped(records["stream"])
    stream = records["stream"][order]
    firsts = bars.group_starts(stream)
    lasts = bars.group_ends(firsts, len(order))
    return stream[firsts], records["seq"][order[lasts]], lasts - firsts + 1


# Ticks.


def _copy_ticks(cursor: Cursor[Any], records: Records) -> None:
    """COPY straight into each day's partition: the parent would look one up for every row."""
    by_table: dict[str, list[Records]] = defaultdict(list)
    by_day = _by_day(records)
    tables = partitions.tables_for({day: len(part) for day, part in by_day.items()})
    for day, part in by_day.items():
        by_table[tables[day]].append(part)
    for table, parts in by_table.items():
        _copy_into(cursor, table, parts[0] if len(parts) == 1 else bars.joined(parts))


def _by_day(records: Records) -> dict[date, Records]:
    day = records["event_us"] // _DAY_US
    if day.min() == day.max():
        return {_date(int(day[0])): records}
    order = np.argsort(day, kind="stable")
    days, firsts = np.unique(day[order], return_index=True)
    parts = np.split(records[order], firsts[1:])
    return dict(zip(map(_date, days.tolist()), parts, strict=True))


def _copy_into(cursor: Cursor[Any], table: str, records: Records) -> None:
    """In pieces, so that PostgreSQL stores one while the next is packed."""
    with cursor.copy(statements.copy_ticks(table)) as copy:
        copy.write(wire.COPY_HEADER)
        for start in range(0, len(records), _PIECE):
            copy.write(_packed(records[start : start + _PIECE]))
        copy.write(wire.COPY_TRAILER)


def _date(days_since_1970: int) -> date:
    return datetime.fromtimestamp(days_since_1970 * 86_400, UTC).date()


def _packed(records: Records) -> memoryview:
    fields = [(stored.array, records[field]) for field, stored in columns.TICK.items()]
    return wire.pack_rows(fields, len(records))


# The last quote of each feed.


def _write_states(cursor: Cursor[Any], records: Records) -> None:
    arrival_us = _arrival_us(records)
    order = bars.grouped(records["source"])
    source = records["source"][order]
    same = source[1:] == source[:-1]
    if not bars.is_ordered(same, arrival_us[order], records["seq"][order]):
        order = np.lexsort((records["seq"], arrival_us, records["source"]))
    firsts = bars.group_starts(source)
    crossed = np.add.reduceat((records["flags"][order] & CROSSED) != 0, firsts, dtype=np.int64)
    latest = order[bars.group_ends(firsts, len(order))]
    last, counts = records[latest], np.diff(firsts, append=len(order))
    parameters = [
        wire.Int4Array(last["source"]),
        *(wire.Float8Array(last[name]) for name in ("bid", "ask", "last", "volume")),
        wire.TimestampArray(last["event_us"]),
        wire.TimestampArray(arrival_us[latest]),
        wire.Int8Array(last["seq"]),
        wire.BoolArray((last["flags"] & REPLAY) != 0),
        wire.Int8Array(counts),
        wire.Int8Array(crossed),
    ]
    cursor.execute(statements.MERGE_STATES, parameters)


def _arrival_us(records: Records) -> Column:
    """Receipt time; of history that the bridge asked for, the time it speaks of.

    So a backfilled quote is never taken for the latest one, unless there is no other.
    """
    received_us = records["received_us"]
    historic = (records["flags"] & BACKFILL) != 0
    return np.where(historic, np.minimum(records["event_us"], received_us), received_us)
