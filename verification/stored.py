"""Stored ticks of a replay, read again after a crash by the numbers under which they wait."""

from __future__ import annotations

import numpy as np

from bridge_ingest.clock import from_us
from bridge_ingest.journal.layout import RECORD, Records
from market import wire
from verification.recordings import Held

_HELD = """
SELECT array_agg(event_time), array_agg(received_at), array_agg(bid), array_agg(ask),
       array_agg(seq), array_agg(flags)
FROM (SELECT * FROM market_tick
      WHERE feed_id = %s AND stream_id = %s AND seq BETWEEN %s AND %s
        AND event_time BETWEEN %s AND %s
      ORDER BY seq) held
"""


def held_ticks(feed_id: int, held: Held) -> Records:
    """In the order in which they came. The event times narrow the search to a few pages."""
    span = [from_us(held.earliest_us), from_us(held.latest_us)]
    with wire.column_cursor() as cursor:
        cursor.execute(_HELD, [feed_id, held.stream, held.first, held.last, *span], binary=True)
        (row,) = cursor.fetchall()
    event, received, bid, ask, seq, flags = row
    numbers = wire.unpack_array(seq, ">i8")
    records = np.zeros(len(numbers), RECORD)
    records["seq"] = numbers
    records["event_us"] = wire.TimestampArray.unpack(event)
    records["received_us"] = wire.TimestampArray.unpack(received)
    records["bid"] = wire.unpack_array(bid, ">f8")
    records["ask"] = wire.unpack_array(ask, ">f8")
    records["flags"] = wire.unpack_array(flags, ">i2")
    records["source"], records["stream"] = feed_id, held.stream
    return records
