"""What the stories of NinjaTrader share: a market, what the bridge must hold of it, and a bridge
that says what a test tells it to."""

from __future__ import annotations

import itertools
import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.e2e.bridge import wait_for
from tests.terminals.ninja import NinjaTrader

ES = "ES 12-26"
MINUTE_MS = 60_000


def connected(platform: NinjaTrader, sessions: int = 1) -> None:
    wait_for(lambda: platform.do("sessions") >= sessions, 20, f"a session: {platform.printed()}")


def drained(platform: NinjaTrader) -> None:
    wait_for(
        lambda: platform.status().get("buffered") == 0,
        30,
        f"the ring to be empty: {platform.status()} {platform.printed()}",
    )


def now_ms() -> int:
    return int(time.time() * 1000)


def market(count: int) -> list[tuple[int, str, float, int]]:
    """Changes of a market, (ms, side, price, volume), in ES's quarter points."""
    start = now_ms() - count
    sides = itertools.cycle([("Bid", 0.0, 0), ("Ask", 0.25, 0), ("Last", 0.25, 3)])
    return [
        (start + n, side, 5000 + (n // 3 % 80) * 0.25 + offset, volume)
        for n, (side, offset, volume) in zip(range(count), sides, strict=False)
    ]


def write_market(path: Path, changes: list[tuple[int, str, float, int]]) -> Path:
    path.write_text("".join(f"{ms},{side},{p!r},{v}\n" for ms, side, p, v in changes))
    return path


def expected_ticks(changes: list[tuple[int, str, float, int]]) -> list[tuple[Any, ...]]:
    """What the bridge must hold: nothing before both sides are known, then one tick a change."""
    quote = {"Bid": 0.0, "Ask": 0.0}
    ticks: list[tuple[Any, ...]] = []
    for ms, side, price, volume in changes:
        if side in quote:
            quote[side] = price
        if all(quote.values()):
            last = price if side == "Last" else 0.0
            when = datetime.fromtimestamp(ms / 1000, UTC)
            ticks.append((len(ticks) + 1, ES, when, quote["Bid"], quote["Ask"], last, volume))
    return ticks


def rounded(ticks: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Times to the millisecond: a float of seconds is not exact beyond that."""
    return [(*t[:2], round(t[2].timestamp() * 1000), *t[3:]) for t in ticks]


def configured(platform: NinjaTrader, port: int, **more: object) -> NinjaTrader:
    """Started with settings for a bridge that is not one of ours."""
    lines = {"host": "127.0.0.1", "port": port, "client": "N", "key": "fks_k"}
    lines |= {"orders": "no", **more}
    platform.settings_file.parent.mkdir(exist_ok=True)
    platform.settings_file.write_text("".join(f"{n} = {v}\n" for n, v in lines.items()))
    platform.start()
    return platform


class ScriptedBridge:
    """One connection at a time, spoken by the test: for messages the gateway does not send yet."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(15)
        self.port = int(self._listener.getsockname()[1])
        self._socket: Any = None
        self._lines: Any = None

    def accept(self) -> dict[str, Any]:
        """The next connection's hello."""
        self._socket, _ = self._listener.accept()
        self._socket.settimeout(15)
        self._lines = self._socket.makefile("rb")
        return self.hear("hello")

    def meet(self, resume: int = 1) -> dict[str, Any]:
        """Accept, hear the hello, welcome it."""
        hello = self.accept()
        self.welcome(resume)
        return hello

    def welcome(self, resume: int, **more: Any) -> None:
        told = {"session": "s", "resume": resume, "server_time_ms": now_ms(), "config": {}}
        self.say(type="welcome", **{**told, **more})

    def say(self, **message: Any) -> None:
        self.say_line(json.dumps(message))

    def say_line(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\r\n")

    def hear(self, *kinds: str) -> dict[str, Any]:
        """The next message of these types, passing over others."""
        for line in self._lines:
            message: dict[str, Any] = json.loads(line)
            if message["type"] in kinds:
                return message
        raise AssertionError(f"the client left before {kinds} came")

    def hang_up(self) -> None:
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> ScriptedBridge:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self.hang_up()
        self._listener.close()
