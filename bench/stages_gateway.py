"""The gateway's stages, in this process: bytes to records, records to the journal."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from django.conf import settings

from agent.load.payload import Payload, symbols
from bench.figures import Round
from bench.probe import LOAD_SYMBOLS
from bench.stages import us_per_tick
from bridge_ingest.clock import now_us
from bridge_ingest.journal.layout import RECORD_BYTES
from bridge_ingest.journal.writer import Journal, Listener
from bridge_ingest.protocol.intake import Board, ClientState, Peer, SourceRef
from bridge_ingest.protocol.opening import Opening
from bridge_ingest.protocol.records import Clocks
from bridge_ingest.protocol.session import Session
from bridge_ingest.store import async_redis

BATCH = 100
MESSAGES = 16
NAMES = symbols(LOAD_SYMBOLS)


class Counting:
    """An intake that keeps nothing, but counts what a journal would have been given."""

    def __init__(self) -> None:
        self.ticks = 0
        self.events: list[dict[str, Any]] = []

    def add_ticks(self, shard: int, data: bytes) -> None:  # noqa: ARG002 - the intake's face
        self.ticks += len(data) // RECORD_BYTES

    def add_event(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def tally_refusal(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def move(self, stream: int, expected: int, seq: int, listener: Listener) -> None:
        """Nothing is committed, so nobody waits to hear of it."""


class Feed:
    """A session that is fed chunks made beforehand; only its own work is timed."""

    def __init__(self) -> None:
        self.intake = Counting()
        sources = {name: SourceRef(number, number % 2) for number, name in enumerate(NAMES, 1)}
        client = ClientState(1, "BENCH", "agent", sources)
        clocks = Clocks(0, replay=False)
        opening = Opening(uuid.uuid4(), client, 1, 0, clocks, can_ingest=True, can_receive=False)
        peer = Peer("tcp", "127.0.0.1", is_loopback=True, is_secure=False)
        self.session = Session(opening, self.intake, Board(), peer, lambda _: None)

    def take(self, chunk: bytes) -> int:
        """Ticks taken from a chunk. Raises ValueError when the session refused something."""
        before = self.intake.ticks
        self.session.feed(chunk)
        self.session.work(now_us())
        self.session.committed(self.session.next - 1)
        if self.intake.events:
            raise ValueError(f"refused: {self.intake.events[0]}")
        return self.intake.ticks - before


def measure(seconds: float) -> Round:
    return {
        "batched": _batched_us(seconds),
        "single": _single_us(seconds, BATCH),
        "alone": _single_us(seconds, 1),
        "journal": asyncio.run(_journal_us(seconds)),
    }


def _batched_us(seconds: float) -> float:
    feed, payload = Feed(), Payload(NAMES, BATCH)
    turn = 0

    def work() -> int:
        nonlocal turn
        turn = (turn + MESSAGES) % len(NAMES)
        now_ms = time.time_ns() // 1_000_000
        return feed.take(payload.messages(feed.session.next, turn, MESSAGES, now_ms))

    return us_per_tick(work, seconds) - _making_us(payload, seconds / 4)


def _making_us(payload: Payload, seconds: float) -> float:
    """What making the messages takes, which is no work of the gateway."""

    def work() -> int:
        payload.messages(1, 0, MESSAGES, time.time_ns() // 1_000_000)
        return MESSAGES * BATCH

    return us_per_tick(work, seconds)


def _single_us(seconds: float, in_chunk: int) -> float:
    """The lines are made once: their numbers only rise, so a fresh session takes them each time."""
    now_ms = time.time_ns() // 1_000_000
    lines = [_line(seq, NAMES[seq % len(NAMES)], now_ms) for seq in range(1, 1001)]
    chunks = [b"".join(lines[at : at + in_chunk]) for at in range(0, len(lines), in_chunk)]

    def work() -> int:
        feed = Feed()
        return sum(feed.take(chunk) for chunk in chunks)

    return us_per_tick(work, seconds)


def _line(seq: int, symbol: str, time_ms: int) -> bytes:
    return (
        f'{{"type":"tick","seq":{seq},"symbol":"{symbol}","bid":1.08123,"ask":1.08125,'
        f'"time_ms":{time_ms},"volume":1}}\n'
    ).encode()


async def _journal_us(seconds: float) -> float:
    """Time, not processor time: a commit is Redis's work as much as ours."""
    client = async_redis()
    journal = Journal(client, "bench", settings.FKS.shards, lambda _: None)
    task = asyncio.create_task(journal.run())
    data = bytes(RECORD_BYTES * MESSAGES * BATCH // 2)
    began, ends = time.perf_counter(), time.monotonic() + seconds
    while time.monotonic() < ends:
        journal.add_ticks(0, data)
        journal.add_ticks(1, data)
        await journal.settled()
    found = (time.perf_counter() - began) / journal.committed_ticks * 1e6
    journal.stop()
    await task
    await client.flushdb()
    await client.aclose()
    return found
