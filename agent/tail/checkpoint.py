"""How far a file has been acknowledged, in one small file that is replaced atomically.

Numbers follow from the file's rows alone, so a place and a number are all that must be remembered:
after a crash the rows behind the last checkpoint get the numbers they had, and the bridge leaves
out those that it has.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agent.errors import InputError
from agent.ring import Marks, Ring
from agent.signals import SignalBook
from agent.state import load, replace
from agent.stream import Stream
from agent.tail.follower import Place, SavedPlace

_NOTE_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """What is true once the row with number `seq` is acknowledged."""

    seq: int
    place: Place
    format: str
    sides: dict[str, str]


@dataclass(slots=True)
class Progress:
    """Where the last run stopped, and the steps of this one that are not acknowledged yet."""

    stream: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    place: SavedPlace | None = None
    format: str = ""
    sides: dict[str, str] = field(default_factory=dict)
    steps: deque[Step] = field(default_factory=deque)

    def passed(self, acked_through: int) -> None:
        """Take over what has been acknowledged."""
        last = None
        while self.steps and self.steps[0].seq <= acked_through:
            last = self.steps.popleft()
        if last is not None:
            self.seq, self.place = last.seq, last.place.saved()
            self.format, self.sides = last.format, last.sides

    def saved(self) -> dict[str, Any]:
        place = None if self.place is None else asdict(self.place)
        known = {"stream": self.stream, "seq": self.seq, "place": place}
        return {**known, "format": self.format, "sides": self.sides}


class Checkpoint:
    """The memory of a tail: a place in a file instead of the rows themselves.

    Raises InputError when its file is there and can't be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: dict[str, Any] = {}
        self._noted_at = time.monotonic()
        self.is_new = not path.exists()
        self.progress = _progress(path)

    def begin_anew(self) -> None:
        """Another file: its rows must not get numbers that the bridge may have seen."""
        self.progress = Progress()

    def note(self, acked_through: int) -> None:
        """Write what has been acknowledged, if that is more than is written."""
        self._noted_at = time.monotonic()
        self.progress.passed(acked_through)
        saved = self.progress.saved()
        if saved != self._written:
            replace(self._path, saved)
            self._written = saved

    def note_now_and_then(self, acked_through: int) -> None:
        if time.monotonic() - self._noted_at >= _NOTE_EVERY_S:
            self.note(acked_through)

    def restore(self, capacity: int) -> tuple[Stream, SignalBook]:
        seq = self.progress.seq
        marks = Marks(next=seq + 1, acked_through=seq, acked=seq)
        return Stream(Ring(capacity, marks), self.progress.stream), SignalBook()

    def save_signals(self, book: SignalBook) -> None:  # noqa: ARG002  (as Memory has it)
        """The run begins: whatever happens, the next one must go on with this numbering. A file
        draws no signals."""
        self.note(self.progress.seq)

    def save(self, stream: Stream, book: SignalBook) -> None:  # noqa: ARG002  (as Memory has it)
        self.progress.stream = stream.id
        self.note(stream.ring.acked_through)


def _progress(path: Path) -> Progress:
    saved = load(path)
    if not saved:
        return Progress()
    try:
        place = saved["place"] and SavedPlace(**saved["place"])
        known = {name: saved[name] for name in ("stream", "seq", "format", "sides")}
        return Progress(**known, place=place)
    except (KeyError, TypeError) as fault:
        raise InputError(f"{path} is not the state of a tail: {fault!r}") from fault
