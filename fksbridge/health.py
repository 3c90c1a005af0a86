"""`GET /healthz`: is every part of the bridge alive? 200, or 503 naming what is not."""

from __future__ import annotations

from typing import Any

import redis
from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpRequest, JsonResponse

from bridge_ingest import heartbeat
from bridge_ingest.gateway.bridge import queue_of
from bridge_ingest.journal import aside
from fksbridge.pipeline import all_shards

OK = "ok"
ALIVE_WITHIN_S = 5.0
# A worker of pool `solo` shows life between tasks only, and one drain may last five seconds.
WORKER_ALIVE_WITHIN_S = 12.0


def healthz(_: HttpRequest) -> JsonResponse:
    """For load balancers and the supervisor; says nothing that an outsider could use."""
    parts = state_of_parts()
    well = set(parts.values()) == {OK}
    body: dict[str, Any] = {"status": OK if well else "ailing", "parts": parts}
    return JsonResponse(body, status=200 if well else 503, headers={"Cache-Control": "no-store"})


def state_of_parts() -> dict[str, str]:
    """Each part of the bridge with `ok`, or with what is wrong with it."""
    return {"postgres": _postgres()} | _redis_and_processes()


def process_names() -> dict[str, float]:
    """Every process that must show life, with the seconds after which silence means trouble."""
    workers = [f"worker.shard.{number}" for number in range(settings.FKS.shards)]
    return {"gateway": ALIVE_WITHIN_S, "beat": ALIVE_WITHIN_S} | dict.fromkeys(
        [*workers, "worker.strategies", "worker.default"], WORKER_ALIVE_WITHIN_S
    )


def _postgres() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        return "does not answer"
    return OK


def _redis_and_processes() -> dict[str, str]:
    client = redis.Redis.from_url(
        settings.FKS.redis_url, protocol=2, socket_timeout=1, socket_connect_timeout=1
    )
    limits = process_names()
    try:
        limits |= dict.fromkeys(heartbeat.gateways(client), ALIVE_WITHIN_S)
        ages = heartbeat.ages_s(client, limits)
        troubles = heartbeat.troubles(client, limits)
        kept = _set_aside(client)
    except redis.RedisError:
        return {"redis": "does not answer"} | dict.fromkeys(limits, "unknown without Redis")
    finally:
        client.close()
    silences = {name: _silence(ages[name], limit) for name, limit in limits.items()}
    told = {name: troubles[name] or silence for name, silence in silences.items()}
    return {"redis": OK} | told | {name: why for name, why in kept.items() if told[name] == OK}


def _set_aside(client: redis.Redis) -> dict[str, str]:
    """Workers with pieces of the journal that they could not store, until somebody has looked."""
    found = {shard: aside.trouble(client, shard) for shard in all_shards()}
    return {f"worker.{queue_of(shard)}": why for shard, why in found.items() if why}


def _silence(age_s: float | None, limit_s: float) -> str:
    if age_s is None:
        return "has never shown life"
    return f"silent for {age_s:.0f} s" if age_s > limit_s else OK
