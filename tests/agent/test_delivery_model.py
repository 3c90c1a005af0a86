"""Delivery against a model bridge: random production, cuts, acknowledgements and losses.

The link loses whatever was under way when it breaks, the bridge keeps what it had. Whatever the
order of events, the bridge ends with every number once, in order, as a datum or as a told gap.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.ring import Item, Ring
from agent.stream import Stream


class ModelBridge:
    """Keeps numbers in order and nothing else."""

    def __init__(self) -> None:
        self.through = 0
        self.kept: dict[int, int] = {}
        self.gaps: list[tuple[int, int]] = []
        self.duplicates = 0

    def hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "gap":
            assert message["from"] == self.through + 1, "a gap begins where the bridge stands"
            self.gaps.append((message["from"], message["to"]))
            self.through = message["to"]
            return
        for seq, row in enumerate(message["ticks"], message["seq"]):
            if seq <= self.through:
                self.duplicates += 1
                continue
            assert seq == self.through + 1, "no number is skipped in silence"
            self.kept[seq] = row[0]
            self.through = seq


class EverythingArrivesOnceOrIsTold(RuleBasedStateMachine):
    @initialize(capacity=st.integers(1, 20), batch=st.integers(1, 8))
    def build(self, capacity: int, batch: int) -> None:
        self.stream = Stream(Ring(capacity))
        self.batch = batch
        self.bridge = ModelBridge()
        self.link: deque[bytes] = deque()
        self.acks: deque[int] = deque()
        self.open = False

    @rule(count=st.integers(1, 12), symbol=st.sampled_from(["EURUSD", "USDJPY"]))
    def produce(self, count: int, symbol: str) -> None:
        for _ in range(count):
            number = self.stream.ring.next
            self.stream.ring.append(Item("ticks", symbol, f"[{number},1,2]"))

    @precondition(lambda self: not self.open)
    @rule()
    def connect(self) -> None:
        self.stream.resume(self.bridge.through + 1)
        self.open = True

    @precondition(lambda self: self.open)
    @rule()
    def cut(self) -> None:
        self.link.clear()
        self.acks.clear()
        self.open = False

    @precondition(lambda self: self.open)
    @rule(count=st.integers(1, 5))
    def send(self, count: int) -> None:
        for _ in range(count):
            message = self.stream.next_message(self.batch)
            if message is None:
                return
            self.link.append(message)

    @precondition(lambda self: self.link)
    @rule(count=st.integers(1, 5))
    def arrive(self, count: int) -> None:
        for _ in range(min(count, len(self.link))):
            self.bridge.hear(json.loads(self.link.popleft()))
        self.acks.append(self.bridge.through)

    @precondition(lambda self: self.acks)
    @rule()
    def acknowledge(self) -> None:
        seq = self.acks.popleft()
        assert seq <= self.stream.reached
        self.stream.ring.ack(seq)
        self.stream.cursor = max(self.stream.cursor, seq + 1)

    @precondition(lambda self: self.open and not self.link)
    @rule()
    def ask_again(self) -> None:
        """As after a line whose digest was wrong: nothing of it counts, it is asked for again."""
        self.stream.rewind(self.bridge.through + 1)

    @rule(count=st.integers(1, 3))
    def lose(self, count: int) -> None:
        self.stream.ring.drop_oldest(count)

    @rule()
    def finish(self) -> None:
        """With a good line for long enough, nothing is left and every number is accounted for."""
        if not self.open:
            self.connect()
        while (message := self.stream.next_message(self.batch)) is not None:
            self.link.append(message)
        while self.link:
            self.bridge.hear(json.loads(self.link.popleft()))
        self.stream.ring.ack(self.bridge.through)
        self.acks.clear()
        ring = self.stream.ring
        assert self.bridge.through == ring.produced
        assert ring.buffered == 0
        assert len(self.bridge.kept) == ring.acked
        assert sum(last - first + 1 for first, last in self.bridge.gaps) == ring.dropped

    @invariant()
    def each_datum_has_its_own_number(self) -> None:
        assert all(seq == datum for seq, datum in self.bridge.kept.items())

    @invariant()
    def the_counts_add_up(self) -> None:
        ring = self.stream.ring
        assert ring.produced == ring.acked + ring.buffered + ring.dropped
        assert ring.buffered <= ring.capacity


TestEverythingArrivesOnceOrIsTold = EverythingArrivesOnceOrIsTold.TestCase
TestEverythingArrivesOnceOrIsTold.settings = settings(
    max_examples=120, stateful_step_count=50, deadline=None
)
