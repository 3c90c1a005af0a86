"""The probe, the bare answers beside it, and marked ticks in browsers' frames."""

from __future__ import annotations

import json
import time

from agent.load.latency import Stopwatch
from agent.load.payload import symbols
from bench import bare, browsers, probe
from bench.background import last_line, module, running, server


def test_the_bare_process_acknowledges_a_tick_by_its_number() -> None:
    line = b'{"type":"tick","seq":17,"symbol":"EURUSD"}'
    assert json.loads(bare.answer(line)) == {"type": "ack", "seq": 17}
    assert json.loads(bare.answer(b'{"type":"hello"}'))["type"] == "welcome"


def test_a_marked_tick_is_found_in_a_frame_of_the_bare_process() -> None:
    marks = browsers.Marks()
    line = marks.line(5)
    frame = browsers.Frame(**json.loads(bare.frame(line), object_hook=_without_at))
    marks.look(frame, time.perf_counter_ns())
    marks.look(browsers.Frame("delta", 6, [(1, 1.5, 1.6, 0, 0, 1)]), time.perf_counter_ns())
    assert (marks.sent, len(marks.seen_ns)) == (1, 1)
    assert 0 < marks.seen_ns[0] < 1e9


def _without_at(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name != "at_ms"}


def test_percentiles_are_of_all_terminals_together() -> None:
    first, second = Stopwatch(), Stopwatch()
    first.acks_ns, second.acks_ns = [1_000_000] * 98, [9_000_000] * 2
    first.ticks, second.ticks = 98, 2
    found = probe.figures([first, second])
    assert (found["sent"], found["acked"], found["signals"]) == (100, 100, 0)
    assert found["ack_ms"] == {"p50": 1.0, "p99": 9.0, "max": 9.0}


def test_the_probe_and_browsers_are_answered_over_real_sockets() -> None:
    key = ["--key", "A=B"]
    with server(module("bench.bare")) as (port, socket_port):
        options = ["--rate", 100, "--seconds", 1]
        with running(module("bench.probe", port, *key, *key, *options)) as process:
            found = last_line(process)
        assert (found["sent"], found["acked"]) == (100, 100)
        url = f"ws://127.0.0.1:{socket_port}/"
        options = ["--browsers", 3, "--seconds", 1]
        with running(module("bench.browsers", url, port, *key, *options)) as process:
            seen = last_line(process)
    assert (seen["marks"], seen["seen"], seen["ended"]) == (7, 21, 0)
    assert seen["seen_ms"]["p50"] < 100


def test_signals_are_asked_for_in_symbols_that_the_load_does_not_send() -> None:
    assert not set(probe.PROBED) & set(symbols(probe.LOAD_SYMBOLS))
    assert len(set(probe.PROBED)) == 5
