"""MetaTrader 4's own history files, `.hst`, of version 400 and of 401 (since build 600).

A header of 148 bytes: version, copyright[64], symbol[12], period in minutes, digits, two times and
13 unused integers. Then records until the end of the file, little-endian, in which a time is the
server's wall time counted like Unix seconds:

    400, 44 bytes: int32 time; float64 open, low, high, close, volume
    401, 60 bytes: int64 time; float64 open, high, low, close; int64 volume; int32 spread;
                   int64 real volume

Low stands before high in version 400 and after it in 401 ("History files" in the MQL4 reference).
"""

from __future__ import annotations

import struct

import numpy as np

from bridge_ingest.protocol.messages import PERIODS_S
from market.imports.shape import (
    BAR_ROW,
    Block,
    Carry,
    Code,
    Format,
    Kind,
    Layout,
    Parsed,
    Refusal,
)

_HEADER_BYTES = 148
_HEADER = struct.Struct("<i64s12sii")
_V400 = np.dtype(
    [("time", "<i4"), *((name, "<f8") for name in ("open", "low", "high", "close", "volume"))]
)
_V401 = np.dtype(
    [
        ("time", "<i8"),
        *((name, "<f8") for name in ("open", "high", "low", "close")),
        ("volume", "<i8"),
        ("spread", "<i4"),
        ("real_volume", "<i8"),
    ]
)
_RECORDS = {400: _V400, 401: _V401}
_LAST_S = 7_258_118_400
"""The year 2200; a time beyond it is noise."""


def recognise(head: bytes) -> Layout | None:
    """The period is None for one that the bridge does not have (months)."""
    if len(head) < _HEADER_BYTES:
        return None
    version, _, symbol, minutes, _ = _HEADER.unpack_from(head)
    record = _RECORDS.get(version)
    if record is None:
        return None
    seconds = minutes * 60
    return Layout(
        header_bytes=_HEADER_BYTES,
        period_s=seconds if seconds in PERIODS_S.values() else None,
        symbol=symbol.partition(b"\0")[0].decode("ascii", "ignore").strip(),
        record_bytes=record.itemsize,
    )


def parse(block: Block, layout: Layout, _: Carry) -> Parsed:
    record = _V400 if layout.record_bytes == _V400.itemsize else _V401
    count, cut_off = divmod(len(block.data), record.itemsize)
    records = np.frombuffer(block.data, record, count)
    rows = np.zeros(count, BAR_ROW)
    rows["line"] = np.arange(block.line, block.line + count)
    exists = (records["time"] > 0) & (records["time"] < _LAST_S)
    rows["time_us"] = np.where(exists, records["time"], 0).astype("i8") * 1_000_000
    for name in ("open", "high", "low", "close", "volume"):
        rows[name] = records[name]
    refusals = [
        Refusal.of(line, Code.TIME, f"time {records['time'][line - block.line]}".encode())
        for line in rows["line"][~exists].tolist()
    ]
    if cut_off:
        what = f"{cut_off} of {record.itemsize} bytes".encode()
        refusals.append(Refusal.of(block.line + count, Code.CUT_OFF, what))
    return Parsed(rows[exists], refusals)


FORMAT = Format(
    code="mt4_hst",
    label="MetaTrader 4 history file (.hst)",
    kind=Kind.BARS,
    zone=None,
    stamp="open",
    recognise=recognise,
    parse=parse,
)
