"""Signs of life: each process writes the time under its name; `GET /healthz` reads how long ago."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import cast

import msgspec
import redis

from bridge_ingest import names
from bridge_ingest.store import sync_redis

BEAT_EVERY_S = 1.0
FORGOTTEN_AFTER_S = 3600
TROUBLE_LASTS_S = 5


class Sign(msgspec.Struct, frozen=True):
    """`at` is in Unix seconds, by the clock of the machine on which the process runs."""

    at: float
    pid: int


def key(name: str) -> str:
    """Names in use: `gateway`, `beat`, `worker.<queue>`."""
    return f"fks:health:{name}"


def sign() -> bytes:
    """The value to write now; asyncio writers SET `key(name)` to it with `ex=FORGOTTEN_AFTER_S`."""
    return msgspec.json.encode(Sign(at=time.time(), pid=os.getpid()))


def beat(name: str) -> None:
    """Raises redis.RedisError when Redis is down: the caller decides whether that ends it."""
    sync_redis().set(key(name), sign(), ex=FORGOTTEN_AFTER_S)


def gateways(client: redis.Redis) -> set[str]:
    """Names of gateways that should be running: started, and not stopped in good order.

    One that was killed is missed for as long as its last sign is kept, an hour.
    """
    known = [name.decode() for name in cast(set[bytes], client.smembers(names.GATEWAYS))]
    return {name for name in known if client.exists(key(name))}


def complain(name: str, trouble: str) -> None:
    """Say that a living process can't do its work, until it says so no more."""
    sync_redis().set(_trouble_key(name), trouble[:300], ex=TROUBLE_LASTS_S)


def troubles(client: redis.Redis, processes: Iterable[str]) -> dict[str, str]:
    """What living processes complain of; an empty text for those that do not."""
    asked = list(processes)
    found = cast(list[bytes | None], client.mget([_trouble_key(name) for name in asked]))
    return {name: (text or b"").decode() for name, text in zip(asked, found, strict=True)}


def _trouble_key(name: str) -> str:
    return f"fks:trouble:{name}"


def ages_s(client: redis.Redis, processes: Iterable[str]) -> dict[str, float | None]:
    """Seconds since each name's last sign; None for one never heard of."""
    asked = list(processes)
    now = time.time()
    ages: dict[str, float | None] = {}
    for name, value in zip(asked, client.mget([key(name) for name in asked]), strict=True):
        ages[name] = (
            None if value is None else max(0.0, now - msgspec.json.decode(value, type=Sign).at)
        )
    return ages
