from __future__ import annotations

import pytest

from agent.protocol import Signal
from agent.signals import REMEMBERED, SignalBook

NOW_MS = 1_700_000_000_000


def signal(signal_id: str = "a", expires_ms: int | None = None) -> Signal:
    return Signal(signal_id, "EURUSD", "BUY", expires_ms=expires_ms)


def test_a_signal_is_shown_once_however_often_it_comes() -> None:
    book = SignalBook()
    assert [book.arrive(signal(), NOW_MS) for _ in range(3)] == [True, False, False]
    assert book.repeated == 2


def test_a_signal_that_comes_too_late_is_expired_and_not_shown() -> None:
    book = SignalBook()
    assert not book.arrive(signal(expires_ms=NOW_MS), NOW_MS)
    assert book.state("a") == "expired"


def test_a_life_only_goes_forwards() -> None:
    book = SignalBook()
    book.arrive(signal(), NOW_MS)
    assert book.move("a", "executed", {"ticket": "7"})
    assert not book.move("a", "executed", {"ticket": "8"})
    assert not book.move("a", "shown", {})
    assert not book.move("a", "rejected", {})
    assert book.life("a").details == {"ticket": "7"}


def test_an_unknown_state_and_an_unknown_signal_are_refused() -> None:
    book = SignalBook()
    with pytest.raises(KeyError):
        book.move("a", "shown", {})
    book.arrive(signal(), NOW_MS)
    with pytest.raises(ValueError, match="not a state of a signal"):
        book.move("a", "seen", {})


def test_only_the_newest_signals_are_remembered() -> None:
    book = SignalBook()
    for number in range(REMEMBERED + 5):
        book.arrive(signal(str(number)), NOW_MS)
    assert len(book.lives()) == REMEMBERED
    assert book.state("4") is None
    assert book.state("5") == "received"


def test_a_state_is_told_again_until_the_bridge_must_have_heard_it() -> None:
    book = SignalBook()
    book.arrive(signal("a"), NOW_MS)
    book.arrive(signal("b"), NOW_MS)
    book.move("b", "shown", {})
    book.confirm({"a": "received", "b": "received"})
    assert book.unconfirmed() == ["b"]
    book.arrive(signal("a"), NOW_MS)
    assert book.unconfirmed() == ["a", "b"]
