"""Recorded feeds put side by side again before they are judged.

Two recordings of one instrument are sent at the speed of their senders: one may be an hour of
market time ahead of the other. Their ticks are merged on the clock on which they were received
when recorded, and let through only up to the moment that every sender has reached. A sender holds
the others back only while it delivers; after `HOLD_US` of wall time without a tick it has nothing
more to come.

Pure: wall time comes in as a parameter, ticks as records, and what must survive a crash goes out
as JSON (`Alignment.state`). The ticks themselves are read again from storage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge_ingest.journal.layout import RECORD, Records
from verification.board import NEVER_US
from verification.parameters import SECOND_US
from verification.recordings import Held, Sender, runs_of

HOLD_US = 3 * SECOND_US
BACKWARDS_US = SECOND_US
"""A received clock that steps back by more starts a new recording; by less, it is out of order."""
AHEAD_US = 6 * 3_600 * SECOND_US
"""A received clock that leaps ahead by more starts a new recording."""
MOST_HELD = 500_000
"""Ticks held back per instrument (36 MB). Beyond it the slow sender no longer holds the others."""


@dataclass(frozen=True)
class Release:
    """Ticks to be judged now, in order of receipt, and up to when nothing is missing."""

    records: Records
    until_us: int
    new_recording: bool


class Alignment:
    """One instrument's replay."""

    def __init__(self) -> None:
        self.frontier_us = NEVER_US
        self.skipped = 0  # ticks that came after the frontier had passed them
        self._senders: dict[int, Sender] = {}
        # Senders start one after the other. After silence the first one waits for those expected,
        # which are all that were there before it, or for as long as anybody may hold the others.
        self._begun_us = 0  # wall time at which the silence ended
        self._expected: set[int] = set()
        self._present: set[int] = set()
        self._new = False
        self._asleep = False  # restored, and not yet told what time it is

    @property
    def feeds(self) -> list[int]:
        return list(self._senders)

    @property
    def held(self) -> int:
        return sum(sender.held for sender in self._senders.values())

    def accept(self, records: Records, wall_us: int) -> None:
        """Take in ticks of any feeds of the instrument, in order of arrival."""
        self._wake(wall_us)
        for feed_id in np.unique(records["source"]).tolist():
            sender = self._senders.setdefault(feed_id, Sender())
            if not any(self._is_active(other, wall_us) for other in self._senders.values()):
                self._expect(wall_us)
            self._present.add(feed_id)
            sender.delivered_us = wall_us
            self._take_in(feed_id, records[records["source"] == feed_id], wall_us)

    def release(self, wall_us: int) -> Iterator[Release]:
        """What can be judged now: the rest of a recording, perhaps the beginning of the next."""
        self._wake(wall_us)
        while True:
            release = self._release(wall_us)
            if release is not None:
                yield release
            if not self._next_recording(wall_us):
                return

    def state(self) -> dict[str, Any]:
        """What is needed, beside the stored ticks, to go on after a crash; as JSON."""
        senders = {str(feed_id): sender.state() for feed_id, sender in self._senders.items()}
        return {
            "senders": senders,
            "skipped": self.skipped,
            "new_recording": self._new,
        }

    @classmethod
    def restored(cls, state: dict[str, Any], frontier_us: int) -> Alignment:
        """The alignment as it was, but for the ticks that are `missing`."""
        alignment = cls()
        alignment.frontier_us = frontier_us
        alignment.skipped = int(state["skipped"])
        alignment._new = bool(state["new_recording"])
        alignment._asleep = True
        for feed_id, sender in state["senders"].items():
            alignment._senders[int(feed_id)] = Sender.restored(sender)
        return alignment

    def take_back(self, records: Records) -> None:
        """Ticks that were `missing`, as they were before the restart."""
        for feed_id in np.unique(records["source"]).tolist():
            self._take_in(feed_id, records[records["source"] == feed_id], 0)

    @staticmethod
    def missing(state: dict[str, Any]) -> Iterator[tuple[int, Held]]:
        """(feed, its ticks) that waited, to be read from storage and taken back in this order."""
        for feed_id, sender in state["senders"].items():
            for held in sender["held"]:
                yield int(feed_id), Held(*held)

    def _wake(self, wall_us: int) -> None:
        """After a restart each may go on as if it had just delivered, and others may come."""
        if not self._asleep:
            return
        self._asleep = False
        self._begun_us = wall_us
        for sender in self._senders.values():
            sender.delivered_us = wall_us

    def _take_in(self, feed_id: int, records: Records, wall_us: int) -> None:
        sender = self._senders[feed_id]
        for run in runs_of(records, sender.reached_us, BACKWARDS_US, AHEAD_US):
            self._queue(sender, run.records, leaps=run.leaps, wall_us=wall_us)

    def _queue(self, sender: Sender, records: Records, *, leaps: bool, wall_us: int) -> None:
        """Ticks of one feed without a leap between them; `leaps`: but with one before them."""
        stays = sender.joined and not leaps
        if stays and not sender.later:
            sender.waiting.add(records)
        elif not leaps and sender.later:
            sender.later[-1].add(records)
        elif not sender.joined and not sender.later and self._may_join(records, wall_us):
            sender.joined = True
            sender.waiting.add(records)
        else:
            sender.put_later(records)
        sender.reached_us = int(records["received_us"][-1])

    def _may_join(self, records: Records, wall_us: int) -> bool:
        """The recording that runs is the one that these ticks belong to.

        So they do while others are at it (then some may have come too late). When all others are
        done, ticks that go back, or leap far ahead, belong to another recording.
        """
        if any(s.waiting.chunks or self._holds(s, wall_us) for s in self._senders.values()):
            return True
        step_us = int(records["received_us"][0]) - self.frontier_us
        return self.frontier_us == NEVER_US or -BACKWARDS_US <= step_us <= AHEAD_US

    @staticmethod
    def _is_active(sender: Sender, wall_us: int) -> bool:
        return bool(sender.held) or 0 <= wall_us - sender.delivered_us < HOLD_US

    def _holds(self, sender: Sender, wall_us: int) -> bool:
        """More may still come from it of the recording that runs."""
        delivering = 0 <= wall_us - sender.delivered_us < HOLD_US
        return sender.joined and not sender.later and delivering and self.held <= MOST_HELD

    def _expect(self, wall_us: int) -> None:
        """Silence has ended: those that were there before it may come again."""
        self._begun_us = wall_us
        self._expected = {feed_id for feed_id, sender in self._senders.items() if sender.joined}
        self._present = set()

    def _is_gathering(self, wall_us: int) -> bool:
        if self._expected and self._expected <= self._present:
            return False
        return 0 <= wall_us - self._begun_us < HOLD_US and self.held <= MOST_HELD

    def _release(self, wall_us: int) -> Release | None:
        joined = [sender for sender in self._senders.values() if sender.joined]
        if not joined or self._is_gathering(wall_us):
            return None
        holding = [sender.reached_us for sender in joined if self._holds(sender, wall_us)]
        until_us = min(holding, default=max(sender.waiting.ends_us for sender in joined))
        limit_us = until_us if holding else until_us + 1
        records = self._merge([part for s in joined for part in s.take_before(limit_us)])
        until_us = max(until_us, self.frontier_us)
        if not len(records) and until_us == self.frontier_us:
            return None
        self.frontier_us = until_us
        new, self._new = self._new, False
        return Release(records, until_us, new)

    def _merge(self, parts: list[Records]) -> Records:
        records = np.concatenate(parts) if parts else np.zeros(0, RECORD)
        late = records["received_us"] < self.frontier_us - BACKWARDS_US
        if late.any():
            self.skipped += int(late.sum())
            records = records[~late]
        return records[np.lexsort((records["source"], records["received_us"]))]

    def _next_recording(self, wall_us: int) -> bool:
        """Once nobody has anything more of this recording, start the one that some have sent."""
        senders = self._senders.values()
        if not any(sender.later for sender in senders):
            return False
        if any(sender.waiting.chunks or self._holds(sender, wall_us) for sender in senders):
            return False
        self._expect(wall_us)
        for feed_id, sender in self._senders.items():
            sender.joined = bool(sender.later)
            if sender.later:
                sender.waiting = sender.later.popleft()
                self._present.add(feed_id)
        self.frontier_us, self._new = NEVER_US, True
        return True
