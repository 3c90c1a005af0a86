"""A few good rows of every format, written by hand as the platforms write them."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np

from market.imports import files, reading
from market.imports.shape import Block, Carry, Format, Layout, Parsed, Refusal, Rows

NOW_US = 1_800_000_000_000_000
"""2027-01-15, later than every row here."""


def hst(version: int, rows: list[tuple[int, float, float, float, float, int]]) -> bytes:
    """A history file; rows are time, open, high, low, close, volume."""
    header = struct.pack("<i64s12sii", version, b"(C)opyright", b"EURUSD", 1, 5)
    data = header.ljust(148, b"\0")
    for time, open_, high, low, close, volume in rows:
        if version == 400:
            data += struct.pack("<i5d", time, open_, low, high, close, volume)
        else:
            data += struct.pack("<q4dqiq", time, open_, high, low, close, volume, 3, 0)
    return data


_HST = [(1_660_557_960 + 60 * n, 1.1, 1.3, 1.0, 1.2, 7 + n) for n in range(3)]

SAMPLES: dict[str, bytes] = {
    "mt4_csv": b"2022.08.15,10:06,1.02340,1.02359,1.02340,1.02348,105\r\n"
    b"2022.08.15,10:07,1.02345,1.02348,1.02330,1.02348,104\r\n"
    b"2022.08.15,10:09,1.02348,1.02350,1.02335,1.02335,78\r\n",
    "mt4_hst": hst(401, _HST),
    "mt5_ticks": b"<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n"
    b"2014.05.07\t03:00:07.135\t1.39286\t1.39298\t\t\t6\r\n"
    b"2014.05.07\t03:00:16.860\t\t1.39297\t\t\t4\r\n"
    b"2014.05.07\t03:00:17.001\t1.39285\t\t\t\t2\r\n",
    "mt5_bars": b"<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n"
    b"2022.08.15\t10:06:00\t1.02340\t1.02359\t1.02340\t1.02348\t105\t0\t3\r\n"
    b"2022.08.15\t10:07:00\t1.02345\t1.02348\t1.02330\t1.02348\t104\t0\t3\r\n"
    b"2022.08.15\t10:08:00\t1.02348\t1.02350\t1.02335\t1.02335\t78\t9\t3\r\n",
    "copy_rates": b",time,open,high,low,close,tick_volume,spread,real_volume,data,M9\n"
    b"0,1636940340,1.14439,1.14439,1.14432,1.14434,20,8,0,2021-11-15 01:39:00,\n"
    b"1,1636940400,1.14435,1.14444,1.14435,1.14444,26,5,0,2021-11-15 01:40:00,1.1\n"
    b"2,1636940460,1.14445,1.14445,1.14435,1.14440,30,5,0,2021-11-15 01:41:00,1.1\n",
    "ninjatrader_minute": b"20110301 090100;133.9;134.01;133.9;133.98;3778\n"
    b"20110301 090200;134;134;134;134;400\n"
    b"20110301 090300;133.96;133.96;133.96;133.96;127\n",
    "ninjatrader_ticks": b"20131007 040030 2700000;181.52;181.26;181.8;283\n"
    b"20131007 040050 4720000;181.8;181.27;181.8;500\n"
    b"20131007 040050 4720000;181.8;181.27;181.8;500\n",
    "indicator_csv": b"time_utc,bid,ask,last,volume\r\n"
    b"2026-11-21T07:15:15.123Z,6021.25,6021.5,6021.5,3\r\n"
    b"2026-11-21T07:15:15.250Z,6021.0,6021.5,,\r\n"
    b"2026-11-21T07:15:16.000Z,6021.0,6021.25,6021.0,1\r\n",
    "tradingview_csv": b'time,open,high,low,close,Volume,"ta.macd(close, 12).macd"\n'
    b"2022-01-02T17:00:00-05:00,1.13734,1.1376,1.13673,1.13744,2451,NaN\n"
    b"2022-01-02T18:00:00-05:00,1.13741,1.13787,1.13695,1.1373,5655,0\n"
    b"2022-01-02T19:00:00-05:00,1.1373,1.1374,1.1370,1.1371,55,-0.1\n",
}


def layout_of(form: Format, data: bytes) -> Layout:
    layout = form.recognise(data[:65536])
    assert layout is not None
    return layout


def parsed(form: Format, data: bytes) -> Parsed:
    """A whole file in one block, as the format alone reads it."""
    layout = layout_of(form, data)
    block = Block(data[layout.header_bytes :], layout.header_lines + 1)
    return form.parse(block, layout, {})


def read_whole(
    path: Path, *, zone: str = "", stamp: str = "", block_bytes: int = 1 << 20
) -> tuple[Rows, list[Refusal]]:
    """A file as it would be stored: unpacked, in blocks, in UTC, stamped at the opening."""
    with path.open("rb") as source, tempfile.TemporaryDirectory() as folder:
        taken = files.take(source, Path(folder) / "file", 1 << 30)
        known = reading.know(taken.head)
        terms = reading.agree(known, zone=zone, stamp=stamp)
        parts, refusals, carry = [], list[Refusal](), Carry()
        at = files.beginning(known.layout)
        while at.offset < taken.size_bytes:
            block, at, passed_over = files.next_block(taken.path, known.layout, at, block_bytes)
            one = reading.read(block, terms, carry, NOW_US)
            parts.append(one.rows)
            refusals += [*passed_over, *one.refusals]
    return np.concatenate(parts), refusals
