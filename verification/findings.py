"""What the engine has found, as plain values: the recorder turns them into rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verification.checks.deviation import Floats, Integers
from verification.checks.episode import Began, Closed, Ended, Opened

LOOK, ACT = "look", "act"


@dataclass(frozen=True)
class Subject:
    """Whom an alert is about: a feed, or a whole client when `feed_id` is None.

    `holder` names the part of the bridge that judges it. A client's instruments may be spread over
    several shards; its alert stays open until none of them holds the condition.
    """

    rule: str
    client_id: int
    feed_id: int | None
    instrument_id: int | None
    replayed: bool
    holder: str

    @property
    def fingerprint(self) -> str:
        """Names the subject across episodes: silences go by it, all else by the alert."""
        feed = "-" if self.feed_id is None else self.feed_id
        return f"{self.rule}:{self.client_id}:{feed}{':replay' if self.replayed else ''}"


@dataclass(frozen=True)
class Progress:
    """Nothing changed but the figures."""

    at_us: int


Change = Opened | Began | Ended | Closed | Progress


@dataclass(frozen=True)
class Finding:
    """One change in the life of a subject's alert. Figures are magnitudes in `unit`."""

    subject: Subject
    change: Change
    value: float
    worst: float
    unit: str
    severity: str
    title: str
    facts: dict[str, Any]
    reason: str = ""


@dataclass(frozen=True)
class Points:
    """Deviations on the 1 s grid of the receipt clock; columns of one length."""

    feed_id: Integers
    second: Integers  # whole seconds since 1970
    deviation: Floats  # price units
    consensus: Floats
    peers: Integers

    def __len__(self) -> int:
        return len(self.feed_id)

    @classmethod
    def join(cls, parts: Sequence[Points]) -> Points:
        none = np.zeros(0, dtype=np.int64)
        columns = [
            np.concatenate([none, *(getattr(part, name) for part in parts)])
            for name in ("feed_id", "second", "deviation", "consensus", "peers")
        ]
        return cls(*columns)


@dataclass(frozen=True)
class Frontier:
    """How far an instrument's replay has been judged, and what is needed to go on from there."""

    instrument_id: int
    received_us: int
    state: dict[str, Any]


@dataclass
class Findings:
    """All of one call of the engine, to be recorded in one transaction."""

    shard: int
    points: Points
    changes: list[Finding] = field(default_factory=list)
    frontiers: list[Frontier] = field(default_factory=list)
    memory: dict[str, Any] | None = None  # None: as it was
