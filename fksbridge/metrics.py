"""`GET /metrics`: what /healthz, the Health page and the page of limits say, as Prometheus text.

For a signed-in person, a key of scope `read`, or this machine itself: who may read prices may see
how the bridge does.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
import redis
from django.http import HttpRequest, HttpResponse

from bridge_ingest import names
from bridge_ingest.store import sync_redis
from dashboard.reading.limits import limits_in_use
from fksbridge.health import OK, state_of_parts
from fksbridge.pipeline import all_shards
from tradingview.access import readable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FRESH_S = 10.0
Labels = dict[str, str]
Family = tuple[str, str, list[tuple[Labels, float]]]
"""Name, help, and its samples. All are gauges."""

_FIGURES = {
    "ticks_per_s": "Ticks a second: journalled by a gateway, stored by a worker.",
    "ack_p50_ms": "Median of tick to acknowledgement over the last second.",
    "ack_p99_ms": "99th percentile of tick to acknowledgement over the last second.",
    "sessions": "Open connections.",
    "pending": "What waits: bytes at a gateway, commits at a worker.",
    "journal_failing": "1 while the journal can't be written.",
    "throttled": "1 while terminals wait because workers are behind.",
    "lag_ms": "Age of the oldest entry that a worker has reached.",
}


@readable
def metrics(_: HttpRequest) -> HttpResponse:
    families = [*_parts(), *_figures(), *_limits()]
    text = "".join(line for family in families for line in _lines(family))
    return HttpResponse(text, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _parts() -> Iterator[Family]:
    parts = state_of_parts()
    yield (
        "fks_up",
        "1 for a part of the bridge that is alive and does its work.",
        [({"part": part}, float(said == OK)) for part, said in parts.items()],
    )


def _figures() -> Iterator[Family]:
    """Nothing of them while Redis is away: fks_up says so."""
    try:
        client = sync_redis()
        told = [
            msgspec.json.decode(each) for each in cast(list[bytes], client.hvals(names.FIGURES))
        ]
        waiting = [({"shard": each}, _length(client, each)) for each in all_shards()]
        used = float(client.info("memory")["used_memory"])
    except redis.RedisError:
        return
    fresh = [each for each in told if time.time() - each["at_ms"] / 1000 < _FRESH_S]
    for name, meaning in _FIGURES.items():
        samples = [
            ({"process": each["process"]}, float(each["figures"][name]))
            for each in fresh
            if each["figures"].get(name) is not None
        ]
        if samples:
            yield f"fks_{name}", meaning, samples
    yield "fks_journal_entries", "Commits in the journal, read or not.", waiting
    yield "fks_redis_used_bytes", "Memory that Redis uses.", [({}, used)]


def _length(client: redis.Redis, shard: str) -> float:
    return float(client.xlen(names.journal(shard)))


def _limits() -> Iterator[Family]:
    found = limits_in_use()
    yield (
        "fks_limit",
        "Each limit in its unit; 0 is none.",
        [({"limit": each.name, "unit": each.unit}, each.value) for each in found],
    )
    yield (
        "fks_limit_used_ratio",
        "How much of each limit is used, by whoever uses most; 1 is all.",
        [({"limit": each.name}, each.share) for each in found if each.share is not None],
    )


def _lines(family: Family) -> Iterator[str]:
    name, meaning, samples = family
    yield f"# HELP {name} {meaning}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        yield f"{name}{_labels(labels.items())} {value:.10g}\n"


def _labels(labels: Iterable[tuple[str, Any]]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
