"""Binary batches of ticks (0xF1) and compressed JSON (zlib): what `features` can agree on."""

from __future__ import annotations

import struct
import zlib
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bridge_ingest.protocol.errors import Refused

FEATURES = frozenset({"binary", "deflate"})
MAGIC = 0xF1
DEFLATE_MAGIC = 0xF2
"""On byte streams: u8 0xF2, u32 length, then zlib data. Elsewhere the frame is the zlib data."""
ZLIB_MAGIC = 0x78
HEADER = struct.Struct("<BBHIQ")
DEFLATE_HEADER = struct.Struct("<BI")
RECORD = np.dtype([("time_us", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("volume", "<f8")])
MAX_TICKS = 10_000
MAX_INFLATED_BYTES = 1024 * 1024
_VERSION = 1
_SEQ_BELOW = 2**62


class Batch:
    """A binary batch; to a session it looks like `messages.Ticks`.

    `table` has the columns time_ms, bid, ask, volume. `symbol` is None until the session has looked
    `number` up in what the terminal has named.
    """

    def __init__(self, seq: int, number: int, table: npt.NDArray[np.float64]) -> None:
        self.seq = seq
        self.number = number
        self.table = table
        self.symbol: str | None = None
        self.backfill = None

    @property
    def count(self) -> int:
        return len(self.table)

    @cached_property
    def ticks(self) -> list[list[float]]:
        """Rows, made only when one is refused."""
        rows: list[list[float]] = self.table.tolist()
        return rows

    def skip(self, count: int) -> None:
        """Leave out leading rows that are duplicates."""
        self.table, self.seq = self.table[count:], self.seq + count

    def shown(self) -> dict[str, Any]:
        """What is kept of it when it is refused as a whole."""
        told = {"type": "binary", "seq": self.seq, "count": self.count}
        return {**told, "symbol": self.symbol or self.number}


def decode(data: bytes) -> Batch:
    """One whole batch. Raises Refused("binary") when its header contradicts itself."""
    if len(data) < HEADER.size:
        raise _refused("is shorter than its header")
    _, version, number, count, seq = HEADER.unpack_from(data)
    if version != _VERSION:
        raise _refused(f"has version {version}; 1 is spoken here")
    if not 1 <= count <= MAX_TICKS:
        raise _refused(f"holds {count} ticks; 1 to {MAX_TICKS:,} are taken")
    if len(data) != HEADER.size + count * RECORD.itemsize:
        raise _refused(f"has {len(data)} bytes, which {count} ticks do not make")
    if not 1 <= seq < _SEQ_BELOW:
        raise _refused(f"begins with the number {seq}")
    return Batch(seq, number, _table(np.frombuffer(data, RECORD, offset=HEADER.size)))


def _table(records: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    table = np.empty((len(records), 4))
    table[:, 0] = records["time_us"] / 1000
    table[:, 1], table[:, 2] = records["bid"], records["ask"]
    table[:, 3] = records["volume"]
    return table


def inflate(data: bytes) -> bytes:
    """The JSON in a zlib stream. Raises Refused("inflated"); never holds more than 1 MiB of it."""
    engine = zlib.decompressobj()
    try:
        content = engine.decompress(data, MAX_INFLATED_BYTES + 1)
    except zlib.error as error:
        raise Refused("inflated", "", f"This is not sound zlib data: {error}.") from None
    if len(content) > MAX_INFLATED_BYTES:
        raise Refused("inflated", "", "The batch inflates to over 1 MiB.")
    if not engine.eof or engine.unused_data:
        raise Refused("inflated", "", "The zlib data do not end where the batch ends.")
    return content


def _refused(why: str) -> Refused:
    return Refused("binary", "", f"The binary batch {why}.")
