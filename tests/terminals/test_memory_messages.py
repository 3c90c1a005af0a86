"""Messages in the shared memory: what the DLL writes the agent reads, and the other way."""

from __future__ import annotations

import ctypes
import random
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.shm.layout import AGENT, MORE, RECORD_BYTES, TERMINAL, Quote, Text, memory_bytes, said
from agent.shm.memory import MemoryFault, open_memory
from agent.shm.pair import Pair

pytestmark = pytest.mark.requires("gcc")

CAPACITY = 64


class Terminal:
    """What a program on a chart does with the DLL."""

    def __init__(self, library: Path, name: str, capacity: int = CAPACITY) -> None:
        self.dll = ctypes.CDLL(str(library))
        self.dll.BrTick.argtypes = [
            ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_int64, ctypes.c_double,
            ctypes.c_double,
        ]  # fmt: skip
        self.dll.BrNumber.restype = ctypes.c_uint64
        self.dll.BrNowMs.restype = ctypes.c_int64
        units = (ctypes.c_uint16 * (len(name) + 1))(*map(ord, name), 0)
        self.handle = self.dll.BrOpen(units, capacity, TERMINAL)

    def tick(self, symbol: str, number: int = 0) -> int:
        padded = symbol.encode().ljust(12, b"\0")
        sent = self.dll.BrTick(self.handle, padded, 1_700_000_000, 1_700_000_000_123, 1.5, number)
        return int(sent)

    def say(self, text: bytes, *, numbered: bool = False) -> int:
        return int(self.dll.BrSay(self.handle, text, len(text), int(numbered)))

    def hear(self, most: int = 65_536) -> bytes | int:
        buffer = ctypes.create_string_buffer(most)
        size = self.dll.BrHear(self.handle, buffer, most)
        return buffer.raw[:size] if size > 0 else int(size)

    def close(self) -> None:
        self.dll.BrClose(self.handle)


@pytest.fixture
def terminal(library: Path, name: str) -> Iterator[Terminal]:
    opened = Terminal(library, name)
    yield opened
    opened.close()


@pytest.fixture
def agent(terminal: Terminal, name: str) -> Iterator[Pair]:
    opened = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY)
    yield opened
    opened.close()


def test_a_tick_arrives_with_all_that_it_carries(terminal: Terminal, agent: Pair) -> None:
    terminal.dll.BrUtcOffset(terminal.handle, -18_000)
    assert terminal.tick("EURUSD.\u00a3") == terminal.tick("123456789012", 2) == 1
    (first, one), (second, two) = agent.read(10)
    assert first == Quote(0, -18_000, 1, "EURUSD.£", 1_700_000_000, 1_700_000_000_123, 1.5, 0.0)
    assert isinstance(second, Quote)
    assert (second.symbol, second.number, second.ask, one, two) == ("123456789012", 2, 2.0, 1, 2)


@pytest.mark.parametrize("size", [1, 35, 36, 37, 92, 93, 148, 149, 1500])
def test_a_text_of_any_length_arrives_whole_in_both_directions(
    terminal: Terminal, agent: Pair, size: int
) -> None:
    text = bytes(random.Random(size).choices(range(1, 256), k=size))
    assert terminal.say(text, numbered=True) == 1
    assert terminal.say(text) == 1
    assert [message for message, _ in agent.read(200)] == [
        Text(0, 0, 1, text, True),
        Text(0, 0, 1, text, False),
    ]
    assert agent.say(text)
    assert (terminal.hear(), terminal.hear()) == (text, 0)


def test_a_text_that_has_not_come_whole_is_read_later(terminal: Terminal, agent: Pair) -> None:
    assert terminal.say(b"x" * 100) == terminal.say(b"y") == 1
    assert agent.read(2) == []
    assert [message.text for message, _ in agent.read(10) if isinstance(message, Text)] == [
        b"x" * 100,
        b"y",
    ]


def test_a_full_ring_refuses_a_whole_text_and_uses_up_the_number(
    terminal: Terminal, agent: Pair
) -> None:
    for number in range(CAPACITY - 1):
        assert terminal.tick("EURUSD", number) == 1
    assert terminal.say(b"z" * 100, numbered=True) == 0
    assert terminal.say(b"z" * 100) == 0
    assert terminal.dll.BrDropped(terminal.handle) == 6
    assert terminal.dll.BrNumber(terminal.handle) == CAPACITY
    agent.free(agent.read(CAPACITY)[-1][1])
    terminal.say(b"after")
    assert agent.read(1)[0][0].number == CAPACITY


def test_the_agents_full_ring_refuses_and_counts(terminal: Terminal, agent: Pair) -> None:
    assert all(agent.say(b"s") for _ in range(CAPACITY))
    assert not agent.say(b"one more")
    assert terminal.hear() == b"s"
    assert not agent.say(b"t" * 100)
    assert agent.say(b"last")


def test_records_that_begin_no_message_are_passed_over(terminal: Terminal, agent: Pair) -> None:
    for kind, size in ((MORE, 5), (77, 5), (3, 0), (3, 10**6)):
        record = struct.pack("<4xIIiQI36s", kind, 0, 0, 0, size, b"rubbish")
        terminal.dll.BrPush(terminal.handle, ctypes.create_string_buffer(record, 64), 1)
        agent.push([record])
    terminal.tick("EURUSD")
    assert [type(message) for message, _ in agent.read(10)] == [Quote]
    agent.say(b"sound")
    assert terminal.hear() == -1  # a text without a size
    assert terminal.hear() == b"sound"


