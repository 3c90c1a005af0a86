"""The csv that our NinjaTrader indicator appends; `docs/imports.md` defines it.

    time_utc,bid,ask,last,volume
    2026-11-21T07:15:15.123Z,6021.25,6021.5,6021.5,3

UTC milliseconds, a point in numbers whatever the machine's language, `last` and `volume` blank
where the row is a change of the quote alone.
"""

from __future__ import annotations

from market.imports import text
from market.imports.shape import Block, Carry, Format, Kind, Layout, Parsed

HEADER = b"time_utc,bid,ask,last,volume"
_FIELDS = ("time", "bid", "ask", "last", "volume")
_SHAPES = {
    "time": rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    **dict.fromkeys(("bid", "ask"), text.PRICE),
    **dict.fromkeys(("last", "volume"), text.MAYBE),
}
_PATTERN = text.row_pattern(_FIELDS, _SHAPES, b",")


def recognise(head: bytes) -> Layout | None:
    line = head.partition(b"\n")[0]
    if line.strip() != HEADER:
        return None
    return Layout(header_bytes=len(line) + 1, header_lines=1, fields=_FIELDS, pattern=_PATTERN)


def parse(block: Block, layout: Layout, _: Carry) -> Parsed:
    found = text.matches(block, layout)
    time = found.columns["time"]
    second = text.second_of_day(time, 11, 14, 17)
    moment, exists = text.moments(text.date_of(time, 0, 5, 8), second)
    return text.ticks(found, (moment + text.digits(time, 20, 23) * 1000, exists), block)


FORMAT = Format(
    code="indicator_csv",
    label="FKS indicator for NinjaTrader (csv)",
    kind=Kind.TICKS,
    zone="UTC",
    stamp="",
    recognise=recognise,
    parse=parse,
    zone_stated=True,
)
