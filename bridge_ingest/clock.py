"""The bridge's own clock: UTC microseconds since 1970, and aware datetimes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    return time.time_ns() // 1000


def from_us(moment_us: int) -> datetime:
    """Exact: no float stands between."""
    return _EPOCH + timedelta(microseconds=int(moment_us))


def to_us(moment: datetime) -> int:
    """Raises TypeError for a naive datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