def test_a_text_that_does_not_fit_the_readers_buffer_is_passed_over(
    terminal: Terminal, agent: Pair
) -> None:
    agent.say(b"u" * 50)
    agent.say(b"v")
    assert terminal.hear(20) == -1
    assert terminal.hear(20) == b"v"


@pytest.mark.parametrize("size", [0, 65_537])
def test_a_text_without_bytes_or_with_too_many_is_refused(
    terminal: Terminal, agent: Pair, size: int
) -> None:
    assert terminal.say(b"w" * size) == -1
    with pytest.raises(ValueError, match="1 to 65536 bytes"):
        agent.say(b"w" * size)


def test_each_opening_begins_another_numbering(
    library: Path, name: str, terminal: Terminal, agent: Pair
) -> None:
    terminal.tick("EURUSD")
    again = Terminal(library, name)
    again.tick("EURUSD")
    numbers = [(message.stream, message.number) for message, _ in agent.read(10)]
    assert numbers == [(0, 1), (1, 1)]
    again.close()


def test_what_the_terminal_says_of_itself_is_there_for_every_agent(
    terminal: Terminal, agent: Pair
) -> None:
    assert agent.about == {}
    assert terminal.dll.BrAbout(terminal.handle, b'{"account":"7"}', 15) == 1
    assert agent.about == {"account": "7"}
    assert terminal.dll.BrAbout(terminal.handle, b"x" * 128, 128) == -1
    assert terminal.dll.BrAbout(terminal.handle, b"[1]", 3) == 1
    assert agent.about == {}


def test_the_dlls_clock_is_this_machines(terminal: Terminal) -> None:
    assert abs(terminal.dll.BrNowMs() - time.time() * 1000) < 1000


def test_what_was_read_and_not_freed_is_there_for_the_next_agent(
    terminal: Terminal, name: str
) -> None:
    first = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY)
    for number in range(5):
        terminal.tick("EURUSD", number)
    first.free(first.read(10)[1][1])
    first.close()
    second = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY)
    assert [message.number for message, _ in second.read(10)] == [3, 4, 5]
    second.close()


def test_indices_wrap_without_losing_a_message(
    library: Path, terminal: Terminal, name: str
) -> None:
    memory = open_memory(name, memory_bytes(CAPACITY))
    words = memory.view.cast("I")
    for word in (16, 32, 48, 64):  # heads and tails of both rings
        words[word] = 2**32 - 50
    words.release()
    memory.close()
    agent = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY)
    for number in range(1, 201):
        assert terminal.say(b"%d" % number * 30, numbered=True) == 1
        ((message, after),) = agent.read(CAPACITY)
        assert isinstance(message, Text)
        assert (message.number, message.text) == (number, b"%d" % number * 30)
        agent.free(after)
        assert agent.say(message.text)
        assert terminal.hear() == message.text
    agent.close()


def test_whoever_waits_is_woken_by_the_other_side_and_by_its_own(
    terminal: Terminal, agent: Pair
) -> None:
    assert not agent.wait(20)
    for work in (lambda: terminal.tick("EURUSD"), agent.cut_short):
        timer = threading.Timer(0.05, work)
        began = time.monotonic()
        timer.start()
        woken = agent.wait(10_000)
        assert time.monotonic() - began < 5
        timer.join()
        assert woken == (len(agent.read(10)) == 1)


def test_ten_thousand_round_trips_with_the_dll_lose_no_wake_up(
    terminal: Terminal, agent: Pair
) -> None:
    def echo() -> None:
        for _ in range(10_000):
            assert agent.wait(10_000)
            raw = agent.read_raw(1)
            agent.free(agent.cursor)
            agent.push([raw])

    thread = threading.Thread(target=echo)
    thread.start()
    record = ctypes.create_string_buffer(64)
    for number in range(1, 10_001):
        struct.pack_into("<II", record, 4, 9, number)
        assert terminal.dll.BrPush(terminal.handle, record, 1) == 1
        assert terminal.dll.BrWait(terminal.handle, 10_000) == 1, f"round trip {number}"
        terminal.dll.BrPeek(terminal.handle, record, 1)
        assert struct.unpack_from("<III", record) == (number, 9, number)
        terminal.dll.BrTake(terminal.handle, 1)
    thread.join()


def test_a_role_is_one_pairs_only_and_another_layout_is_refused(
    terminal: Terminal, agent: Pair, name: str
) -> None:
    with pytest.raises(MemoryFault, match="another agent has this shared memory"):
        Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY)
    with pytest.raises(MemoryFault, match="64 records, not 1 and 128"):
        Pair(open_memory(name, memory_bytes(128)), 128)
    with pytest.raises(MemoryFault, match="no shared memory at"):
        open_memory("x" * 300, 1000)


def test_two_pairs_of_python_speak_with_each_other(name: str) -> None:
    agent = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY, AGENT)
    terminal = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY, TERMINAL)
    alive = [agent.other_is_alive]
    assert terminal.say(b"hello")
    assert [message.text for message, _ in agent.read(9) if isinstance(message, Text)] == [b"hello"]
    terminal.close()
    assert [*alive, agent.other_is_alive] == [True, False]
    assert len(said(b"z" * 1000)) * RECORD_BYTES == 19 * 64
    agent.close()
