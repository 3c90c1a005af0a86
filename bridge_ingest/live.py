"""What browsers hear at once. Publishing is advisory: rows in PostgreSQL are the truth."""

from __future__ import annotations

from typing import Any

import msgspec
import redis
import structlog
from django.db import transaction

from bridge_ingest import names
from bridge_ingest.store import sync_redis

log = structlog.get_logger(__name__)


def publish(channel: str, payload: dict[str, Any]) -> None:
    """Send now. A Redis that is down costs a picture, not data, so it is logged and survived."""
    try:
        sync_redis().publish(channel, msgspec.json.encode(payload))
    except redis.RedisError as error:
        log.warning("live_publish_failed", channel=channel, error=str(error))


def publish_figures(message: dict[str, Any]) -> None:
    """A process's figures of the last second: `{"process": ..., "at_ms": ..., "figures": ...}`."""
    publish(names.LIVE_HEALTH, message)
    try:
        sync_redis().hset(names.FIGURES, message["process"], msgspec.json.encode(message))
    except redis.RedisError as error:
        log.warning("figures_not_kept", process=message["process"], error=str(error))


def publish_event(event: dict[str, Any]) -> None:
    """Publish `{"kind": ..., "id": ..., ...}` to pages once the caller's transaction commits."""
    transaction.on_commit(lambda: publish(names.LIVE_EVENT, event))
