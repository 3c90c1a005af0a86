"""The journal against a real Redis: broken connections, taken-over streams, limits, the reader."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
import redis.asyncio
from django.conf import settings
from django.test import override_settings

from bridge_ingest import names
from bridge_ingest.gateway import watch
from bridge_ingest.journal import writer
from bridge_ingest.journal.layout import RECORD_BYTES, unpack_events, unpack_records
from bridge_ingest.journal.reader import JournalReader
from bridge_ingest.journal.writer import Journal
from bridge_ingest.store import async_redis
from market import adopt
from tests.ingest.door import Door, Terminal, client_with_key, door, drain_all, tick
from tests.ingest.spoken import NOW_US, Spoken
from tests.ingest.wire import wire

MIB = 1 << 20
Sequences = dict[int, list[int]]
"""Journalled numbers by stream, in the order of the journal."""


class Commits:
    """A journal at work, and the shards that it has asked to be drained."""

    def __init__(self, client: redis.asyncio.Redis, name: str) -> None:
        self.kicked: list[str] = []
        self.journal = Journal(client, name, settings.FKS.shards, self.kicked.append)


@contextlib.asynccontextmanager
async def committing(client: redis.asyncio.Redis, name: str = "one") -> AsyncIterator[Commits]:
    commits = Commits(client, name)
    work = asyncio.create_task(commits.journal.run())
    try:
        yield commits
    finally:
        commits.journal.stop()
        await work
        await client.aclose()


def journalled(client: redis.Redis) -> Sequences:
    found: Sequences = {}
    for shard in range(settings.FKS.shards):
        entries: Any = client.xrange(names.journal(str(shard)))
        for _, fields in entries:
            for record in unpack_records([fields[b"t"]]):
                found.setdefault(int(record["stream"]), []).append(int(record["seq"]))
    return found


def kinds(client: redis.Redis) -> list[tuple[str, int]]:
    """Kind and stream of each journalled event."""
    entries: Any = client.xrange(names.journal(names.EVENTS_SHARD))
    events = [event for _, fields in entries for event in unpack_events(fields[b"e"])]
    return [(event["kind"], event["stream"]) for event in events]


async def swapped(journal: Journal) -> None:
    """Wait until what is pending is on its way, and its answer is not here yet."""
    while journal.pending:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)


# A connection that breaks.


@pytest.mark.parametrize("times", [1, 3])
def test_a_commit_whose_answer_was_lost_is_sent_again_and_written_once(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr(writer, "_RETRY_S", 0.01)

    async def commit() -> tuple[Spoken, Commits, int]:
        async with wire() as line, committing(line.client()) as commits:
            session = Spoken(commits.journal, 7)
            line.lost_answers = times
            session.says(tick(1), tick(2), {"type": "status", "produced": 2})
            await commits.journal.settled()
            assert commits.journal.failing_since is None
            assert [each["seq"] for each in session.told] == [2]
            session.says(tick(3))
            await commits.journal.settled()
            return session, commits, line.commits

    session, commits, sent = asyncio.run(commit())
    assert sent == times + 2
    assert journalled(redis_client) == {7: [1, 2, 3]}
    assert kinds(redis_client) == [("status", 7)]
    assert redis_client.hget(names.WATERMARKS, "7") == b"3"
    # Whoever was to be told to drain by the lost answer is told by the next.
    assert commits.kicked[:2] == ["0", "events"]
    assert session.ended is None


def test_while_redis_is_away_nothing_is_acknowledged_and_afterwards_everything(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_RETRY_S", 0.01)

    async def commit() -> None:
        async with wire() as line, committing(line.client()) as commits:
            session = Spoken(commits.journal, 7)
            line.lost_answers = 1_000_000
            session.says(tick(1))
            while line.commits < 3:  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)
            session.says(tick(2))
            assert session.told == []
            assert commits.journal.failing_since is not None
            line.lost_answers = 0
            await commits.journal.settled()
            assert session.told == [{"type": "ack", "seq": 1}, {"type": "ack", "seq": 2}]

    asyncio.run(commit())
    assert journalled(redis_client) == {7: [1, 2]}


def test_above_the_high_water_mark_readers_wait_until_a_commit_has_made_room(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "HIGH_WATER_BYTES", 2 * RECORD_BYTES)

    async def commit() -> None:
        async with committing(async_redis()) as commits:
            session = Spoken(commits.journal, 7)
            session.says(tick(1), tick(2))
            full = [commits.journal.is_full]
            session.says(tick(3))
            full += [commits.journal.is_full]
            await asyncio.wait_for(commits.journal.room(), 5)
            assert [*full, commits.journal.is_full] == [False, True, False]

    asyncio.run(commit())
    assert journalled(redis_client) == {7: [1, 2, 3]}


# A stream that another session has taken over.


async def _mixed(client: redis.Redis) -> tuple[Spoken, Spoken]:
    client.hset(names.WATERMARKS, "8", 5)  # a newer session, elsewhere
    async with committing(async_redis()) as commits:
        good, taken = Spoken(commits.journal, 7), Spoken(commits.journal, 8)
        for session in (good, taken):
            session.emit({"kind": "session_seen"}, NOW_US)
            session.says(tick(1), tick(2, bid=-1), {"type": "gap", "from": 3, "to": 4}, tick(5))
        await commits.journal.settled()
        assert commits.journal.committed_ticks == 2
    return good, taken


def test_of_a_mixed_commit_only_the_stream_that_was_taken_over_is_left_out(
    redis_client: redis.Redis,
) -> None:
    good, taken = asyncio.run(_mixed(redis_client))
    assert journalled(redis_client) == {7: [1, 5]}
    # That a session was seen stays true; its numbered items are the newer session's to send.
    assert kinds(redis_client) == [
        ("session_seen", 7), ("refusal", 7), ("gap", 7), ("session_seen", 8),
    ]  # fmt: skip
    assert redis_client.hgetall(names.WATERMARKS) == {b"7": b"5", b"8": b"5"}
    assert [each["type"] for each in good.told] == ["reject", "ack"]
    assert [each["type"] for each in taken.told] == ["reject", "error"]
    assert taken.told[-1]["code"] == "superseded"


def test_a_session_that_was_taken_over_writes_nothing_more_even_if_its_next_number_would_fit(
    redis_client: redis.Redis,
) -> None:
    async def commit() -> Spoken:
        async with committing(async_redis(), "one") as one, committing(async_redis(), "two") as two:
            older, newer = Spoken(one.journal, 7), Spoken(two.journal, 7)
            newer.says(tick(1))
            await two.journal.settled()
            older.says(tick(1))
            await swapped(one.journal)
            older.says(tick(2), tick(3))  # before it hears that number 1 was not its to write
            await one.journal.settled()
            newer.says(tick(2))
            await two.journal.settled()
            assert newer.told == [{"type": "ack", "seq": 1}, {"type": "ack", "seq": 2}]
            return older

    older = asyncio.run(commit())
    assert [each["code"] for each in older.told] == ["superseded"]
    assert journalled(redis_client) == {7: [1, 2]}


# Workers that lag.


async def _until(gate: Door, *, throttled: bool) -> None:
    async with asyncio.timeout(5):
        while gate.bridge.journal.throttled != throttled:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)


async def _is_answered(terminal: Terminal) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            return bool(await terminal.read())
    return False


@pytest.fixture
def no_feeds() -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


@pytest.mark.django_db(transaction=True)
def test_a_full_redis_holds_terminals_back_until_it_has_room_again(
    redis_client: redis.Redis, no_feeds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_BACKLOG_EVERY_S", 0.02)
    _, key = client_with_key("A")
    used: Any = redis_client.info("memory")["used_memory"]
    limit_mb = used // MIB + 20
    header = {"authorization": f"Bearer {key}", "x_bridge_client": "A", "x_bridge_stream": "p"}

    async def talk() -> None:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("A", key)
            redis_client.set("most", b"x" * 18 * MIB)
            redis_client.set("rest", b"x" * 6 * MIB)
            await _until(gate, throttled=True)
            terminal.send(tick(1))  # this much was being waited for when the door closed
            await terminal.until("ack", seq=1)
            terminal.send(tick(2))
            assert not await _is_answered(terminal)
            body = json.dumps(tick(1)).encode()
            assert (await gate.post("/api/data", body, **header))[0] == 503
            redis_client.delete("rest")  # below the limit, but not by a fifth
            await asyncio.sleep(0.2)
            assert gate.bridge.journal.throttled
            redis_client.delete("most")
            await _until(gate, throttled=False)
            await terminal.until("ack", seq=2)
            assert (await gate.post("/api/data", body, **header))[0] == 200

    with override_settings(FKS=replace(settings.FKS, journal_limit_mb=limit_mb)):
        asyncio.run(talk())
    assert sorted(map(len, journalled(redis_client).values())) == [1, 2]
    drain_all()


# The reader.


def _append(client: redis.Redis, *payloads: bytes) -> list[bytes]:
    return [client.xadd(names.journal("0"), {b"t": each}) for each in payloads]  # type: ignore[misc]


def test_entries_are_read_once_each_in_order_however_large_they_are(
    redis_client: redis.Redis,
) -> None:
    sizes = [1, 900_000, 3, 2_000_000, 700_000, 5, 1_500_000, 2] * 4
    _append(redis_client, *(b"x" * size for size in sizes))
    reader, after, found, reads = JournalReader(redis_client, "0"), "0-0", [], 0
    while entries := reader.read(after, 1):
        found += [len(entry.payload) for entry in entries]
        after, reads = entries[-1].id.decode(), reads + 1
    assert found == sizes
    assert reads > len(sizes) / 8  # not all 20 MB at once


def test_a_reader_waits_for_the_next_entry_and_trims_up_to_what_is_stored(
    redis_client: redis.Redis,
) -> None:
    reader = JournalReader(redis_client, "0")
    assert reader.read("0-0", 1) == []
    first, second, third = _append(redis_client, b"a", b"b", b"c")
    assert [entry.payload for entry in reader.read(first.decode(), 1)] == [b"b"]
    reader.trim(second.decode())
    assert reader.backlog() == 1
    assert [entry.id for entry in reader.read("0-0", 1)] == [third]
    reader.trim(third.decode())
    assert (reader.backlog(), reader.read(third.decode(), 1)) == (0, [])
    reader.trim("0-0")  # a shard that has stored nothing yet


def test_shards_are_read_apart(redis_client: redis.Redis) -> None:
    _append(redis_client, b"a")
    assert JournalReader(redis_client, "1").read("0-0", 1) == []
    assert JournalReader(redis_client, names.EVENTS_SHARD).read("0-0", 1) == []
