"""The shape of what lies in the journal: fixed 72-byte tick records, and event maps.

A journal entry of a tick shard is any number of records laid end to end, so that a reader takes
the whole entry, or many entries joined, with one `numpy.frombuffer`. The writer packs single ticks
with `struct` and batches with numpy; both forms are the same bytes.
"""

from __future__ import annotations

import struct
from enum import IntFlag
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt


class Flag(IntFlag):
    """Bits of a record's `flags`."""

    CROSSED = 1  # bid > ask: real brokers send them, so kept
    LOCKED = 2  # bid == ask
    REPLAY = 4  # recorded data; `received_us` is the stated moment of arrival
    HAS_LAST = 8  # `last` holds a trade price
    PLAIN = 16  # numbered by the bridge on arrival
    BACKFILL = 32  # history asked for by the bridge, never live


# Plain ints for the hot path: an IntFlag operation costs a microsecond.
CROSSED, LOCKED, REPLAY, HAS_LAST, PLAIN, BACKFILL = (int(flag) for flag in Flag)

RECORD = np.dtype(
    [
        ("event_us", "<i8"),  # UTC microseconds: terminal time less the offset in use
        ("received_us", "<i8"),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("last", "<f8"),  # 0 = none
        ("volume", "<f8"),
        ("seq", "<i8"),
        ("source", "<i4"),  # bridge_ingest.Source.id == market.Feed.pk
        ("stream", "<i4"),
        ("flags", "<u2"),
        ("offset_min", "<i2"),  # raw terminal time = event_us + offset_min * 60e6
        ("pad", "<u4"),
    ]
)
RECORD_BYTES = RECORD.itemsize
RECORD_STRUCT = struct.Struct("<qqddddqiiHhI")

Records = npt.NDArray[np.void]
"""A one-dimensional array of dtype RECORD, in order of arrival."""

_events_encoder = msgspec.msgpack.Encoder()
_events_decoder = msgspec.msgpack.Decoder(list[dict[str, Any]])


def unpack_records(entries: list[bytes]) -> Records:
    """Join tick entries into one array (a copy when there are several).

    Raises ValueError for an entry that is no whole number of records: joined to others it would
    shift them all.
    """
    for entry in entries:
        if len(entry) % RECORD_BYTES:
            text = f"An entry of {len(entry):,} bytes is no whole number of records."
            raise ValueError(text)
    data = entries[0] if len(entries) == 1 else b"".join(entries)
    return np.frombuffer(data, dtype=RECORD)


def pack_events(events: list[dict[str, Any]]) -> bytes:
    return _events_encoder.encode(events)


def unpack_events(entry: bytes) -> list[dict[str, Any]]:
    return _events_decoder.decode(entry)
