"""The ring against a model that keeps the fate of every single number."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.ring import Item, Marks, Ring


def item(number: int) -> Item:
    return Item("ticks", "EURUSD", f"[{number},1.1,1.2]")


def ring_of(count: int, capacity: int = 10) -> Ring:
    ring = Ring(capacity)
    for number in range(1, count + 1):
        ring.append(item(number))
    return ring


class EveryNumberHasOneFate(RuleBasedStateMachine):
    """produced = acked + buffered + dropped, whatever happens in whatever order."""

    @initialize(capacity=st.integers(1, 12))
    def build(self, capacity: int) -> None:
        self.ring = Ring(capacity)
        self.fate: dict[int, str] = {}

    def numbers(self, fate: str) -> list[int]:
        return sorted(number for number, now in self.fate.items() if now == fate)

    @rule(count=st.integers(1, 15))
    def produce(self, count: int) -> None:
        for _ in range(count):
            seq = self.ring.append(item(len(self.fate) + 1))
            held = self.numbers("held")
            if len(held) == self.ring.capacity:
                self.fate[held[0]] = "dropped"
            self.fate[seq] = "held" if seq > self.ring.acked_through else "acked"

    @rule(ahead=st.integers(-20, 6))
    def acknowledge(self, ahead: int) -> None:
        through = max(0, len(self.fate) + ahead)
        self.ring.ack(through)
        for number, fate in self.fate.items():
            if number <= through and fate in ("held", "dropped"):
                self.fate[number] = "acked"

    @rule(count=st.integers(0, 5))
    def lose_the_oldest(self, count: int) -> None:
        gone = self.numbers("held")[:count]
        assert self.ring.drop_oldest(count) == len(gone)
        for number in gone:
            self.fate[number] = "dropped"

    @precondition(lambda self: self.ring.first > 1)
    @rule(data=st.data())
    def tell_a_gap(self, data: st.DataObject) -> None:
        last = data.draw(st.integers(1, self.ring.first - 1))
        first = data.draw(st.integers(1, last))
        self.ring.give_up(first, last)
        for number in range(first, last + 1):
            if self.fate.get(number) == "dropped":
                self.fate[number] = "told lost"

    @precondition(lambda self: not self.ring.buffered)
    @rule(count=st.integers(1, 5))
    def skip_what_never_comes(self, count: int) -> None:
        start = len(self.fate) + 1
        self.ring.skip(count)
        for number in range(start, start + count):
            self.fate[number] = "dropped" if number > self.ring.acked_through else "acked"

    @rule(with_items=st.booleans())
    def restart(self, with_items: bool) -> None:
        tail = self.ring.held() if with_items else []
        self.ring = Ring(self.ring.capacity, self.ring.marks(with_items=with_items))
        for kept in tail:
            self.ring.append(kept)
        if not with_items:
            for number in self.numbers("held"):
                self.fate[number] = "dropped"

    @invariant()
    def the_counts_agree_with_the_model(self) -> None:
        ring = self.ring
        assert ring.produced == ring.acked + ring.buffered + ring.dropped == len(self.fate)
        assert ring.acked == len(self.numbers("acked"))
        assert ring.dropped == len(self.numbers("dropped")) + len(self.numbers("told lost"))

    @invariant()
    def what_is_held_is_what_was_put_in(self) -> None:
        held = self.numbers("held")
        assert self.ring.held() == [item(number) for number in held]
        assert self.ring.buffered <= self.ring.capacity
        assert held == list(range(self.ring.first, self.ring.next))


TestEveryNumberHasOneFate = EveryNumberHasOneFate.TestCase
TestEveryNumberHasOneFate.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None
)


def test_numbers_begin_at_one_and_rise_by_one() -> None:
    ring = Ring(3)
    assert [ring.append(item(number)) for number in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_numbers_are_not_skipped_while_items_are_held() -> None:
    with pytest.raises(ValueError, match="while 3 items are held"):
        ring_of(3).skip(1)


def test_a_full_ring_drops_its_oldest() -> None:
    ring = ring_of(5, capacity=3)
    assert (ring.first, ring.buffered, ring.dropped) == (3, 3, 2)
    assert ring.held() == [item(3), item(4), item(5)]


def test_items_are_taken_across_the_seam_of_the_ring() -> None:
    ring = ring_of(7, capacity=5)
    assert ring.take(4, 10) == [item(4), item(5), item(6), item(7)]
    assert ring.take(5, 1) == [item(5)]


@pytest.mark.parametrize("number", [0, 2, 8])
def test_a_number_that_is_not_held_cannot_be_taken(number: int) -> None:
    ring = ring_of(7, capacity=5)
    with pytest.raises(ValueError, match="is not held"):
        ring.take(number, 1)


def test_an_item_dropped_in_flight_counts_as_acked_once_the_bridge_has_it() -> None:
    ring = ring_of(5, capacity=3)
    assert ring.ack(2) == 2
    assert (ring.acked, ring.dropped) == (2, 0)


def test_an_item_told_lost_stays_dropped_when_the_bridge_moves_past_it() -> None:
    ring = ring_of(5, capacity=3)
    ring.give_up(2, 2)
    ring.ack(4)
    assert (ring.acked, ring.dropped, ring.buffered) == (3, 1, 1)


def test_an_acknowledgement_that_goes_back_changes_nothing() -> None:
    ring = ring_of(5)
    ring.ack(4)
    assert ring.ack(2) == 0
    assert (ring.acked, ring.acked_through) == (4, 4)


def test_items_that_the_bridge_already_has_are_acked_as_they_are_made() -> None:
    ring = Ring(10)
    ring.ack(3)
    for number in range(1, 6):
        ring.append(item(number))
    assert (ring.acked, ring.buffered, ring.first) == (3, 2, 4)


def test_marks_survive_a_restart() -> None:
    ring = ring_of(8, capacity=5)
    ring.ack(4)
    assert ring.marks(with_items=True) == Marks(5, 4, 4, 0, ())
    assert ring.marks(with_items=False) == Marks(9, 4, 4, 4, ())


def test_a_ring_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        Ring(0)
