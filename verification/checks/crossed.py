"""Crossed quotes: which share of a feed's last window has its bid above its ask.

The window moves in tenths of itself (steps). Only whole steps count, so that the answer does not
depend on how ticks were cut into batches.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from verification.checks.episode import Level
from verification.parameters import SECOND_US, CrossedParameters

STEPS = 10


def step_us(parameters: CrossedParameters) -> int:
    return round(parameters.window_s * SECOND_US / STEPS)


@dataclass
class CrossedWindow:
    """The finished steps of one feed: (step number, ticks, crossed ticks), oldest first."""

    steps: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=STEPS))
    since: int | None = None  # the step in which counting began; it was not seen whole

    def add(self, step: int, ticks: int, crossed: int) -> None:
        self.steps.append((step, ticks, crossed))
        if self.since is None:
            self.since = step

    def clear(self) -> None:
        self.steps.clear()
        self.since = None

    def share(self, step: int, parameters: CrossedParameters) -> float | None:
        """Of the window that ends with `step`. None when it was not seen whole, has too few ticks,
        or none in most of its steps: the worst half minute of an honest day is no window.
        """
        counted = [row for row in self.steps if step - STEPS < row[0] <= step and row[1]]
        ticks = sum(row[1] for row in counted)
        whole = self.since is not None and step - self.since >= STEPS
        if not whole or ticks < parameters.min_ticks or len(counted) < STEPS // 2:
            return None
        return sum(row[2] for row in counted) / ticks


def level(share: float | None, parameters: CrossedParameters) -> Level:
    if share is None:
        return Level.UNKNOWN
    if share > parameters.share:
        return Level.OVER
    return Level.CLEAN if share < parameters.share * parameters.clear_share else Level.BETWEEN
