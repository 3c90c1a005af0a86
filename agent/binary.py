"""Binary batches and compressed blocks, as `features` in hello can agree on them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping

BATCH_MAGIC, DEFLATE_MAGIC, ZLIB_MAGIC = 0xF1, 0xF2, 0x78
HEADER = struct.Struct("<BBHIQ")
RECORD = struct.Struct("<qddd")
DEFLATE_HEADER = struct.Struct("<BI")
MAX_TICKS = 10_000
_VERSION = 1
_WORTH_COMPRESSING_BYTES = 512
_LEVEL = 1  # higher levels gain a few percent and cost several times the processor

Row = tuple[int, float, float, float]
"""time_us, bid, ask, volume"""


def header(seq: int, symbol: int, count: int) -> bytes:
    """What stands before `count` records; `seq` is the first one's number."""
    return HEADER.pack(BATCH_MAGIC, _VERSION, symbol, count, seq)


def batch(seq: int, symbol: int, rows: Iterable[Row]) -> bytes:
    """A whole batch of at most MAX_TICKS ticks of the symbol that `symbols` has named."""
    records = [RECORD.pack(*row) for row in rows]
    return header(seq, symbol, len(records)) + b"".join(records)


def symbols(names: Mapping[int, str]) -> bytes:
    """The message that gives symbols their numbers."""
    told = {"type": "symbols", "map": {str(number): name for number, name in names.items()}}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def row(record: str) -> Row | None:
    """A JSON record `[time_ms,bid,ask,volume]` as a row; None when it holds more than a row can."""
    values = json.loads(record)
    if len(values) > 4:
        return None
    time_ms, bid, ask, *volume = values
    return round(time_ms * 1000), bid, ask, volume[0] if volume else 0.0


def deflated(message: bytes) -> bytes | None:
    """The message as zlib data; None when it is too small to gain."""
    return zlib.compress(message, _LEVEL) if len(message) > _WORTH_COMPRESSING_BYTES else None


def stream_block(data: bytes) -> bytes:
    """How a batch or zlib data stands in a byte stream."""
    if data[0] == ZLIB_MAGIC:
        return DEFLATE_HEADER.pack(DEFLATE_MAGIC, len(data)) + data
    return data
