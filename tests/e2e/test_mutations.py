"""Ten thousand mutated messages: each is answered with a code or is still good."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.bridge import LiveBridge, Terminal, wait_for

MUTATIONS = 10_000
BLOCK = 100
CODES = {
    "json", "too_long", "missing", "type", "range", "not_finite", "price", "time", "ohlc", "symbol",
    "unsupported",
}  # fmt: skip


def now_ms() -> int:
    return int(time.time() * 1000)


def valid(seq: int, chance: random.Random) -> bytes:
    """One good message of any kind; data carries `seq`."""
    quote = {"symbol": "EURUSD", "bid": 1.0812, "ask": 1.0814, "time_ms": now_ms()}
    rows = [[now_ms(), 1.1, 1.2, 1], [now_ms(), 1.1, 1.2, 1]]
    prices = {"open": 1.1, "high": 1.3, "low": 1.0, "close": 1.2, "volume": 3}
    bar = {"symbol": "EURUSD", "period": "M1", "time_ms": now_ms(), "stamp": "open", "closed": True}
    messages: list[dict[str, Any]] = [
        {"type": "tick", "seq": seq, **quote},
        {"type": "ticks", "seq": seq, "symbol": "EURUSD", "ticks": rows},
        {"type": "bar", "seq": seq, **bar, **prices},
        {"type": "status", "produced": seq, "buffered": 0, "dropped": 0},
        {"type": "signal_ack", "id": "x", "state": "shown"},
        {"type": "ping", "t": 1},
    ]
    return json.dumps(chance.choice(messages)).encode()


def flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def drop(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randrange(1, 9)]


def repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randrange(1, 30)]


def insert(data: bytearray, chance: random.Random) -> None:
    words = [b"NaN", b"null", b"1e999", b"-1", b'"x"', b"[", b"{", b"\x00", b"\xff", b"\n", b"\t"]
    start = chance.randrange(len(data))
    data[start:start] = chance.choice(words)


def replace_number(data: bytearray, chance: random.Random) -> None:
    start = data.find(b":1")
    if start > 0:
        data[start + 1 : start + 2] = chance.choice(
            [b"-1", b"NaN", b"1e400", b'"1"', b"null", b"9" * 30]
        )


MUTATORS: list[Callable[[bytearray, random.Random], None]] = [
    flip, cut, drop, repeat, insert, replace_number,
]  # fmt: skip


def mutated(seq: int, chance: random.Random) -> bytes:
    data = bytearray(valid(seq, chance))
    for _ in range(chance.randrange(1, 4)):
        if data:
            chance.choice(MUTATORS)(data, chance)
    return bytes(data) + b"\n"


class Bystander(threading.Thread):
    """Another client, which must not notice anything: one good tick every 10 ms."""

    def __init__(self, bridge: LiveBridge, key: str) -> None:
        super().__init__()
        self._terminal = Terminal(bridge)
        self._terminal.hello("BYSTANDER", key, "s")
        self._leave = threading.Event()
        self.sent = 0
        self.worst_s = 0.0

    def run(self) -> None:
        while not self._leave.wait(0.01):
            self.sent += 1
            quote = {"symbol": "GBPUSD", "bid": 1.2, "ask": 1.3, "time_ms": now_ms()}
            started = time.monotonic()
            self._terminal.send({"type": "tick", "seq": self.sent, **quote})
            assert self._terminal.read_until("ack", seq=self.sent)
            self.worst_s = max(self.worst_s, time.monotonic() - started)

    def stop(self) -> None:
        self._leave.set()
        self.join(10)
        self._terminal.close()


class Vandal:
    """Sends mutations in blocks, reads every answer, connects again when it was thrown out."""

    def __init__(self, bridge: LiveBridge, key: str) -> None:
        self._bridge, self._key = bridge, key
        self.rejects = self.errors = 0
        self._connect()

    def close(self) -> None:
        self._terminal.close()

    def _connect(self) -> None:
        self._terminal = Terminal(self._bridge)
        self._next = self._terminal.hello("VANDAL", self._key, "s")["resume"]

    def send_block(self, chance: random.Random) -> None:
        lines = [mutated(self._next, chance) for _ in range(BLOCK)]
        self._terminal.send_bytes(b"".join(lines) + b'{"type":"ping","t":"done"}\n')
        while (answer := self._terminal.read()) != {"type": "pong", "t": "done"}:
            if not answer:
                self._terminal.close()
                self._connect()
                return
            self._take(answer)

    def _take(self, answer: dict[str, Any]) -> None:
        if answer["type"] == "reject":
            assert answer["code"] in CODES, answer
            assert answer["reason"]
            self.rejects += 1
        elif answer["type"] == "error":
            assert answer["code"] in {"protocol", "limit"}, answer
            self.errors += 1
        elif answer["type"] == "ack":
            self._next = answer["seq"] + 1


@pytest.mark.timeout(300)
def test_mutated_messages_are_refused_with_a_code_and_harm_nobody(bridge: LiveBridge) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    bystander = Bystander(bridge, bridge.issue_key("BYSTANDER"))
    vandal = Vandal(bridge, bridge.issue_key("VANDAL"))
    bystander.start()
    for _ in range(MUTATIONS // BLOCK):
        vandal.send_block(chance)
    bystander.stop()
    vandal.close()
    assert vandal.rejects > MUTATIONS / 4, f"seed {seed}: too few mutations were bad"
    wait_for(
        lambda: bridge.stats("VANDAL")["refusals"] >= vandal.rejects,
        30,
        f"every refusal to be kept where the operator reads it (seed {seed})",
    )
    bridge.wait_for_stats("BYSTANDER", stored=bystander.sent, refused=0, lost=0)
    assert bystander.worst_s < 2, f"seed {seed}"
