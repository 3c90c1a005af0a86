"""The bridge's own figures over the last minutes, out of what its processes published."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import redis

from dashboard.live import history
from dashboard.live.history import POINT_MS, Point

SPARK_POINTS = 60
SPARK_MS = 15 * 60_000


@dataclass(frozen=True)
class Total:
    """How one figure of the whole comes from those of the processes: which, what, and how."""

    processes: re.Pattern[str]
    figure: str
    join: Callable[[Iterable[float]], float]


_GATEWAYS = re.compile(r"gateway")
_WORKERS = re.compile(r"worker\.")
_SHARDS = re.compile(r"worker\.\d+$")
_WEB = re.compile(r"web")

TOTALS = {
    "ticks_per_s": Total(_GATEWAYS, "ticks_per_s", sum),
    "sessions": Total(_GATEWAYS, "sessions", sum),
    "unjournalled": Total(_GATEWAYS, "pending", sum),
    "ack_p50_ms": Total(_GATEWAYS, "ack_p50_ms", max),
    "ack_p99_ms": Total(_GATEWAYS, "ack_p99_ms", max),
    "stored_per_s": Total(_SHARDS, "ticks_per_s", sum),
    "lag_ms": Total(_WORKERS, "lag_ms", max),
    "pending": Total(_WORKERS, "pending", sum),
    "unreadable": Total(_WEB, "unreadable", max),
    "behind": Total(_WEB, "behind", max),
    "browsers": Total(_WEB, "browsers", max),
    "frames_per_s": Total(_WEB, "frames_per_s", max),
    "dropped": Total(_WEB, "dropped", max),
    "feeds_verified": Total(_WEB, "feeds_verified", max),
}
"""The same names as in static/js/live/figures.js."""


LOW_IS_BAD = frozenset({"feeds_verified", "ticks_per_s", "stored_per_s"})


class Figures:
    """The last fifteen minutes of every process, read once a page."""

    def __init__(self, by_process: dict[str, list[Point]], now_ms: int) -> None:
        self._by_process = by_process
        self._now_ms = now_ms

    @classmethod
    def read(cls) -> Figures:
        """With Redis down the page still comes, its figures empty; the frame says why."""
        now_ms = time.time_ns() // 1_000_000
        try:
            names = history.processes()
            points = {name: history.read(name, now_ms - SPARK_MS) for name in names}
        except redis.RedisError:
            points = {}
        return cls(points, now_ms)

    def series(self, name: str) -> list[tuple[int, float]]:
        """(ms, value) of a total for every point that any process has, oldest first."""
        total = TOTALS[name]
        values: dict[int, list[float]] = defaultdict(list)
        for process, points in self._by_process.items():
            if total.processes.match(process):
                for point in points:
                    if total.figure in point.figures:
                        values[point.at_ms].append(point.figures[total.figure])
        return [(at_ms, total.join(found)) for at_ms, found in sorted(values.items())]

    def plot(self, *names: str) -> list[list[float | None]]:
        """[[ms, value, ...], ...] of several totals for one plot."""
        series = [dict(self.series(name)) for name in names]
        moments = sorted({at_ms for one in series for at_ms in one})
        return [[at_ms, *(one.get(at_ms) for one in series)] for at_ms in moments]

    def spark(self, name: str) -> list[float | None]:
        """Sixty points over fifteen minutes, the worst of each quarter minute."""
        worst = min if name in LOW_IS_BAD else max
        every = SPARK_MS // SPARK_POINTS
        buckets: list[float | None] = [None] * SPARK_POINTS
        for at_ms, value in self.series(name):
            at = SPARK_POINTS - 1 - (self._now_ms - at_ms) // every
            if 0 <= at < SPARK_POINTS:
                held = buckets[at]
                buckets[at] = value if held is None else worst(held, value)
        return buckets

    def latest(self, name: str) -> float | None:
        """The newest value, if it is of the last seconds."""
        series = self.series(name)
        if not series or series[-1][0] < self._now_ms - 4 * POINT_MS:
            return None
        return series[-1][1]
