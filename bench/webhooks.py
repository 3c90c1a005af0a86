"""Alerts by webhook: answered a second, beside Flask under gunicorn, which only parses and answers.

Ours are in the journal before they are answered, and afterwards stored, each once; the run fails if
what is stored is not exactly what was sent.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import quantiles
from typing import Any

from bench.background import BenchError, last_line, module, output_of, running
from bench.figures import Quantity, Round, Section, ratio
from bench.house import House
from tests.e2e.bridge import PROJECT

CLIENT = "ALERTS"
AT_ONCE = 16
TURNS = 3
"""How often ours and the baseline alternate within a round."""
STORED_WITHIN_S = 120.0
RECORDED = PROJECT.parent / "shared" / "data" / "webhook_bodies.jsonl"
CONTENT_TYPES = (
    "application/json; charset=utf-8",
    "text/plain; charset=utf-8",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
)
_LISTENS_WITHIN_S = 10.0

WEBHOOKS = Section(
    "webhooks",
    f"Webhooks, {AT_ONCE} connections at once",
    (
        Quantity("ours_per_s", "answered, in the journal", "posts/s"),
        Quantity("baseline_per_s", "baseline: Flask, two gunicorn workers", "posts/s"),
        Quantity("ratio", "answered / baseline", "x", at_least=2.0),
        Quantity("p50_ms", "answer, p50", "ms"),
        Quantity("p99_ms", "answer, p99", "ms", at_most=50.0),
        Quantity("baseline_p99_ms", "baseline: answer, p99", "ms"),
        Quantity("closing_per_s", "a connection each: answered", "posts/s"),
        Quantity("closing_baseline_per_s", "a connection each: baseline", "posts/s"),
        Quantity("closing_ratio", "a connection each: ratio", "x"),
        Quantity("recorded_p99_ms", "answer to each recorded alert, p99", "ms", at_most=50.0),
        Quantity("behind_s", "last answer until all is stored", "s"),
    ),
)

Sent = dict[str, Any]


def measure(house: House, seconds: float, say: Callable[[str], None]) -> Round:
    """Both in turns, so that neither has the machine's better minute."""
    each_s = seconds / TURNS / 4
    found: Round = {"behind_s": 0.0}
    for close in (False, True):
        ours: list[Sent] = []
        baseline: list[Sent] = []
        for turn in range(1, TURNS + 1):
            say(f"webhooks, turn {turn} of {TURNS}" + (", a connection each" if close else ""))
            baseline.append(_baseline(each_s, close=close))
            sent, behind_s = _ours(house, f"{CLIENT}-{turn}-{close:d}", each_s, close=close)
            ours.append(sent)
            found["behind_s"] = max(found["behind_s"], behind_s)
        found |= _closing(ours, baseline) if close else _kept(ours, baseline)
    return found | _recorded(house)


def _kept(ours: list[Sent], baseline: list[Sent]) -> Round:
    return {
        "ours_per_s": _per_s(ours),
        "baseline_per_s": _per_s(baseline),
        "ratio": ratio(_per_s(ours), _per_s(baseline)),
        "p50_ms": max(each["p50_ms"] for each in ours),
        "p99_ms": max(each["p99_ms"] for each in ours),
        "baseline_p99_ms": max(each["p99_ms"] for each in baseline),
    }


def _closing(ours: list[Sent], baseline: list[Sent]) -> Round:
    return {
        "closing_per_s": _per_s(ours),
        "closing_baseline_per_s": _per_s(baseline),
        "closing_ratio": ratio(_per_s(ours), _per_s(baseline)),
    }


def _ours(house: House, client: str, seconds: float, *, close: bool) -> tuple[Sent, float]:
    """A client for each turn: the same bodies from another are new."""
    path = house.webhook_path(client)
    before = house.alerts()
    sent = _send(house.bridge.gateway_http_port, path, seconds, close=close)
    return sent, _stored(house, before, sent)


def _recorded(house: House) -> Round:
    """Every alert body recorded in the wild, in four content types; nothing where they are not."""
    if not RECORDED.exists():
        return {}
    bodies = [json.loads(line)["body"] for line in RECORDED.read_text("utf-8").splitlines()]
    path = house.webhook_path(f"{CLIENT}-RECORDED")
    took_ms = [_took_ms(house, path, body, kind) for kind in CONTENT_TYPES for body in bodies]
    return {"recorded_p99_ms": quantiles(took_ms, n=100)[98]}


def _took_ms(house: House, path: str, body: str, content_type: str) -> float:
    began = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", house.bridge.gateway_http_port, timeout=10)
    with closing(connection):
        connection.request("POST", path, body.encode(), {"Content-Type": content_type})
        status = connection.getresponse().status
    if status != HTTPStatus.OK:
        raise BenchError(f"A recorded alert was answered with {status}.")
    return (time.perf_counter() - began) * 1000


def _baseline(seconds: float, *, close: bool) -> Sent:
    with running(module("bench.webhook_sketch")) as process:
        try:
            port = int(output_of(process).readline())
            _send(port, "/webhook", 1.0, close=close)  # its workers import Flask when they start
            return _send(port, "/webhook", seconds, close=close)
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Asked and not killed, or its workers would outlive it."""
    process.terminate()
    process.wait(_LISTENS_WITHIN_S)


def _send(port: int, path: str, seconds: float, *, close: bool) -> Sent:
    options = ["--close"] if close else []
    command = module("bench.webhook_sender", port, path, AT_ONCE, seconds, *options)
    with running(command) as sender:
        found = last_line(sender)
    if set(found["statuses"]) != {"200"}:
        raise BenchError(f"Not every post was answered with 200: {found['statuses']}.")
    return found


def _stored(house: House, before: tuple[int, int, int], sent: Sent) -> float:
    """Seconds until all is stored. Raises BenchError when it is not what was sent, each once."""
    began = time.monotonic()
    posts, distinct = sent["statuses"]["200"], sent["distinct"]
    while sum(house.alerts()) < sum(before) + posts:
        if time.monotonic() - began > STORED_WITHIN_S:
            raise BenchError(f"Of {posts:,} posts not all were stored within {STORED_WITHIN_S} s.")
        time.sleep(0.02)
    behind_s = time.monotonic() - began
    grown = tuple(now - then for now, then in zip(house.alerts(), before, strict=True))
    if grown != (distinct, 0, posts - distinct):
        raise BenchError(f"Stored, refused, twice: {grown}; sent {posts:,}, distinct {distinct:,}.")
    return behind_s


def _per_s(runs: list[Sent]) -> float:
    return float(sum(run["statuses"]["200"] for run in runs) / sum(run["seconds"] for run in runs))
