"""MetaTrader 5's "Export Bars": a header in angle brackets, tabs, the server's clock.

    <DATE>  <TIME>  <OPEN>  <HIGH>  <LOW>  <CLOSE>  <TICKVOL>  <VOL>  <SPREAD>
    2022.08.15  10:06:00  1.02340  1.02359  1.02340  1.02348  105  0  3

Days and longer have no <TIME>. Volume is the exchange's where there is one, else counts ticks.
"""

from __future__ import annotations

import numpy as np

from market.imports import text
from market.imports.shape import Block, Carry, Column, Format, Kind, Layout, Parsed

_NAMES = {
    "<date>": "date",
    "<time>": "clock",
    "<open>": "open",
    "<high>": "high",
    "<low>": "low",
    "<close>": "close",
    "<tickvol>": "volume",
    "<vol>": "real_volume",
}
_SHAPES = {
    "date": rb"\d{4}\.\d\d\.\d\d",
    "clock": rb"(?P<clock>\d\d:\d\d)(?P<second>:\d\d)?",
    **dict.fromkeys(text.OHLC, text.PRICE),
    **dict.fromkeys(("volume", "real_volume"), text.MAYBE),
}


def recognise(head: bytes) -> Layout | None:
    line = head.partition(b"\n")[0]
    separator = "\t" if b"\t" in line else ","
    fields = tuple(_NAMES.get(name, "") for name in text.header_names(line, separator))
    named = [name for name in fields if name]
    if not {"date", *text.OHLC} <= set(named) or len(set(named)) < len(named):
        return None
    return text.headed(line, fields, _SHAPES, separator.encode())


def parse(block: Block, layout: Layout, _: Carry) -> Parsed:
    found = text.matches(block, layout)
    if "real_volume" in found.columns and "volume" in found.columns:
        real, counted = (text.volumes(found.columns[n]) for n in ("real_volume", "volume"))
        found.columns["volume"] = np.where(real > 0, real, counted)
    date = text.date_of(found.columns["date"], 0, 5, 8)
    second = _second(found.columns) if "clock" in found.columns else np.zeros(len(date[0]), "i8")
    return text.bars(found, text.moments(date, second), block)


def _second(columns: dict[str, Column]) -> Column:
    second = np.where(columns["second"] == b"", b":00", columns["second"])
    return text.second_of_day(np.char.add(columns["clock"], second), 0, 3, 6)


FORMAT = Format(
    code="mt5_bars",
    label="MetaTrader 5 bar export",
    kind=Kind.BARS,
    zone=None,
    stamp="open",
    recognise=recognise,
    parse=parse,
)
