"""How a run's samples are read, and that the baseline does what is said of it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bench.background import BenchError, last_line, module, running, server
from bench.feeder import MESSAGE, feed
from bench.ingest import Sample, slowest


def samples(*counts: int) -> list[Sample]:
    return [(float(at), count) for at, count in enumerate(counts)]


def test_the_slowest_window_is_found() -> None:
    assert slowest(samples(0, 100, 200, 210, 220, 320), window_s=2) == 10


def test_waiting_for_the_first_tick_is_no_part_of_a_window() -> None:
    assert slowest(samples(0, 0, 0, 100, 200, 300), window_s=2) == 100


def test_a_run_shorter_than_a_window_counts_as_a_whole() -> None:
    assert slowest(samples(0, 100, 250), window_s=5) == 150


def test_the_baseline_decodes_and_logs_each_message_that_it_answers(tmp_path: Path) -> None:
    log = tmp_path / "sketch.log"
    with server(module("bench.baseline", log)) as (port,):
        ticks, seconds = feed(port, clients=4, seconds=0.5)
    assert 0.5 <= seconds < 5
    lines = log.read_text().splitlines()
    # One more of each client was under way when the time was up.
    assert len(lines) == ticks + 4
    assert lines[0].endswith("INFO - EURUSD bid=1.08123 ask=1.08125 t=1700000000")


def test_the_baseline_cannot_take_two_messages_at_once(tmp_path: Path) -> None:
    """Which is why it is fed one at a time."""
    log = tmp_path / "sketch.log"
    with (
        server(module("bench.baseline", log)) as (port,),
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
    ):
        client.sendall(MESSAGE + MESSAGE)
        assert client.recv(1024) == b""
    assert log.read_text() == ""


def test_a_process_that_fails_is_told() -> None:
    with running(module("bench.feeder", 1, 1, 1)) as process, pytest.raises(BenchError, match="1"):
        last_line(process)
    with pytest.raises(BenchError, match="did not start"), server(module("bench.baseline")):
        pass
