"""The hash that ties an entry to the one before it. Pure: no database, no Django."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

GENESIS = "0" * 64
"""What stands as the previous digest of the first entry."""


class Content(NamedTuple):
    """Everything of an entry that its digest covers."""

    at: datetime
    actor_id: int | None
    actor_name: str
    source: str
    action: str
    object_type: str
    object_id: str
    object_name: str
    before: Any
    after: Any


def digest(previous: str, content: Content) -> str:
    """SHA-256, in hex, over the previous digest, a line feed, and the content as canonical JSON."""
    values = content._replace(
        at=content.at.astimezone(UTC).isoformat(timespec="microseconds"),  # type: ignore[arg-type]
        before=_settled(content.before),
        after=_settled(content.after),
    )
    text = json.dumps(values._asdict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def _settled(value: Any) -> Any:
    """`value` as it is once PostgreSQL's jsonb has held it, which knows one kind of number.

    jsonb gives 1e22 back as an integer, of the digits that were written, and -0.0 as 0.0; both must
    hash as they did when written.
    """
    if isinstance(value, dict):
        return {key: _settled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    return value
