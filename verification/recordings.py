"""The parts of a replay: one feed's ticks that wait, split where its recorded clock leaps. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np

from bridge_ingest.journal.layout import Records
from verification.board import NEVER_US


@dataclass(frozen=True)
class Run:
    """Ticks of one feed without a leap between them; `leaps`: there is one before the first."""

    records: Records
    leaps: bool


def runs_of(records: Records, reached_us: int, backwards_us: int, ahead_us: int) -> Iterator[Run]:
    """Split ticks of one feed where the received clock leaps back or ahead by more than that.

    Smaller steps back are evened out: such a tick counts from the one before it on.
    """
    received_us = records["received_us"]
    step_us = np.diff(received_us, prepend=reached_us if reached_us != NEVER_US else received_us[0])
    leap = (step_us < -backwards_us) | (step_us > ahead_us)
    starts = np.nonzero(leap)[0].tolist()
    for start, stop in zip([0, *starts], [*starts, len(records)], strict=True):
        if start < stop:
            leaps = bool(leap[start])
            yield Run(_evened(records[start:stop], NEVER_US if leaps else reached_us), leaps)


def _evened(records: Records, least_us: int) -> Records:
    received_us = np.maximum.accumulate(np.maximum(records["received_us"], least_us))
    if (received_us == records["received_us"]).all():
        return records
    even = records.copy()
    even["received_us"] = received_us
    return even


class Held(NamedTuple):
    """Ticks of one feed that wait: a stream's numbers, and the event times they lie between."""

    stream: int
    first: int
    last: int
    earliest_us: int
    latest_us: int


@dataclass
class Recording:
    """Ticks of one feed that wait, in order of receipt."""

    chunks: deque[Records] = field(default_factory=deque)
    ends_us: int = NEVER_US

    @property
    def ticks(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)

    def add(self, records: Records) -> None:
        self.chunks.append(records)
        self.ends_us = int(records["received_us"][-1])

    def take_before(self, limit_us: int) -> list[Records]:
        """Remove and return what was received before that moment."""
        taken = []
        while self.chunks and self.chunks[0]["received_us"][0] < limit_us:
            chunk = self.chunks.popleft()
            cut = int(np.searchsorted(chunk["received_us"], limit_us))
            taken.append(chunk[:cut])
            if cut < len(chunk):
                self.chunks.appendleft(chunk[cut:])
        return taken


@dataclass
class Sender:
    """One feed of a replay.

    reached_us: its last tick delivered, of whichever recording. taken_us: its last one let through.
    joined: it takes part in the recording that runs. later: recordings that it has sent ahead.
    """

    reached_us: int = NEVER_US
    taken_us: int = NEVER_US
    delivered_us: int = 0  # wall time
    joined: bool = False
    waiting: Recording = field(default_factory=Recording)
    later: deque[Recording] = field(default_factory=deque)

    @property
    def held(self) -> int:
        return self.waiting.ticks + sum(recording.ticks for recording in self.later)

    def put_later(self, records: Records) -> None:
        recording = Recording()
        recording.add(records)
        self.later.append(recording)

    def take_before(self, limit_us: int) -> list[Records]:
        taken = self.waiting.take_before(limit_us)
        if taken:
            self.taken_us = int(taken[-1]["received_us"][-1])
        return taken

    def state(self) -> dict[str, Any]:
        """As JSON; `held` names the ticks that wait, in order."""
        chunks = [*self.waiting.chunks, *(c for part in self.later for c in part.chunks)]
        return {
            "taken_us": self.taken_us,
            "joined": self.joined,
            "held": [list(held) for held in _joined(held for c in chunks for held in _held(c))],
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Before its held ticks are delivered again."""
        taken_us = int(state["taken_us"])
        sender = cls(reached_us=taken_us, taken_us=taken_us, joined=bool(state["joined"]))
        sender.waiting.ends_us = taken_us
        return sender


def _held(chunk: Records) -> Iterator[Held]:
    stream = chunk["stream"]
    starts = [0, *(np.nonzero(np.diff(stream))[0] + 1).tolist(), len(chunk)]
    for start, stop in pairwise(starts):
        part = chunk[start:stop]
        event_us = part["event_us"]
        yield Held(
            int(part["stream"][0]),
            int(part["seq"][0]),
            int(part["seq"][-1]),
            int(event_us.min()),
            int(event_us.max()),
        )


def _joined(parts: Iterable[Held]) -> list[Held]:
    """Neighbours of one stream as one: all of the feed's ticks between them wait too."""
    joined: list[Held] = []
    for part in parts:
        before = joined[-1] if joined else None
        if before and before.stream == part.stream and before.last < part.first:
            joined[-1] = Held(
                part.stream,
                before.first,
                part.last,
                min(before.earliest_us, part.earliest_us),
                max(before.latest_us, part.latest_us),
            )
        else:
            joined.append(part)
    return joined
