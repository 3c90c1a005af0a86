from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import InputError
from agent.protocol import Signal
from agent.ring import Item
from agent.signals import SignalBook
from agent.state import StateFile
from agent.stream import Stream


def produce(stream: Stream, count: int) -> None:
    for number in range(count):
        stream.ring.append(Item("ticks", "EURUSD.£", f"[{number},1.1,1.2]"))


def test_a_first_start_makes_a_new_stream(tmp_path: Path) -> None:
    stream, book = StateFile(tmp_path / "icm.json").restore(100)
    assert stream.ring.next == 1
    assert len(stream.id) == 32
    assert book.lives() == {}


def test_an_orderly_end_keeps_the_numbering_and_the_tail(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "deep" / "icm.json")
    stream, book = file.restore(100)
    produce(stream, 10)
    stream.resume(5)
    file.save(stream, book)
    again, _ = file.restore(100)
    assert again.id == stream.id
    assert again.ring.held() == stream.ring.held()
    assert (again.ring.produced, again.ring.acked, again.ring.buffered) == (10, 4, 6)
    assert again.cursor == 5


def test_without_the_tail_the_bridge_is_told_what_is_missing(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "icm.json", keep_tail=False)
    stream, book = file.restore(100)
    produce(stream, 10)
    file.save(stream, book)
    again, _ = file.restore(100)
    again.resume(7)  # the bridge had more than the terminal knew of
    assert again.next_message(100) == b'{"type":"gap","from":7,"to":10}'
    assert (again.ring.acked, again.ring.dropped, again.ring.buffered) == (6, 4, 0)


def test_a_gap_that_was_told_before_a_restart_stays_lost(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "icm.json")
    stream, book = file.restore(3)
    produce(stream, 5)
    stream.next_message(100)
    file.save(stream, book)
    again, _ = file.restore(3)
    again.ring.ack(5)
    assert (again.ring.acked, again.ring.dropped) == (3, 2)


def test_after_a_crash_a_new_stream_begins_and_signals_are_not_forgotten(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "icm.json")
    stream, book = file.restore(100)
    file.save(stream, book)
    book.arrive(Signal("a", "EURUSD", "BUY"), 0)
    book.move("a", "executed", {"ticket": "7"})
    file.save_signals(book)
    again, signals = file.restore(100)
    assert again.id != stream.id
    assert signals.life("a").state == "executed"
    assert signals.life("a").details == {"ticket": "7"}
    assert not signals.arrive(Signal("a", "EURUSD", "BUY"), 0)


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "icm.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"icm\.json"):
        StateFile(path).restore(100)


def test_saved_signals_of_an_empty_book_do_not_look_like_an_orderly_end(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "icm.json")
    file.save_signals(SignalBook())
    stream, _ = file.restore(100)
    assert stream.ring.next == 1
