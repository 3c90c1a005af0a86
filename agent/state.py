"""What a terminal remembers across restarts, in one small JSON file.

The file is replaced atomically. While the terminal runs it says `clean: false`; only an orderly
end writes the numbering. After a crash the last number is not known for certain, so the next start
makes a new stream instead of guessing: a number used twice would be taken for a repeat and lost.
Signals are written at each change of state, so that none is executed twice after a crash.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from agent.errors import InputError
from agent.ring import Item, Marks, Ring
from agent.signals import Life, SignalBook
from agent.stream import Stream

log = logging.getLogger(__name__)


class Memory(Protocol):
    """What a client asks of whatever remembers for it."""

    def restore(self, capacity: int) -> tuple[Stream, SignalBook]: ...

    def save_signals(self, book: SignalBook) -> None:
        """The run goes on."""

    def save(self, stream: Stream, book: SignalBook) -> None:
        """The run ends."""


@dataclass(frozen=True, slots=True)
class StateFile:
    """Where to remember. `keep_tail` also keeps the items not acknowledged yet; without it they
    are reported to the bridge by `gap` when the stream is resumed."""

    path: Path
    keep_tail: bool = True

    def restore(self, capacity: int) -> tuple[Stream, SignalBook]:
        """The stream and signals of the last run, or a new stream where none can be resumed.

        Raises InputError when the file exists and cannot be read.
        """
        saved = load(self.path)
        book = SignalBook({key: Life(**life) for key, life in saved.get("signals", {}).items()})
        if not saved.get("clean"):
            if saved:
                log.warning("the last run did not end in order: a new stream begins")
            return Stream(Ring(capacity)), book
        return _stream(saved, capacity), book

    def save_signals(self, book: SignalBook) -> None:
        """Write the signals alone: the run goes on, so its numbering is not final."""
        replace(self.path, {"clean": False, "signals": _signals(book)})

    def save(self, stream: Stream, book: SignalBook) -> None:
        """Write everything: the run ends here."""
        ring = stream.ring
        tail = ring.held() if self.keep_tail else []
        replace(
            self.path,
            {
                "clean": True,
                "stream": stream.id,
                "marks": asdict(ring.marks(with_items=self.keep_tail)),
                "tail": tail,
                "signals": _signals(book),
            },
        )


def load(path: Path) -> dict[str, Any]:
    """What was written last, nothing when nothing was. Raises InputError."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as fault:
        raise InputError(f"the state file {path} cannot be read: {fault}") from fault
    if not isinstance(saved, dict):
        raise InputError(f"the state file {path} holds no object")
    return saved


def replace(path: Path, saved: Mapping[str, Any]) -> None:
    """Write it so that after a crash the old or the new is there, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as out:
        json.dump(saved, out, ensure_ascii=False)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


def _stream(saved: Mapping[str, Any], capacity: int) -> Stream:
    marks = dict(saved["marks"])
    marks["given_up"] = tuple((first, last) for first, last in marks["given_up"])
    ring = Ring(max(capacity, len(saved["tail"])), Marks(**marks))
    for item in saved["tail"]:
        ring.append(Item(*item))
    return Stream(ring, saved["stream"])


def _signals(book: SignalBook) -> dict[str, dict[str, Any]]:
    return {key: asdict(life) for key, life in book.lives().items()}
