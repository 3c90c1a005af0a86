"""A bounded ring of numbered data items: what the terminal can still send.

An item leaves the ring when the bridge has acknowledged it, or, oldest first, when there is no
room left. At every moment `produced == acked + buffered + dropped`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple


class Item(NamedTuple):
    """One numbered datum, encoded once and reused for every sending.

    A tick that may travel in a batch has kind "ticks", its `symbol`, and as `text` its record
    `[time_ms,bid,ask,...]`. Anything else has an empty `symbol` and as `text` the JSON fields of
    the whole message without `type`, `seq` and the braces.
    """

    kind: str
    symbol: str
    text: str


_EMPTY = Item("", "", "")


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a ring stands, for picking its numbering up again after a restart.

    `next` is the number of the next item; `given_up` are the numbers told by `gap`.
    """

    next: int = 1
    acked_through: int = 0
    acked: int = 0
    dropped: int = 0
    given_up: tuple[tuple[int, int], ...] = ()


class Ring:
    """Numbered items from `first` to `next` - 1, at most `capacity` of them.

    `acked_through` is the bridge's cumulative acknowledgement. It can lie beyond what was produced
    when a recorded day is sent again on a stream that the bridge already knows: items appended
    below it count as acknowledged at once.
    """

    def __init__(self, capacity: int, marks: Marks | None = None) -> None:
        marks = marks or Marks()
        if capacity < 1:
            raise ValueError("a ring needs room for at least one item")
        self.capacity = capacity
        self.first = marks.next
        self.next = marks.next
        self.acked = marks.acked
        self.dropped = marks.dropped
        self.acked_through = marks.acked_through
        self._slots = [_EMPTY] * capacity
        self._given_up = list(marks.given_up)

    @property
    def produced(self) -> int:
        """Items numbered since the stream began."""
        return self.next - 1

    @property
    def buffered(self) -> int:
        return self.next - self.first

    @property
    def room(self) -> int:
        return self.capacity - self.buffered

    def append(self, item: Item) -> int:
        """Number `item` and keep it; returns its number. Drops the oldest when full."""
        seq = self.next
        if seq <= self.acked_through:
            self.acked += 1
            self.next = self.first = seq + 1
            return seq
        if seq - self.first >= self.capacity:
            self.drop_oldest(1)
        self._slots[seq % self.capacity] = item
        self.next = seq + 1
        return seq

    def take(self, start: int, limit: int) -> list[Item]:
        """Up to `limit` items from number `start`, which must be held."""
        if not self.first <= start < self.next:
            raise ValueError(f"number {start} is not held ({self.first} to {self.next - 1} are)")
        count = min(limit, self.next - start)
        at = start % self.capacity
        items = self._slots[at : at + count]
        return items + self._slots[: count - len(items)]

    def ack(self, through: int) -> int:
        """Forget everything up to and including `through`; returns how many items became acked.

        An item that was dropped after it had been sent, and that no `gap` gave up, turns out to be
        safe: it moves from dropped to acked.
        """
        if through <= self.acked_through:
            return 0
        held = max(0, min(through, self.next - 1) - self.first + 1)
        rescued = self._unresolved(min(through, self.first - 1))
        self._free(held)
        self.acked += held + rescued
        self.dropped -= rescued
        self.acked_through = through
        self._given_up = [span for span in self._given_up if span[1] > through]
        return held + rescued

    def drop_oldest(self, count: int) -> int:
        """Give up to `count` of the oldest items away; returns how many there were."""
        gone = min(count, self.buffered)
        self._free(gone)
        self.dropped += gone
        return gone

    def skip(self, count: int) -> None:
        """Number `count` items that never come: dropped at once, save those that the bridge has.

        Raises ValueError while anything is held, since what is held lies side by side.
        """
        if self.buffered:
            raise ValueError(f"numbers can't be skipped while {self.buffered} items are held")
        known = max(0, min(count, self.acked_through - self.next + 1))
        self.next += count
        self.first = self.next
        self.acked += known
        self.dropped += count - known

    def give_up(self, first: int, last: int) -> None:
        """Remember that the bridge was told by `gap` that these numbers will not come."""
        first = max(first, self.acked_through + 1)
        if first > last:
            return
        touching = [s for s in self._given_up if s[0] <= last + 1 and s[1] >= first - 1]
        apart = [s for s in self._given_up if s not in touching]
        spans = [(first, last), *touching]
        merged = (min(a for a, _ in spans), max(b for _, b in spans))
        self._given_up = [*apart, merged]

    def held(self) -> list[Item]:
        """Everything not acknowledged yet, oldest first."""
        return self.take(self.first, self.buffered) if self.buffered else []

    def marks(self, *, with_items: bool) -> Marks:
        """Where to go on: behind what is held, or before it when the items are kept elsewhere."""
        marks = Marks(
            self.first, self.acked_through, self.acked, self.dropped, tuple(self._given_up)
        )
        if with_items:
            return marks
        return replace(marks, next=self.next, dropped=self.dropped + self.buffered)

    def _free(self, count: int) -> None:
        for seq in range(self.first, self.first + count):
            self._slots[seq % self.capacity] = _EMPTY
        self.first += count

    def _unresolved(self, through: int) -> int:
        """How many dropped numbers up to `through` were never given up by a `gap`."""
        start = self.acked_through + 1
        total = max(0, through - start + 1)
        told = sum(max(0, min(b, through) - max(a, start) + 1) for a, b in self._given_up)
        return total - told
