"""How late ticks arrive: the median delay of the last seconds, less the clock's shift."""

from __future__ import annotations

from collections.abc import Sequence

from verification.checks.episode import Level
from verification.parameters import SECOND_US, LatencyParameters


def median_latency_s(
    delays_us: Sequence[int], shift_us: int, parameters: LatencyParameters
) -> float | None:
    """None while there are too few delays. Never negative: a clock ahead is not a fast line."""
    if len(delays_us) < parameters.min_samples:
        return None
    median_us = sorted(delays_us)[len(delays_us) // 2]
    return max(0.0, (median_us - shift_us) / SECOND_US)


def level(latency_s: float | None, parameters: LatencyParameters) -> Level:
    if latency_s is None:
        return Level.UNKNOWN
    if latency_s > parameters.threshold_s:
        return Level.OVER
    clean = latency_s < parameters.threshold_s * parameters.clear_share
    return Level.CLEAN if clean else Level.BETWEEN
