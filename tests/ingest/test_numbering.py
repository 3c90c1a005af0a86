"""Whatever a terminal and its network do, each number is journalled once, in order, or as a gap.

The real session machine writes through the real journal into the real Redis; only the wire between
terminal and session is played by the test: it repeats, skips, cuts and reconnects.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
import redis
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bridge_ingest import names
from bridge_ingest.journal.layout import unpack_records
from bridge_ingest.journal.writer import Journal
from bridge_ingest.protocol import session as session_module
from bridge_ingest.protocol.intake import Board, ClientState, Peer, SourceRef
from bridge_ingest.protocol.opening import Opening
from bridge_ingest.protocol.records import Clocks
from bridge_ingest.protocol.session import Session
from bridge_ingest.store import async_redis

STREAM = 7
NOW_US = 1_795_235_490_000_000
PEER = Peer("tcp", "127.0.0.1", is_loopback=True, is_secure=False)


class Gateway:
    """One process's journal, and the sessions that a terminal opens with it."""

    def __init__(self, writer: str) -> None:
        self._redis = async_redis()
        self.journal = Journal(self._redis, writer, settings.FKS.shards, lambda _: None)
        self._task = asyncio.create_task(self.journal.run())
        self.replies: list[dict[str, Any]] = []

    async def open(self) -> Session:
        await self.journal.settled()
        watermark = int(await self._redis.hget(names.WATERMARKS, str(STREAM)) or 0)
        client = ClientState(1, "T", "mt5", {"EURUSD": SourceRef(1, 0), "GBPUSD": SourceRef(2, 1)})
        opening = Opening(
            uuid.uuid4(), client, STREAM, watermark, Clocks(0, replay=False), True, True
        )
        return Session(opening, self.journal, Board(), PEER, self._hear)

    def _hear(self, line: bytes) -> None:
        self.replies.append(json.loads(line))

    async def close(self) -> None:
        self.journal.stop()
        await self._task
        await self._redis.aclose()


def item(seq: int, count: int) -> bytes:
    symbol = "EURUSD" if seq % 3 else "GBPUSD"
    if count == 1:
        quote = {"bid": 1.0 + seq / 1e6, "ask": 1.1, "time_ms": NOW_US // 1000}
        return json.dumps({"type": "tick", "seq": seq, "symbol": symbol, **quote}).encode() + b"\n"
    rows = [[NOW_US // 1000, 1.0 + (seq + i) / 1e6, 1.1] for i in range(count)]
    message = {"type": "ticks", "seq": seq, "symbol": symbol, "ticks": rows}
    return json.dumps(message).encode() + b"\n"


def journalled(client: redis.Redis) -> list[int]:
    """Numbers in the journal, each shard's in its own order, all together sorted."""
    found: list[int] = []
    for shard in range(settings.FKS.shards):
        entries: Any = client.xrange(names.journal(str(shard)))
        if entries:
            records = unpack_records([fields[b"t"] for _, fields in entries])
            numbers = records["seq"].tolist()
            assert numbers == sorted(numbers)
            # The price says which number the terminal gave it.
            assert [round((bid - 1) * 1e6) for bid in records["bid"].tolist()] == numbers
            found += numbers
    return sorted(found)


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["send", "send", "send", "repeat", "skip", "cut", "settle", "other gateway"]
        ),
        st.integers(1, 6),
    ),
    max_size=40,
)


@given(steps)
@hypothesis_settings(
    max_examples=60,
    deadline=None,
    # Redis is emptied by hand for each example; a busy machine is no fault of the examples.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_each_number_is_journalled_exactly_once(
    redis_client: redis.Redis, plan: list[tuple[str, int]]
) -> None:
    redis_client.flushdb()
    produced = asyncio.run(_play(plan))
    assert journalled(redis_client) == list(range(1, produced + 1))


async def _play(plan: list[tuple[str, int]]) -> int:
    """Play the terminal's side; returns how many items it produced."""
    gateways = [Gateway("one"), Gateway("two")]
    here, session, produced = 0, await gateways[0].open(), 0
    for step, count in plan:
        if step == "send":
            session.feed(item(produced + 1, count))
            produced += count
        elif step == "repeat":
            session.feed(item(max(1, produced - count), min(count, max(1, produced - 1))))
            produced = max(produced, 1)
        elif step == "skip":
            session.feed(item(produced + 2, count))
        elif step == "settle":
            await gateways[here].journal.settled()
        else:
            here ^= step == "other gateway"
            session = await _reconnect(gateways, here)
            session = _send_missing(session, produced)
        session.work(NOW_US)
    session = _send_missing(await _reconnect(gateways, here), produced)
    session.work(NOW_US)
    for gateway in gateways:
        await gateway.close()
    return produced


async def _reconnect(gateways: list[Gateway], here: int) -> Session:
    for gateway in gateways:
        await gateway.journal.settled()
    return await gateways[here].open()


def _send_missing(session: Session, produced: int) -> Session:
    """What a terminal does after a welcome: everything from `resume` on."""
    for seq in range(session.next, produced + 1):
        session.feed(item(seq, 1))
    return session


async def _take_over(older_first: bool) -> tuple[Gateway, Gateway, Session, Session]:
    first, second = Gateway("one"), Gateway("two")
    older, newer = await first.open(), await second.open()
    for session in (older, newer) if older_first else (newer, older):
        session.feed(item(1, 1))
        session.work(NOW_US)
        await asyncio.sleep(0.05)
    await first.close()
    await second.close()
    return first, second, older, newer


@pytest.mark.parametrize("older_first", [True, False])
def test_of_two_gateways_that_hold_one_stream_only_one_writes(
    redis_client: redis.Redis, older_first: bool
) -> None:
    _, _, older, newer = asyncio.run(_take_over(older_first))
    assert journalled(redis_client) == [1]
    loser = newer if older_first else older
    assert loser.ended is not None
    assert loser.ended.code == "superseded"


def test_numbers_that_never_come_are_recorded_as_a_gap_after_three_requests(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RESEND_EVERY_S", 0.0)

    async def skip_three() -> list[dict[str, Any]]:
        gateway = Gateway("one")
        session = await gateway.open()
        for _ in range(4):
            session.feed(item(4, 1))
            session.work(NOW_US)
        await gateway.close()
        return gateway.replies

    replies = asyncio.run(skip_three())
    assert [reply for reply in replies if reply["type"] == "resend"] == [
        {"type": "resend", "from": 1}
    ] * 3
    assert replies[-1] == {"type": "ack", "seq": 4}
    assert journalled(redis_client) == [4]
