"""The shared memory between MetaTrader 4 and the agent, built from the source of the DLL."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminals.mql.build import PROJECT
from tests.terminals.native import memory_of

pytestmark = pytest.mark.requires("gcc")

TERMINAL, AGENT = 0, 1
ARGUMENT, LAYOUT, TAKEN = -1, -3, -4
CAPACITY = 64
RECORDS_AT = 448


class Record(ctypes.Structure):
    """As MQL4 sees it."""

    _fields_ = [
        ("seq", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("body", ctypes.c_uint8 * 56),
    ]


class Side:
    """One role at a pair's memory."""

    def __init__(self, library: Path, name: str, role: int, capacity: int = CAPACITY) -> None:
        self._dll = ctypes.CDLL(str(library))
        self._dll.BrDropped.restype = ctypes.c_uint32
        units = (ctypes.c_uint16 * (len(name) + 1))(*map(ord, name), 0)
        self.handle = self._dll.BrOpen(units, capacity, role)

    def push(self, *kinds: int) -> int:
        records = (Record * len(kinds))(*(Record(0, kind) for kind in kinds))
        return int(self._dll.BrPush(self.handle, records, len(kinds)))

    def peek(self, most: int = CAPACITY) -> list[tuple[int, int]]:
        records = (Record * most)()
        count = self._dll.BrPeek(self.handle, records, most)
        return [(record.seq, record.kind) for record in records[:count]]

    def take(self, count: int) -> int:
        return int(self._dll.BrTake(self.handle, count))

    def wait(self, timeout_ms: int) -> int:
        return int(self._dll.BrWait(self.handle, timeout_ms))

    def close(self) -> None:
        self._dll.BrClose(self.handle)

    @property
    def dropped(self) -> int:
        return int(self._dll.BrDropped(self.handle))

    @property
    def waiting(self) -> int:
        return int(self._dll.BrWaiting(self.handle))

    @property
    def peer_is_alive(self) -> bool:
        return bool(self._dll.BrPeerAlive(self.handle))


@pytest.fixture
def pair(library: Path, name: str) -> Iterator[tuple[Side, Side]]:
    terminal, agent = Side(library, name, TERMINAL), Side(library, name, AGENT)
    yield terminal, agent
    terminal.close()
    agent.close()


def test_records_arrive_in_order_in_both_directions(pair: tuple[Side, Side]) -> None:
    terminal, agent = pair
    assert terminal.push(10, 11) == agent.push(20) == 1
    assert agent.peek() == [(1, 10), (2, 11)]
    assert terminal.peek() == [(1, 20)]


def test_what_was_looked_at_and_not_taken_is_there_again(pair: tuple[Side, Side]) -> None:
    terminal, agent = pair
    terminal.push(1, 2, 3)
    assert agent.peek(2) == [(1, 1), (2, 2)]
    assert agent.take(1) == 1
    assert agent.peek() == [(2, 2), (3, 3)]
    assert agent.take(3) == ARGUMENT


def test_a_full_ring_refuses_all_of_a_message_and_counts_it(pair: tuple[Side, Side]) -> None:
    terminal, agent = pair
    assert terminal.push(*range(CAPACITY - 1)) == 1
    assert terminal.push(1, 2) == 0
    assert (terminal.dropped, terminal.waiting) == (2, CAPACITY - 1)
    assert terminal.push(1) == 1
    assert [kind for _, kind in agent.peek()] == [*range(CAPACITY - 1), 1]


def test_indices_wrap_without_losing_a_record(pair: tuple[Side, Side], name: str) -> None:
    terminal, agent = pair
    start = 2**32 - 100
    with memory_of(name).open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        struct.pack_into("<I", memory, 64, start)
        struct.pack_into("<I", memory, 128, start)
    seen: list[tuple[int, int]] = []
    for kind in range(200):
        assert terminal.push(kind) == 1
        seen += agent.peek()
        agent.take(1)
    assert [kind for _, kind in seen] == list(range(200))
    assert [seq for seq, _ in seen] == [(start + n) % 2**32 for n in range(1, 201)]


def test_the_memory_says_what_it_is_byte_for_byte(pair: tuple[Side, Side], name: str) -> None:
    terminal, _ = pair
    terminal.push(0x11223344)
    raw = memory_of(name).read_bytes()
    assert len(raw) == RECORDS_AT + 2 * CAPACITY * 64
    assert struct.unpack_from("<4s3I", raw) == (b"FKSB", 1, CAPACITY, 64)
    assert struct.unpack_from("<2I", raw, 16) == (os.getpid(), os.getpid())
    assert struct.unpack_from("<2I", raw, RECORDS_AT) == (1, 0x11223344)


@pytest.mark.parametrize("capacity", [0, 1, 3, 100, 2**21])
def test_a_capacity_that_is_no_power_of_two_is_refused(
    library: Path, name: str, capacity: int
) -> None:
    assert Side(library, name, TERMINAL, capacity).handle == ARGUMENT


def test_another_capacity_or_version_is_refused(
    library: Path, pair: tuple[Side, Side], name: str
) -> None:
    pair[1].close()
    assert Side(library, name, AGENT, CAPACITY * 2).handle == LAYOUT
    with memory_of(name).open("r+b") as file:
        file.seek(4)
        file.write(struct.pack("<I", 2))
    assert Side(library, name, AGENT).handle == LAYOUT


