"""The formats, each in a module of its own, and which of them a file has."""

from __future__ import annotations

from market.imports.formats import (
    copy_rates,
    indicator_csv,
    mt4_csv,
    mt4_hst,
    mt5_bars,
    mt5_ticks,
    ninjatrader_minute,
    ninjatrader_ticks,
    tradingview_csv,
)
from market.imports.shape import HEAD_BYTES, Format, Layout

FORMATS: dict[str, Format] = {
    module.FORMAT.code: module.FORMAT
    for module in (
        mt4_hst,
        mt4_csv,
        mt5_ticks,
        mt5_bars,
        copy_rates,
        ninjatrader_minute,
        ninjatrader_ticks,
        indicator_csv,
        tradingview_csv,
    )
}


def recognise(head: bytes) -> tuple[Format, Layout] | None:
    """The format of a file by its first `HEAD_BYTES`; its name says nothing."""
    for one in FORMATS.values():
        layout = one.recognise(head[:HEAD_BYTES])
        if layout is not None:
            return one, layout
    return None
