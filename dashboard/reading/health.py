"""The bridge itself: what its services say when asked now, and who has shown life."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import redis
from django.conf import settings
from django.db import OperationalError, connection

from bridge_ingest import names
from bridge_ingest.models import JournalCursor
from bridge_ingest.store import sync_redis

DURABILITY_WORDS = {
    "process": "Acknowledged data survives kill -9 of any process, not a loss of power.",
    "power": "Acknowledged data survives a loss of power too.",
}


@dataclass(frozen=True)
class Service:
    """PostgreSQL or Redis, asked just now. `trouble` is empty when it answered."""

    name: str
    trouble: str = ""
    ping_ms: float | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "act" if self.trouble else "verified"


def postgres() -> Service:
    started = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            ping_ms = (time.perf_counter() - started) * 1000
            cursor.execute(_POSTGRES_SQL)
            version, size, connections, allowed, commit = cursor.fetchone() or ("",) * 5
    except OperationalError as error:
        return Service("PostgreSQL", trouble=str(error).splitlines()[0])
    facts = [
        ("version", version),
        ("database", size),
        ("connections", f"{connections} of {allowed}"),
        ("synchronous_commit", commit),
    ]
    return Service("PostgreSQL", ping_ms=ping_ms, facts=facts)


_POSTGRES_SQL = """
SELECT split_part(current_setting('server_version'), ' ', 1),
       pg_size_pretty(pg_database_size(current_database())),
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
       current_setting('max_connections'),
       current_setting('synchronous_commit')
"""


def journal() -> Service:
    """Redis, which holds the journal."""
    try:
        client = sync_redis()
        started = time.perf_counter()
        client.ping()
        ping_ms = (time.perf_counter() - started) * 1000
        info = client.info()
        waiting = sum(client.xlen(names.journal(shard)) for shard in shards())
        append = client.config_get("appendfsync").get("appendfsync", "?")
    except redis.RedisError as error:
        return Service("Redis", trouble=str(error))
    facts = [
        ("version", str(info["redis_version"])),
        ("memory", str(info["used_memory_human"])),
        ("journal entries", str(waiting)),
        ("append-only file", f"{_on(info['aof_enabled'])}, fsync {append}"),
    ]
    return Service("Redis", ping_ms=ping_ms, facts=facts)


def _on(flag: object) -> str:
    return "on" if flag else "off"


def shards() -> list[str]:
    return [*map(str, range(settings.FKS.shards)), names.EVENTS_SHARD]


def cursors() -> list[JournalCursor]:
    """How far each shard is stored."""
    return list(JournalCursor.objects.order_by("shard"))
