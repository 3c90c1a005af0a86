"""A terminal's clock against ours, told apart from latency.

The *delay* of a tick is our receipt time less its event time. Latency makes it a little positive
and makes it vary. A clock that is set to another zone shifts it by whole quarters of an hour
(every zone of the world is a multiple of one), steadily; a clock that runs ahead makes it
negative, which latency never does. A clock that is behind by anything else can't be told from
latency, and is called late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from verification.parameters import SECOND_US, ClockParameters

STEP_US = 15 * 60 * SECOND_US
SAMPLES = 60
"""Delays kept of each speaker: the first tick of each of the last seconds that had one."""
FRESH_US = 600 * SECOND_US
"""Older delays say nothing about a clock of now."""


@dataclass(frozen=True)
class ClockReading:
    """What a window of delays says. All in microseconds.

    shift: the part of the delay that is the clock's, whole quarters of an hour, positive when the
    terminal's clock is behind ours. median: of the delays. wrong: the clock must be put right.
    """

    shift_us: int
    median_us: int
    wrong: bool


def read_clock(delays_us: Sequence[int], parameters: ClockParameters) -> ClockReading | None:
    """None while there are too few delays, or they are too unsteady to be a clock's."""
    count = len(delays_us)
    if count < parameters.min_samples:
        return None
    ordered = sorted(delays_us)
    median_us = ordered[count // 2]
    middle_half_us = ordered[(3 * count) // 4] - ordered[count // 4]
    steady = middle_half_us <= parameters.steady_s * SECOND_US
    shift_us = nearest_shift(median_us)
    if abs(median_us - shift_us) > parameters.tolerance_s * SECOND_US:
        shift_us = 0
    ahead = median_us < -parameters.ahead_s * SECOND_US
    if not steady and (shift_us or ahead):
        return None
    return ClockReading(shift_us, median_us, wrong=bool(shift_us) or ahead)


def nearest_shift(delay_us: int) -> int:
    return round(delay_us / STEP_US) * STEP_US
