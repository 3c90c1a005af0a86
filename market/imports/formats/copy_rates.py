"""What `copy_rates_*` of the MetaTrader5 package for Python gives, saved by pandas.

    ,time,open,high,low,close,tick_volume,spread,real_volume,...
    0,1636940340,1.14439,1.14439,1.14432,1.14434,20,8,0,...

An index and columns of the owner's may stand around. `time` is the server's wall time counted like
Unix seconds, or the same as text (`2021-11-15 01:39:00`).
"""

from __future__ import annotations

from market.imports import text
from market.imports.shape import Block, Carry, Format, Kind, Layout, Parsed

_TIME = (
    rb"(?P<epoch>\d{9,10})(?:\.0)?"
    rb"|(?P<day>\d{4}-\d\d-\d\d)(?:[ T](?P<clock>\d\d:\d\d:\d\d))?"
)
_READ = frozenset({"time", *text.OHLC, "tick_volume"})
_SHAPES = {
    "time": rb"(?:" + _TIME + rb")",
    **dict.fromkeys(text.OHLC, text.PRICE),
    "volume": text.MAYBE,
}


def recognise(head: bytes) -> Layout | None:
    line = head.partition(b"\n")[0]
    names = text.header_names(line, ",")
    if any(names.count(name) != 1 for name in _READ):
        return None
    fields = tuple(_field(name) for name in names)
    return text.headed(line, fields, _SHAPES, b",")


def _field(name: str) -> str:
    if name == "tick_volume":
        return "volume"
    return name if name in _READ else ""


def parse(block: Block, layout: Layout, _: Carry) -> Parsed:
    found = text.matches(block, layout)
    return text.bars(found, text.seconds_or_iso(found.columns), block)


FORMAT = Format(
    code="copy_rates",
    label="MetaTrader 5 copy_rates (csv)",
    kind=Kind.BARS,
    zone=None,
    stamp="open",
    recognise=recognise,
    parse=parse,
)
