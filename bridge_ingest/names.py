"""Every Redis key and channel of the bridge, in one place."""

from __future__ import annotations

WATERMARKS = "fks:watermark"
"""Hash: stream id -> highest journalled number."""
OWNERS = "fks:owner"
"""Hash: stream id -> id of the session that speaks for it, at whatever gateway."""
EVENTS_SHARD = "events"
"""The journal shard of everything that is not a tick."""

WATCHING = "fks:inflight:strategies"
"""Set while strategies look at the journal, or are about to."""
GATEWAYS = "fks:gateways"
"""Set: names of gateways that have started and not been stopped."""
CONTROL = "fks:control"
FIGURES = "fks:figures"
"""Hash: process -> its last `LIVE_HEALTH` message, for who comes later than it was published."""
USE = "fks:use"
"""Hash: gateway -> how far its limits are used (`gateway/use.py`)."""
LIVE_QUOTES = "fks:live:quotes"
LIVE_VERIFY = "fks:live:verify"
LIVE_EVENT = "fks:live:event"
LIVE_HEALTH = "fks:live:health"


def journal(shard: str) -> str:
    return f"fks:journal:{shard}"


def aside(shard: str) -> tuple[str, str]:
    """Two hashes: what was set aside and why, and its bytes."""
    return f"fks:aside:{shard}", f"fks:aside:{shard}:bytes"


def seen(shard: str) -> str:
    """Up to which entry strategies have seen a shard; goes soon after they stop looking."""
    return f"fks:seen:{shard}"


def last_commit(writer: str) -> str:
    """A writer's last commit number, so that a retried commit is not written twice."""
    return f"fks:commit:{writer}"


def inflight(shard: str) -> str:
    return f"fks:inflight:{shard}"


def outbox(client_id: int) -> str:
    return f"fks:outbox:{client_id}"


def claims(client_id: int) -> str:
    """Hash: message id -> gateway and session that were given it."""
    return f"fks:claims:{client_id}"


def alive(gateway: str) -> str:
    """A key that a running gateway renews, and that goes soon after it."""
    return f"fks:alive:{gateway}"
