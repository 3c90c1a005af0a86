"""What a client needs to remember lies in the shared memory already: numbers come with the data."""

from __future__ import annotations

from dataclasses import dataclass

from agent.ring import Marks, Ring
from agent.signals import SignalBook
from agent.stream import Stream


@dataclass(frozen=True, slots=True)
class Recall:
    """A stream that goes on at `number`, all before being acknowledged."""

    stream: str
    number: int

    def restore(self, capacity: int) -> tuple[Stream, SignalBook]:
        before = self.number - 1
        marks = Marks(next=self.number, acked_through=before, acked=before)
        return Stream(Ring(capacity, marks), self.stream), SignalBook()

    def save_signals(self, book: SignalBook) -> None:
        """The program on the chart keeps them."""

    def save(self, stream: Stream, book: SignalBook) -> None:
        """What is not acknowledged is not freed."""
