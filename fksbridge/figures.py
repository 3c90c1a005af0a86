"""A worker's figures of the last second, told to the browsers."""

from __future__ import annotations

import time

from bridge_ingest.clock import now_us
from bridge_ingest.journal.reader import Entry, position
from bridge_ingest.live import publish_figures

_EVERY_S = 1.0


class Figures:
    """Items a second, and the age of the oldest entry when it was reached."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._since = time.monotonic()
        self._items = 0
        self._lag_ms = 0.0

    def count(self, items: int) -> None:
        self._items += items

    def reached(self, entries: list[Entry]) -> None:
        """Entries are done with; the first is the oldest."""
        if entries:
            committed_ms, _ = position(entries[0].id.decode())
            self._lag_ms = max(self._lag_ms, now_us() / 1000 - committed_ms)

    @property
    def are_due(self) -> bool:
        return time.monotonic() - self._since >= _EVERY_S

    def tell(self, **more: float) -> None:
        """Publish, and begin a new second. Raises redis.RedisError."""
        elapsed = time.monotonic() - self._since
        figures = {
            "ticks_per_s": round(self._items / elapsed, 1),
            "lag_ms": round(self._lag_ms, 1),
            **more,
        }
        message = {"process": self._process, "at_ms": now_us() // 1000, "figures": figures}
        publish_figures(message)
        self._items, self._lag_ms, self._since = 0, 0.0, time.monotonic()
