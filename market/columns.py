"""How the fields of records and bars lie in PostgreSQL's tables."""

from __future__ import annotations

from typing import NamedTuple

from market import wire


class Stored(NamedTuple):
    """A column's name and the array type that carries it."""

    name: str
    array: type[wire.PackedArray]


TICK = {
    "event_us": Stored("event_time", wire.TimestampArray),
    "received_us": Stored("received_at", wire.TimestampArray),
    "bid": Stored("bid", wire.Float8Array),
    "ask": Stored("ask", wire.Float8Array),
    "last": Stored("last", wire.Float8Array),
    "volume": Stored("volume", wire.Float8Array),
    "seq": Stored("seq", wire.Int8Array),
    "source": Stored("feed_id", wire.Int4Array),
    "stream": Stored("stream_id", wire.Int4Array),
    "flags": Stored("flags", wire.Int2Array),
    "offset_min": Stored("offset_min", wire.Int2Array),
}
"""Fields of a journal record (bridge_ingest.journal.layout.RECORD) in `market_tick`."""

IMPORTED_TICK = {
    "import_id": Stored("import_id", wire.Int8Array),
    "line": Stored("line", wire.Int8Array),
    "feed_id": Stored("feed_id", wire.Int4Array),
    "time_us": Stored("event_time", wire.TimestampArray),
    "received_us": Stored("received_at", wire.TimestampArray),
    "bid": Stored("bid", wire.Float8Array),
    "ask": Stored("ask", wire.Float8Array),
    "last": Stored("last", wire.Float8Array),
    "volume": Stored("volume", wire.Float8Array),
}
"""A row of a file (market.imports.shape.TICK_ROW) in `market_importedtick`."""

BAR = {
    "feed": Stored("feed_id", wire.Int4Array),
    "period_s": Stored("period_s", wire.Int4Array),
    "start_us": Stored("start", wire.TimestampArray),
    "open": Stored("open", wire.Float8Array),
    "high": Stored("high", wire.Float8Array),
    "low": Stored("low", wire.Float8Array),
    "close": Stored("close", wire.Float8Array),
    "volume": Stored("volume", wire.Float8Array),
    "ticks": Stored("ticks", wire.Int8Array),
    "open_us": Stored("open_time", wire.TimestampArray),
    "open_received_us": Stored("open_received_at", wire.TimestampArray),
    "open_seq": Stored("open_seq", wire.Int8Array),
    "close_us": Stored("close_time", wire.TimestampArray),
    "close_received_us": Stored("close_received_at", wire.TimestampArray),
    "close_seq": Stored("close_seq", wire.Int8Array),
}
"""Fields of `market.bars.BAR` in `market_bar`."""
