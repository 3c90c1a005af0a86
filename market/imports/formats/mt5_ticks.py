"""MetaTrader 5's "Export Ticks": a header in angle brackets, tabs, milliseconds of the server.

    <DATE>  <TIME>  <BID>  <ASK>  <LAST>  <VOLUME>  <FLAGS>
    2014.05.07  03:00:07.135  1.39286  1.39298      6
    2014.05.07  03:00:16.860    1.39297      4

A side that did not change is blank and goes on as it was, over the border of blocks too.
"""

from __future__ import annotations

import numpy as np

from market.imports import text
from market.imports.shape import (
    Block,
    Carry,
    Code,
    Column,
    Format,
    Kind,
    Layout,
    Parsed,
    Refusal,
)

_HEADER = ("<date>", "<time>", "<bid>", "<ask>", "<last>", "<volume>")
_FIELDS = ("date", "clock", "bid", "ask", "last", "volume")
_SHAPES = {
    "date": rb"\d{4}\.\d\d\.\d\d",
    "clock": rb"\d\d:\d\d:\d\d\.\d{3}",
    **dict.fromkeys(_FIELDS[2:], text.MAYBE),
}


def recognise(head: bytes) -> Layout | None:
    line = head.partition(b"\n")[0]
    separator = "\t" if b"\t" in line else ","
    names = text.header_names(line, separator)
    if tuple(names[:6]) != _HEADER:
        return None
    fields = _FIELDS + ("",) * (len(names) - len(_FIELDS))
    return text.headed(line, fields, _SHAPES, separator.encode())


def parse(block: Block, layout: Layout, carry: Carry) -> Parsed:
    found = text.matches(block, layout)
    clock = found.columns["clock"]
    second = text.second_of_day(clock, 0, 3, 6)
    moment, exists = text.moments(text.date_of(found.columns["date"], 0, 5, 8), second)
    moment = moment + text.digits(clock, 9, 12) * 1000
    parsed = text.ticks(found, (moment, exists), block)
    for side in ("bid", "ask"):
        parsed.rows[side] = _filled(parsed.rows[side], carry, side)
    return _two_sided(parsed, block)


def _filled(prices: Column, carry: Carry, side: str) -> Column:
    """Each blank becomes the price before it; NaN while there was none."""
    known = np.append(carry.get(side, np.nan), prices)
    at = np.maximum.accumulate(np.where(np.isnan(known), 0, np.arange(len(known))))
    filled: Column = known[at][1:]
    if len(filled) and not np.isnan(filled[-1]):
        carry[side] = float(filled[-1])
    return filled


def _two_sided(parsed: Parsed, block: Block) -> Parsed:
    rows = parsed.rows
    single = np.isnan(rows["bid"]) | np.isnan(rows["ask"])
    if not single.any():
        return parsed
    lines = block.data.split(b"\n")
    refused = [
        Refusal.of(line, Code.ONE_SIDED, lines[line - block.line])
        for line in rows["line"][single].tolist()
    ]
    return Parsed(rows[~single], [*parsed.refusals, *refused])


FORMAT = Format(
    code="mt5_ticks",
    label="MetaTrader 5 tick export",
    kind=Kind.TICKS,
    zone=None,
    stamp="",
    recognise=recognise,
    parse=parse,
)
