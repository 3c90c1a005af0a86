"""What processes tell the gateways: end this, send that."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import transaction

from bridge_ingest import names
from bridge_ingest.store import sync_redis


def tell_gateways(order: dict[str, Any]) -> None:
    """Publish an order once the caller's transaction commits. Raises redis.RedisError when down:
    a revocation that nobody heard must not look done."""
    transaction.on_commit(lambda: sync_redis().publish(names.CONTROL, msgspec.json.encode(order)))
