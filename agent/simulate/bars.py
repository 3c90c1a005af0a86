"""Minute bars as a terminal makes them from the ticks it has seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

MINUTE_S = 60
AVERAGE_OF = 14


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """`open_s` and `close_s` are UTC seconds of the bar's two ends."""

    open_s: int
    open: float
    high: float
    low: float
    close: float
    volume: int

    @property
    def close_s(self) -> int:
        return self.open_s + MINUTE_S


class BarBuilder:
    """Builds the bars of one symbol and the simple moving average of their closes.

    `closes` are the closes before the first bar, so that the average is there from the start.
    """

    def __init__(self, closes: Iterable[float]) -> None:
        self._closes = deque(closes, maxlen=AVERAGE_OF)
        self._bar: MinuteBar | None = None

    def tick(self, price: float, volume: int, event_s: float) -> MinuteBar | None:
        """Take a trade or mid price in; the bar that this tick has closed, if it has."""
        start = int(event_s) // MINUTE_S * MINUTE_S
        bar = self._bar
        if bar is None or start > bar.open_s:
            self._bar = MinuteBar(start, price, price, price, price, volume)
            if bar is not None:
                self._closes.append(bar.close)
            return bar
        high, low = max(bar.high, price), min(bar.low, price)
        self._bar = MinuteBar(bar.open_s, bar.open, high, low, price, bar.volume + volume)
        return None

    def average(self) -> float:
        """Of the last closes; the bar in the making does not count."""
        return sum(self._closes) / len(self._closes)


def rsi(closes: list[float]) -> float:
    """Relative strength of the changes between `closes`, 0 to 100 (simple averages)."""
    changes = [after - before for before, after in pairwise(closes)]
    gains = sum(change for change in changes if change > 0)
    losses = -sum(change for change in changes if change < 0)
    return 50.0 if gains + losses == 0 else 100.0 * gains / (gains + losses)
