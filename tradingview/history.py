"""Answers of `/history`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from market import queries
from market.directory import FeedEntry
from market.queries import BarColumns, Window

MAX_BARS = 20_000
"""Of a longer request the newest so many; charts ask again for what lies before them."""
_EARLIEST_S, _LATEST_S = 0, 253_370_764_800


@dataclass(frozen=True, slots=True)
class Asked:
    """Unix seconds; `countback` beats `start_s`."""

    start_s: int
    end_s: int
    countback: int | None

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Asked:
        """Raises ValueError naming the parameter."""
        start_s = _seconds(parameters.get("from", "0"), "from")
        end_s = _seconds(parameters.get("to", str(_LATEST_S)), "to")
        countback = parameters.get("countback", "")
        if countback and not (countback.isdecimal() and int(countback) > 0):
            raise ValueError(f"countback is {countback!r}; it must be a whole number above 0.")
        return cls(start_s, end_s, min(int(countback), MAX_BARS) if countback else None)

    @property
    def window(self) -> Window:
        start_s = 0 if self.countback else self.start_s
        return Window(start_s * 1_000_000, self.end_s * 1_000_000, self.countback or MAX_BARS)


def columns(feed: FeedEntry, period_s: int, asked: Asked) -> dict[str, Any]:
    """In a gap the bar before it is given: `no_data` would tell a chart never to ask again."""
    found = queries.bars(feed.feed_id, period_s, asked.window)
    if not found.size and not asked.countback:
        before = Window(0, min(asked.start_s, asked.end_s) * 1_000_000, 1)
        found = queries.bars(feed.feed_id, period_s, before)
    if not found.size:
        return {"s": "no_data"}
    return {"s": "ok", "t": (found.start_us // 1_000_000).tolist(), **_prices(found)}


def _prices(found: BarColumns) -> dict[str, list[float]]:
    _, *prices = queries.rounded(found)
    return {name: column.tolist() for name, column in zip("ohlcv", prices, strict=True)}


def _seconds(text: str, name: str) -> int:
    """Some clients send fractions; a moment in milliseconds would lie far beyond the last year."""
    try:
        seconds = math.floor(float(text))
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is {text!r:.40}; it must be unix seconds.") from None
    if not seconds <= _LATEST_S:
        raise ValueError(f"{name} is {text!r:.40}; it must be unix seconds, not milliseconds.")
    return max(seconds, _EARLIEST_S)
