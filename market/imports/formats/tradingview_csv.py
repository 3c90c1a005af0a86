"""TradingView's "Export chart data": `time`, prices, any number of plots, `Volume` somewhere.

    time,open,high,low,close,Volume,"ta.macd(close, 12, 26, 9).macd"
    2022-01-02T17:00:00-05:00,1.13734,1.1376,1.13673,1.13744,2451,NaN

Time is Unix seconds or ISO text with an offset that changes with daylight saving; both say which
moment is meant. A bar is stamped at its opening. Headers of plots may hold commas, in quotes, and
HTML entities; plots are not read, so they may be NaN.
"""

from __future__ import annotations

import numpy as np

from market.imports import text
from market.imports.shape import Block, Carry, Column, Format, Kind, Layout, Parsed

_TIME = (
    rb"(?P<epoch>-?\d{1,10})|(?P<day>\d{4}-\d\d-\d\d)"
    rb"(?:T(?P<clock>\d\d:\d\d:\d\d)(?:\.000)?(?P<zone>Z|[+-]\d\d:\d\d))?"
)
_READ = ("time", *text.OHLC, "volume")
_SHAPES = {
    "time": rb"(?:" + _TIME + rb")",
    **dict.fromkeys(text.OHLC, text.PRICE),
    "volume": text.MAYBE,
}


def recognise(head: bytes) -> Layout | None:
    line = head.partition(b"\n")[0]
    names = text.header_names(line, ",")
    if names[:5] != ["time", *text.OHLC] or "tick_volume" in names:
        return None
    # A plot may be called as a column is; the first of a name is the chart's own.
    fields = tuple(
        name if name in _READ and name not in names[:at] else "" for at, name in enumerate(names)
    )
    return text.headed(line, fields, _SHAPES, b",")


def parse(block: Block, layout: Layout, _: Carry) -> Parsed:
    found = text.matches(block, layout)
    return text.bars(found, _times(found.columns), block)


def _times(columns: dict[str, Column]) -> tuple[Column, Column]:
    """What has no zone is UTC: Unix seconds, and days without a time of day."""
    written, exists = text.seconds_or_iso(columns)
    ahead_us, known = _offsets(columns["zone"])
    return written - ahead_us, exists & known


def _offsets(zone: Column) -> tuple[Column, Column]:
    """Microseconds ahead of UTC, and whether there can be such an offset."""
    utc = (zone == b"") | (zone == b"Z")
    padded = np.where(utc, b"+00:00", zone)
    hour, minute = text.digits(padded, 1, 3), text.digits(padded, 4, 6)
    sign = np.where(np.char.startswith(padded, b"-"), -1, 1)
    ahead_us: Column = sign * (hour * 60 + minute) * 60_000_000
    return ahead_us, (hour < 16) & (minute < 60)


FORMAT = Format(
    code="tradingview_csv",
    label="TradingView chart data (csv)",
    kind=Kind.BARS,
    zone="UTC",
    stamp="open",
    recognise=recognise,
    parse=parse,
    zone_stated=True,
)
