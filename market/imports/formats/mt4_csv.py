"""MetaTrader 4's history centre, "Export": no header, CRLF, minutes of the server's clock.

2022.08.15,10:06,1.02340,1.02359,1.02340,1.02348,105
"""

from __future__ import annotations

from market.imports import text
from market.imports.shape import Block, Carry, Format, Kind, Layout, Parsed

_FIELDS = ("date", "clock", *text.OHLC, "volume")
_SHAPES = {
    "date": rb"\d{4}\.\d\d\.\d\d",
    "clock": rb"\d\d:\d\d",
    **dict.fromkeys(text.OHLC, text.PRICE),
    "volume": text.MAYBE,
}
_LAYOUT = Layout(fields=_FIELDS, pattern=text.row_pattern(_FIELDS, _SHAPES, b","))


def recognise(head: bytes) -> Layout | None:
    return text.headless(head, _LAYOUT)


def parse(block: Block, layout: Layout, _: Carry) -> Parsed:
    found = text.matches(block, layout)
    date, clock = found.columns["date"], found.columns["clock"]
    times = text.moments(text.date_of(date, 0, 5, 8), text.second_of_day(clock, 0, 3))
    return text.bars(found, times, block)


FORMAT = Format(
    code="mt4_csv",
    label="MetaTrader 4 history (csv)",
    kind=Kind.BARS,
    zone=None,
    stamp="open",
    recognise=recognise,
    parse=parse,
)