def test_a_role_is_one_living_process_only(
    library: Path, pair: tuple[Side, Side], name: str
) -> None:
    script = (
        "from pathlib import Path; from tests.terminals.test_shared_memory import Side, TERMINAL;"
        f"print(Side(Path({str(library)!r}), {name!r}, TERMINAL).handle)"
    )
    stranger = [sys.executable, "-c", script]
    asked = subprocess.run(stranger, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert int(asked.stdout) == TAKEN
    pair[0].close()
    assert not pair[1].peer_is_alive
    asked = subprocess.run(stranger, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert int(asked.stdout) > 0


def test_a_process_that_opens_a_role_again_takes_it_from_its_own_dead_program(
    library: Path, pair: tuple[Side, Side], name: str
) -> None:
    again = Side(library, name, TERMINAL)
    assert pair[0].push(4) == ARGUMENT
    assert again.push(5) == 1
    assert pair[1].peek() == [(1, 5)]
    again.close()
    assert not pair[1].peer_is_alive


def test_many_pairs_live_beside_each_other_and_a_closed_handle_is_refused(
    library: Path, name: str
) -> None:
    sides = [Side(library, f"{name}-{n}", TERMINAL) for n in range(5)]
    assert len({side.handle for side in sides}) == 5
    for n, side in enumerate(sides):
        assert side.push(*range(n + 1)) == 1
        assert side.waiting == n + 1
        side.close()
        assert side.push(1) == ARGUMENT
        memory_of(f"{name}-{n}").unlink()


_PRODUCER = """
import sys
sys.path.insert(0, {project!r})
from pathlib import Path
from tests.terminals.test_shared_memory import Side, TERMINAL
side = Side(Path({library!r}), {name!r}, TERMINAL)
total = {total}
while side.handle < 0:
    side = Side(Path({library!r}), {name!r}, TERMINAL)
from tests.terminals.test_shared_memory import pushed_so_far
number = pushed_so_far({name!r})
while number < total:
    burst = min(1 + number % 17, total - number)
    if side.push(*range(number, number + burst)) == 1:
        number += burst
"""


def pushed_so_far(name: str) -> int:
    """The ring's own count tells a restarted producer where to go on."""
    raw = memory_of(name).read_bytes()[64:68]
    return int(struct.unpack("<I", raw)[0])


def test_a_producer_killed_at_random_loses_and_repeats_nothing(library: Path, name: str) -> None:
    agent = Side(library, name, AGENT)
    total, deaths = 20_000, 0
    seen: list[int] = []
    script = _PRODUCER.format(
        project=str(PROJECT), library=str(library), name=name, total=total
    )  # fmt: skip
    dice = random.Random(7)
    process = subprocess.Popen([sys.executable, "-c", script])
    kill_at = time.monotonic() + 0.5
    ends = time.monotonic() + 60
    while len(seen) < total:
        assert time.monotonic() < ends, f"{len(seen)} of {total}"
        agent.wait(20)
        found = agent.peek()
        seen += [kind for _, kind in found]
        agent.take(len(found))
        if deaths < 3 and time.monotonic() > kill_at:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process = subprocess.Popen([sys.executable, "-c", script])
            deaths, kill_at = deaths + 1, time.monotonic() + 0.4 + dice.random() / 5
    assert process.wait(10) == 0
    assert seen == list(range(total))
    agent.close()


_ECHO = """
import sys
sys.path.insert(0, {project!r})
from pathlib import Path
from tests.terminals.test_shared_memory import Side, AGENT
side = Side(Path({library!r}), {name!r}, AGENT)
while True:
    if side.wait(10_000) != 1:
        sys.exit("no record came")
    for seq, kind in side.peek():
        if kind == 0:
            sys.exit(0)
        side.push(kind)
        side.take(1)
"""


def test_no_wake_up_is_lost_in_ten_thousand_round_trips(library: Path, name: str) -> None:
    terminal = Side(library, name, TERMINAL)
    script = _ECHO.format(project=str(PROJECT), library=str(library), name=name)
    process = subprocess.Popen([sys.executable, "-c", script])
    for number in range(1, 10_001):
        assert terminal.push(number) == 1
        assert terminal.wait(10_000) == 1, f"round trip {number}"
        assert terminal.peek() == [(number, number)]
        terminal.take(1)
    terminal.push(0)
    assert process.wait(10) == 0
    terminal.close()


def test_waiting_ends_in_time_when_nothing_comes(pair: tuple[Side, Side]) -> None:
    start = time.monotonic()
    assert pair[1].wait(50) == 0
    assert 0.04 < time.monotonic() - start < 1


@pytest.mark.requires("make", "i686-w64-mingw32-gcc", "x86_64-w64-mingw32-gcc")
def test_the_dll_builds_for_both_widths_with_undecorated_names_and_windows_own_libraries(
    tmp_path: Path,
) -> None:
    for part in ("Makefile", "mql4"):
        (tmp_path / part).symlink_to(PROJECT / part)
    subprocess.run(["make", "native"], cwd=tmp_path, check=True, capture_output=True)
    names = (PROJECT / "mql4/native/bridge.def").read_text().split()[3:]
    for file, prefix in (("fksbridge", "i686"), ("fksbridge64", "x86_64")):
        dll = tmp_path / "build" / "native" / f"{file}.dll"
        tool = [f"{prefix}-w64-mingw32-objdump", "-p", str(dll)]
        found = subprocess.run(tool, check=True, capture_output=True, text=True).stdout
        table = found.partition("[Ordinal/Name Pointer] Table")[2].partition("\n\n")[0]
        assert [line.split()[-1] for line in table.strip().splitlines()] == sorted(names)
        libraries = {line.split()[-1] for line in found.splitlines() if "DLL Name:" in line}
        assert libraries == {"KERNEL32.dll", "msvcrt.dll"}
