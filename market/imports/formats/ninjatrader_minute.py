"""NinjaTrader's export of minutes: no header, semicolons, UTC, stamped at the close of the minute.

    20110301 090100;133.9;134.01;133.9;133.98;3778

"Exporting" in NinjaTrader 8's help: exports are UTC and stamped at the end of the bar. Files that
other programs write in this layout may hold another zone, so that it can be chosen.
"""

from __future__ import annotations

from market.imports import text
from market.imports.shape import Block, Carry, Format, Kind, Layout, Parsed

_FIELDS = ("time", *text.OHLC, "volume")
_SHAPES = {
    "time": rb"\d{8} \d{6}",
    **dict.fromkeys(text.OHLC, text.PRICE),
    "volume": text.MAYBE,
}
_LAYOUT = Layout(separator=b";", fields=_FIELDS, pattern=text.row_pattern(_FIELDS, _SHAPES, b";"))


def recognise(head: bytes) -> Layout | None:
    return text.headless(head, _LAYOUT)


def parse(block: Block, layout: Layout, _: Carry) -> Parsed:
    found = text.matches(block, layout)
    time = found.columns["time"]
    second = text.second_of_day(time, 9, 11, 13)
    return text.bars(found, text.moments(text.date_of(time, 0, 4, 6), second), block)


FORMAT = Format(
    code="ninjatrader_minute",
    label="NinjaTrader minute export",
    kind=Kind.BARS,
    zone="UTC",
    stamp="close",
    recognise=recognise,
    parse=parse,
)
