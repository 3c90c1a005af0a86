"""What the gateway tells the browsers' board: quotes at 10 Hz, its own health at 1 Hz."""

from __future__ import annotations

import asyncio
import contextlib
import time
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import msgspec
from redis.exceptions import RedisError

from bridge_ingest import heartbeat, names
from bridge_ingest.gateway.use import use

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import Bridge

_QUOTES_EVERY_S = 0.1
_ALIVE_S = 4


async def quotes(bridge: Bridge) -> None:
    """Conflated: a feed that ticked a hundred times since the last picture is in it once."""
    board = bridge.board
    while True:
        await asyncio.sleep(_QUOTES_EVERY_S)
        if not board.dirty:
            continue
        dirty, board.dirty = board.dirty, {}
        rows = [
            (source, bid, ask, event_us // 1000, received_us // 1000, board.counts[source])
            for source, (bid, ask, event_us, received_us) in dirty.items()
        ]
        await _publish(bridge, names.LIVE_QUOTES, {"at_ms": _now_ms(), "quotes": rows})


async def health(bridge: Bridge) -> None:
    """Figures of the last second, and the heartbeat that /healthz looks for."""
    before = bridge.journal.committed_ticks
    await _beat(bridge)
    while True:
        started = time.perf_counter()
        await asyncio.sleep(1)
        elapsed = time.perf_counter() - started
        now_committed = bridge.journal.committed_ticks
        rate, before = (now_committed - before) / elapsed, now_committed
        await _beat(bridge)
        payload = {"process": bridge.role, "at_ms": _now_ms(), "figures": _figures(bridge, rate)}
        await _publish(bridge, names.LIVE_HEALTH, payload)
        await _keep(bridge, payload)


async def _keep(bridge: Bridge, payload: dict[str, Any]) -> None:
    """For who looks later: the last figures, and how far the limits are used."""
    using = {"at_ms": payload["at_ms"], "use": use(bridge)}
    with contextlib.suppress(RedisError, OSError):
        async with bridge.redis.pipeline(transaction=False) as pipe:
            pipe.hset(names.FIGURES, bridge.role, msgspec.json.encode(payload))
            pipe.hset(names.USE, bridge.role, msgspec.json.encode(using))
            await pipe.execute()


def _figures(bridge: Bridge, rate: float) -> dict[str, Any]:
    journal = bridge.journal
    latencies = list(journal.latencies_ms)
    journal.latencies_ms.clear()
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else None
    return {
        "ticks_per_s": round(rate, 1),
        "ack_p50_ms": round(cuts[49], 3) if cuts else None,
        "ack_p99_ms": round(cuts[98], 3) if cuts else None,
        "sessions": len(bridge.sessions),
        "pending": journal.pending.size,
        "journal_failing": journal.failing_since is not None,
        "throttled": journal.throttled,
    }


async def _beat(bridge: Bridge) -> None:
    if not bridge.is_writing:
        return  # so that /healthz says that this process no longer does its work
    key, kept_s = heartbeat.key(bridge.role), heartbeat.FORGOTTEN_AFTER_S
    # A missing heartbeat is itself the report.
    with contextlib.suppress(RedisError, OSError):
        async with bridge.redis.pipeline(transaction=False) as pipe:
            pipe.set(key, heartbeat.sign(), ex=kept_s)
            pipe.set(names.alive(bridge.id), b"1", ex=_ALIVE_S)
            if bridge.role != "web":
                pipe.sadd(names.GATEWAYS, bridge.role)
            await pipe.execute()


async def _publish(bridge: Bridge, channel: str, payload: dict[str, Any]) -> None:
    with contextlib.suppress(RedisError, OSError):  # a picture missed; the next one is whole
        await bridge.redis.publish(channel, msgspec.json.encode(payload))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
