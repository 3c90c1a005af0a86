"""One synchronous Redis connection pool a process, for workers, commands and pages."""

from __future__ import annotations

from functools import cache

import redis
import redis.asyncio
from django.conf import settings


@cache
def sync_redis() -> redis.Redis:
    """RESP2: the shape of stream replies differs in RESP3. Bytes, never text."""
    return redis.Redis.from_url(settings.FKS.redis_url, protocol=2, socket_timeout=10)


def async_redis() -> redis.asyncio.Redis:
    """A fresh client; the caller closes it (connections belong to one event loop)."""
    return redis.asyncio.Redis.from_url(settings.FKS.redis_url, protocol=2)
