"""The statements of `market.store`, one round trip each. Parameters are arrays, one per column."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from market import columns


def copy_ticks(table: str) -> sql.Composed:
    return _copy(table, columns.TICK)


def copy_imported_ticks() -> sql.Composed:
    return _copy("market_importedtick", columns.IMPORTED_TICK)


def _copy(table: str, fields: Mapping[str, columns.Stored]) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in fields.values())
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)")
    return statement.format(sql.Identifier(table), names)


def _either(table: str, names: tuple[str, ...], condition: str) -> str:
    """Assignments that take the new row's columns where the condition holds."""
    choices = (
        f"{name} = CASE WHEN {condition} THEN excluded.{name} ELSE {table}.{name} END"
        for name in names
    )
    return ", ".join(choices)


def _row(table: str, names: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"{table}.{name}" for name in names) + ")"


# Must say what `market.bars.fold` says.
_OPEN = ("open_time", "open_received_at", "open_seq", "open")
_CLOSE = ("close_time", "close_received_at", "close_seq", "close")
_MERGED = f"""
    high = greatest(b.high, excluded.high),
    low = least(b.low, excluded.low),
    volume = b.volume + excluded.volume,
    ticks = b.ticks + excluded.ticks,
    {_either("b", _OPEN, f"{_row('excluded', _OPEN)} < {_row('b', _OPEN)}")},
    {_either("b", _CLOSE, f"{_row('excluded', _CLOSE)} > {_row('b', _CLOSE)}")}
"""
_BAR_NAMES = ", ".join(column.name for column in columns.BAR.values())
_BAR_ARRAYS = ", ".join(["%s"] * len(columns.BAR))
MERGE_BARS = f"""
INSERT INTO market_bar AS b ({_BAR_NAMES}) SELECT * FROM unnest({_BAR_ARRAYS})
ON CONFLICT (feed_id, period_s, start) DO UPDATE SET {_MERGED}
"""  # noqa: S608  (names of columns, all written above)
MERGE_IMPORTED_BARS = f"""
INSERT INTO market_importedbar AS b (import_id, {_BAR_NAMES})
SELECT %s, * FROM unnest({_BAR_ARRAYS})
ON CONFLICT (feed_id, period_s, start, import_id) DO UPDATE SET {_MERGED}
"""  # noqa: S608  (as above)

_QUOTE = ("bid", "ask", "last", "volume", "event_time", "received_at", "seq", "replayed")
_ARRIVAL = ("received_at", "seq")
MERGE_STATES = f"""
INSERT INTO market_feedstate AS s (
    feed_id, bid, ask, last, volume, event_time, received_at, seq, replayed, ticks, crossed
)
SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (feed_id) DO UPDATE SET
    ticks = s.ticks + excluded.ticks,
    crossed = s.crossed + excluded.crossed,
    {_either("s", _QUOTE, f"{_row('excluded', _ARRIVAL)} >= {_row('s', _ARRIVAL)}")}
"""  # noqa: S608  (names of columns, all written above)

CURSORS = """
SELECT stream_id, seq FROM bridge_ingest_streamcursor WHERE shard = %s AND stream_id = ANY(%s)
"""
MOVE_CURSORS = """
INSERT INTO bridge_ingest_streamcursor AS c (shard, stream_id, seq, stored)
SELECT %s, * FROM unnest(%s, %s, %s)
ON CONFLICT (shard, stream_id) DO UPDATE SET
    seq = greatest(c.seq, excluded.seq),
    stored = c.stored + excluded.stored
"""
