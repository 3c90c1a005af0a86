"""Messages waiting for a client: kept in Redis until it acknowledges them or they expire."""

from __future__ import annotations

from typing import Any

import msgspec
import redis

from bridge_ingest import names
from bridge_ingest.store import sync_redis


def put(client_id: int, message_id: str, message: dict[str, Any], expires_ms: int) -> None:
    """Queue `message` and tell the gateways. Raises redis.RedisError when Redis is down."""
    key = names.outbox(client_id)
    entry = msgspec.json.encode({"message": message, "expires_ms": expires_ms})
    with sync_redis().pipeline(transaction=True) as pipe:
        pipe.hset(key, message_id, entry)
        _order(pipe, client_id)
        pipe.execute()


def drop(client_id: int, message_id: str) -> None:
    """Forget a message: acknowledged, expired or cancelled."""
    sync_redis().hdel(names.outbox(client_id), message_id)


def holds(client_id: int, message_id: str) -> bool:
    return bool(sync_redis().hexists(names.outbox(client_id), message_id))


def _order(pipe: redis.client.Pipeline, client_id: int) -> None:
    pipe.publish(names.CONTROL, msgspec.json.encode({"op": "outbox", "client": client_id}))
