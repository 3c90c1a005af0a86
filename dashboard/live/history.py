"""The last hour of every process's figures, five seconds a point, for sparklines and plots.

Any web process may record: a point's id is its time, so the same point is written once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import redis
import redis.asyncio

from bridge_ingest.store import sync_redis
from dashboard.live.messages import Figures, HealthMessage

POINT_MS = 5_000
POINTS_KEPT = 720
FORGOTTEN_AFTER_S = 7_200
_PREFIX = "fks:figures:"


class Point(NamedTuple):
    """Figures of the five seconds that end at `at_ms`."""

    at_ms: int
    figures: dict[str, float]


class Recorder:
    """Gathers figures into points: the worst of delays and backlogs, of others the mean."""

    def __init__(self) -> None:
        self._gathered: dict[str, dict[str, list[float]]] = {}

    def add(self, message: HealthMessage) -> None:
        process = self._gathered.setdefault(message.process, defaultdict(list))
        for name, value in message.figures.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                process[name].append(float(value))

    def take(self) -> dict[str, Figures]:
        gathered, self._gathered = self._gathered, {}
        return {
            process: {name: _summary(name, values) for name, values in figures.items()}
            for process, figures in gathered.items()
        }


def _summary(name: str, values: Sequence[float]) -> float:
    is_worst = name.endswith("_ms") or name == "pending"
    return max(values) if is_worst else round(sum(values) / len(values), 3)


async def write(client: redis.asyncio.Redis, at_ms: int, figures: dict[str, Figures]) -> None:
    """One point per process. A point that another web process wrote first stays as it is."""
    pipe = client.pipeline(transaction=False)
    for process, values in figures.items():
        key = _PREFIX + process
        fields: dict[Any, Any] = {"f": msgspec.json.encode(values)}
        pipe.xadd(key, fields, id=f"{at_ms}-1", maxlen=POINTS_KEPT, approximate=True)
        pipe.expire(key, FORGOTTEN_AFTER_S)
    for reply in await pipe.execute(raise_on_error=False):
        if isinstance(reply, Exception) and "equal or smaller" not in str(reply):
            raise reply


def read(process: str, since_ms: int) -> list[Point]:
    """Oldest first. Raises redis.RedisError."""
    entries: Any = sync_redis().xrange(_PREFIX + process, min=since_ms)
    return [
        Point(int(entry_id.split(b"-")[0]), msgspec.json.decode(fields[b"f"]))
        for entry_id, fields in entries
    ]


def processes() -> list[str]:
    """Every process with a past, by name. Raises redis.RedisError."""
    keys = sync_redis().scan_iter(match=f"{_PREFIX}*", count=500)
    return sorted(key.decode().removeprefix(_PREFIX) for key in keys)
