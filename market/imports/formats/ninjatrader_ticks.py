"""NinjaTrader's export of ticks: trades with the quote in force, 100 ns, no header, UTC.

    20131007 040030 2700000;181.52;181.26;181.8;283

The columns are the trade, bid, ask and volume. See `ninjatrader_minute` for the zone.
"""

from __future__ import annotations

from market.imports import text
from market.imports.shape import Block, Carry, Format, Kind, Layout, Parsed

_FIELDS = ("time", "last", "bid", "ask", "volume")
_SHAPES = {"time": rb"\d{8} \d{6} \d{7}", **dict.fromkeys(_FIELDS[1:], text.PRICE)}
_LAYOUT = Layout(separator=b";", fields=_FIELDS, pattern=text.row_pattern(_FIELDS, _SHAPES, b";"))


def recognise(head: bytes) -> Layout | None:
    return text.headless(head, _LAYOUT)


def parse(block: Block, layout: Layout, _: Carry) -> Parsed:
    found = text.matches(block, layout)
    time = found.columns["time"]
    second = text.second_of_day(time, 9, 11, 13)
    moment, exists = text.moments(text.date_of(time, 0, 4, 6), second)
    return text.ticks(found, (moment + text.digits(time, 16, 22), exists), block)


FORMAT = Format(
    code="ninjatrader_ticks",
    label="NinjaTrader tick export",
    kind=Kind.TICKS,
    zone="UTC",
    stamp="",
    recognise=recognise,
    parse=parse,
)
