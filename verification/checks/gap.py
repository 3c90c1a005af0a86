"""Numbers that will never come: what a client's gaps of one episode add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Loss:
    """Gaps reported together, and when we learned of the first and the last of them."""

    gaps: int
    numbers: int
    first_us: int
    last_us: int


def add_up(events: Iterable[Mapping[str, Any]]) -> Loss:
    """Of `gap` events of one client; at least one."""
    rows = list(events)
    moments = [int(row["received_us"]) for row in rows]
    numbers = sum(int(row["to"]) - int(row["from"]) + 1 for row in rows)
    return Loss(len(rows), numbers, min(moments), max(moments))
