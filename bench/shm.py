"""A record of 64 bytes to another process and back: shared memory, a pipe, a loopback socket.

All three with the same bytes, in turn: in C through the DLL's own source (`bench/trip.c`, where
there is a gcc), and between two Python processes as the agent does it. `python -m bench.shm KIND`
is the other of these: it sends back whatever comes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from agent.shm.layout import AGENT, MORE, RECORD_BYTES, TERMINAL, memory_bytes
from agent.shm.memory import open_memory
from agent.shm.pair import Pair
from agent.shm.posix import place_of
from bench.background import BenchError, last_line, module, running
from bench.figures import Quantity, Round, Section, ratio
from tests.e2e.bridge import PROJECT

KINDS = {"shm": "shared memory", "pipe": "pipe", "socket": "loopback socket"}
CAPACITY = 1024
_WARM_UP = 500
_BLOCK = 500
_WAIT_MS = 10_000
_RECORD = b"\0" * 4 + MORE.to_bytes(4, "little") + bytes(range(RECORD_BYTES - 8))

LANGUAGES = {"c": "C, the DLL", "python": "Python, the agent"}


def _quantities(language: str, label: str) -> list[Quantity]:
    return [
        *(
            Quantity(f"{language}.{kind}.{name}", f"{label}: {what} {name}", "us")
            for kind, what in KINDS.items()
            for name in ("p50", "p99", "max")
        ),
        Quantity(f"{language}.count", f"{label}: round trips of each"),
        Quantity(f"{language}.pipe.ratio", f"{label}: memory p50 / pipe's", "x"),
        Quantity(f"{language}.socket.ratio", f"{label}: memory p50 / socket's", "x"),
    ]


SHM = Section(
    "shm",
    "A record of 64 bytes to another process and back",
    tuple(each for language in LANGUAGES.items() for each in _quantities(*language)),
)

Trip = Callable[[], None]


def measure(seconds: float, say: Callable[[str], None]) -> Round:
    """Half the time in each language, in blocks that take turns: all meet the same machine."""
    found: Round = {}
    if shutil.which("gcc") is None:
        say("no gcc: shared memory in Python only")
    else:
        say("shared memory, pipe, socket in C")
        found |= _named("c", _in_c(seconds / 2))
    say("shared memory, pipe, socket in Python")
    return found | _named("python", _in_python(seconds / 2))


def _named(language: str, figures: dict[str, Any]) -> Round:
    """The figures of all kinds, with how shared memory stands to the others."""
    found: Round = {f"{language}.count": figures["count"]}
    for kind in KINDS:
        found |= {f"{language}.{kind}.{name}": value for name, value in figures[kind].items()}
    for other in ("pipe", "socket"):
        compared = ratio(figures["shm"]["p50"], figures[other]["p50"])
        found[f"{language}.{other}.ratio"] = compared
    return found


def _in_c(seconds: float) -> dict[str, Any]:
    name = f"bench-c-{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "trip"
        sources = [PROJECT / "bench" / "trip.c", *(PROJECT / "mql4" / "native").glob("*.c")]
        subprocess.run(["gcc", "-std=gnu11", "-O2", *sources, "-o", made], check=True)
        try:
            with running([str(made), name, str(seconds)]) as process:
                return last_line(process)
        finally:
            place_of(name).unlink(missing_ok=True)


def _in_python(seconds: float) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        trips = {
            "shm": stack.enter_context(_shared_memory()),
            "pipe": stack.enter_context(_pipe()),
            "socket": stack.enter_context(_socket()),
        }
        took: dict[str, list[int]] = {kind: [] for kind in trips}
        for trip in trips.values():
            _timed(trip, _WARM_UP)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for kind, trip in trips.items():
                took[kind] += _timed(trip, _BLOCK)
    return {"count": len(took["shm"]), **{kind: _figures(took[kind]) for kind in took}}


def _timed(trip: Trip, count: int) -> list[int]:
    """Nanoseconds of each."""
    took = []
    for _ in range(count):
        began = time.perf_counter_ns()
        trip()
        took.append(time.perf_counter_ns() - began)
    return took


def _figures(times: list[int]) -> dict[str, float]:
    """Microseconds."""
    times.sort()
    at = {"p50": len(times) // 2, "p99": len(times) * 99 // 100, "max": -1}
    return {name: times[place] / 1000 for name, place in at.items()}


def _check(answer: bytes) -> None:
    if answer[4:] != _RECORD[4:]:
        raise BenchError(f"Another record came back: {answer!r}.")


# Our side.


@contextlib.contextmanager
def _shared_memory() -> Iterator[Trip]:
    name = f"bench-{os.getpid()}"
    pair = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY, TERMINAL)

    def trip() -> None:
        pair.push([_RECORD])
        if not pair.wait(_WAIT_MS):
            raise BenchError("The other process of the shared memory is silent.")
        _check(pair.read_raw(1))
        pair.free(pair.cursor)

    try:
        with _other("shm", name):
            yield trip
    finally:
        pair.close()
        place_of(name).unlink()


@contextlib.contextmanager
def _pipe() -> Iterator[Trip]:
    with _other("pipe") as process:
        there, back = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)

        def trip() -> None:
            os.write(there.fileno(), _RECORD)
            _check(os.read(back.fileno(), RECORD_BYTES))

        yield trip


@contextlib.contextmanager
def _socket() -> Iterator[Trip]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with _other("socket", str(port)):
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def trip() -> None:
                connection.sendall(_RECORD)
                _check(connection.recv(RECORD_BYTES))

            with connection:
                yield trip


@contextlib.contextmanager
def _other(kind: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    command = module("bench.shm", kind, *words)
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# The other side.


def _echo_memory(name: str) -> None:
    pair = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY, AGENT)
    while pair.wait(_WAIT_MS):
        record = pair.read_raw(1)
        pair.free(pair.cursor)
        pair.push([record])


def _echo_pipe() -> None:
    while record := os.read(0, RECORD_BYTES):
        os.write(1, record)


def _echo_socket(port: str) -> None:
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while record := connection.recv(RECORD_BYTES):
            connection.sendall(record)


def main(kind: str, place: str = "") -> None:
    if kind == "shm":
        _echo_memory(place)
    elif kind == "socket":
        _echo_socket(place)
    else:
        _echo_pipe()


if __name__ == "__main__":
    main(*sys.argv[1:])
