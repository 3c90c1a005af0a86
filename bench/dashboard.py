"""Fifty browsers: how soon a tick is on all their screens, and what that costs the web process."""

from __future__ import annotations

import http.cookiejar
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from bench import processes
from bench.background import BenchError, last_line, module, running, server
from bench.figures import Quantity, Round, Section, ratio
from bench.house import House
from bench.latency import load_beside
from tests.e2e.bridge import LiveBridge

BROWSERS = 50
PERSON = "bench"
MARKER = ("MARKER",)
_START_S = 6.0

DASHBOARD = Section(
    "dashboard",
    f"Tick to {BROWSERS} browsers, beside 20,000 ticks/s",
    (
        Quantity("seen.p50", "tick to browser p50", "ms"),
        Quantity("seen.p99", "tick to browser p99", "ms", at_most=200.0),
        Quantity("seen.max", "tick to browser max", "ms"),
        Quantity("missed", "ticks that some browser did not show", "%"),
        Quantity("frames_per_s", "frames to all browsers", "frames/s"),
        Quantity("kbytes_per_frame", "a frame", "KiB"),
        Quantity("cores.web", "cores: web"),
        Quantity("cores.browsers", "cores: the browsers"),
        Quantity("bare.p50", "bare fan-out p50", "ms"),
        Quantity("bare.p99", "bare fan-out p99", "ms"),
        Quantity("ratio", "p99 / bare fan-out's p99", "x"),
    ),
)


def measure(house: House, seconds: float, say: Callable[[str], None]) -> Round:
    """Three quarters of the time ours, one quarter the bare fan-out."""
    key = house.keys(MARKER)
    cookie = sign_in(house.bridge)
    say(f"{BROWSERS} browsers beside 20,000 ticks/s")
    with load_beside(house, seconds + 2 * _START_S):
        before = house.usage()
        began = time.monotonic()
        ours = _crowd(house, key, cookie, seconds * 0.75)
        cores = processes.cores(before, house.usage(), time.monotonic() - began)
        bare = _bare(key, seconds * 0.25)
    return {
        **{f"seen.{name}": value for name, value in ours["seen_ms"].items()},
        "missed": 100 * (1 - ours["seen"] / (ours["marks"] * BROWSERS)),
        "frames_per_s": ours["frames_per_s"],
        "kbytes_per_frame": ours["kbytes_per_frame"],
        "cores.web": cores["web"],
        "cores.browsers": ours["cores"],
        "bare.p50": bare["seen_ms"]["p50"],
        "bare.p99": bare["seen_ms"]["p99"],
        "ratio": ratio(ours["seen_ms"]["p99"], bare["seen_ms"]["p99"]),
    }


def _crowd(house: House, key: list[str], cookie: str, seconds: float) -> dict[str, Any]:
    host = f"127.0.0.1:{house.bridge.http_port}"
    more = ("--cookie", cookie, "--origin", f"http://{host}")
    return _run(f"ws://{host}/ws/live", house.bridge.tcp_port, key, seconds, *more)


def _bare(key: list[str], seconds: float) -> dict[str, Any]:
    with server(module("bench.bare")) as (port, socket_port):
        return _run(f"ws://127.0.0.1:{socket_port}/", port, key, seconds)


def _run(url: str, port: int, key: list[str], seconds: float, *more: str) -> dict[str, Any]:
    options = ("--browsers", BROWSERS, "--seconds", seconds, *key, *more)
    with running(module("bench.browsers", url, port, *options)) as process:
        found = last_line(process)
    if found["ended"] or not found["seen"]:
        raise BenchError(f"{found['ended']} browsers were cut off; {found['seen']} ticks seen.")
    return found


def sign_in(bridge: LiveBridge) -> str:
    """The session's cookie, got as a person gets it: through the sign-in page."""
    made = bridge.manage("create_operator", PERSON, "--random")
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"http://127.0.0.1:{bridge.http_port}/sign-in"
    with browser.open(address, timeout=10) as page:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    if found is None:
        raise BenchError("The sign-in page has no form.")
    form = {
        "csrfmiddlewaretoken": found[1], "username": PERSON, "password": made["password"],
        "next": "/healthz",
    }  # fmt: skip
    browser.open(address, urllib.parse.urlencode(form).encode(), timeout=10).close()
    session = [f"{cookie.name}={cookie.value}" for cookie in jar if "session" in cookie.name]
    if not session:
        raise BenchError("Signing in gave no session.")
    return session[0]
