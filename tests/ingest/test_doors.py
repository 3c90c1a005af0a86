"""Terminals at the doors of one gateway: what is answered, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from bridge_ingest import actions, outbox
from bridge_ingest.gateway import control
from bridge_ingest.models import ApiKey, Refusal, Session
from bridge_ingest.protocol.refusals import KEPT_WHOLE
from bridge_ingest.stats import client_stats
from market import adopt
from tests.ingest.door import client_with_key, door, drain_all, tick

pytestmark = pytest.mark.django_db(transaction=True)
FAR_MS = 4_000_000_000_000


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


def test_what_is_acknowledged_is_stored_and_the_session_is_closed() -> None:
    client, key = client_with_key("A")

    async def talk() -> None:
        async with door() as gate, gate.terminal() as terminal:
            assert (await terminal.hello("A", key))["resume"] == 1
            terminal.send(tick(1), tick(2), tick(2), tick(3, bid=-1))
            await terminal.until("ack", seq=3)
            terminal.writer.close()
            await gate.settle()

    asyncio.run(talk())
    drain_all()
    stats = client_stats(client)
    assert (stats.produced, stats.stored, stats.duplicates, stats.refused) == (3, 2, 1, 1)
    assert stats.open_sessions == 0
    assert Session.objects.get().close_code == "closed"


def test_two_hellos_at_once_on_one_stream_leave_one_session_that_owns_the_numbers() -> None:
    client, key = client_with_key("A")

    async def talk() -> list[str]:
        async with door() as gate, gate.terminal() as one, gate.terminal() as two:
            await asyncio.gather(one.hello("A", key), two.hello("A", key))
            one.send(tick(1), tick(2))
            two.send(tick(1), tick(2))
            first = await asyncio.gather(one.read(), two.read())
            return sorted(message["type"] for message in first)

    assert asyncio.run(talk()) == ["ack", "error"]
    drain_all()
    assert client_stats(client).stored == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"protocol": 2}, "protocol"),
        ({"key": "fks_no\0_x"}, "auth"),
        ({"key": "nonsense"}, "auth"),
        ({"client": "B"}, "auth"),
        ({"stream": "a\0b"}, "protocol"),
        ({"mode": "replay"}, "auth"),
        ({"platform": "abacus"}, "protocol"),
        ({"symbols": ["x" * 60] * 2000}, "limit"),
    ],
)
def test_a_hello_that_opens_nothing_is_told_why_and_leaves_nothing(
    change: dict[str, Any], code: str
) -> None:
    _, key = client_with_key("A")

    async def talk() -> tuple[dict[str, Any], int]:
        async with door() as gate, gate.terminal() as terminal:
            told = await terminal.hello(**{"client": "A", "key": key, "stream": "s", **change})
            return told, len(gate.bridge.sessions)

    told, left = asyncio.run(talk())
    assert (told["code"], left) == (code, 0)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"ping","t":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"type":"ticks","seq":1,"symbol":"EURUSD","ticks":[[1,2]]}',
        b'{"type":"ticks","seq":1,"symbol":"EURUSD","ticks":[[]]}',
        b'{"type":"ticks","seq":1,"symbol":"EURUSD","ticks":[[1e300,1,1]]}',
        b'{"type":"indicator","seq":1,"symbol":"E","name":"a\\u0000","value":1,"time_ms":1.7e12}',
    ],
)
def test_a_line_that_fits_nothing_is_refused_and_the_session_goes_on(line: bytes) -> None:
    _, key = client_with_key("A")

    async def talk() -> tuple[str, int]:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("A", key)
            terminal.send_bytes(line + b"\n")
            reject = await terminal.until("reject")
            terminal.send({"type": "ping", "t": 7})
            return reject["code"], int((await terminal.until("pong"))["t"])

    code, echoed = asyncio.run(talk())
    assert code in {"json", "range", "time"}
    assert echoed == 7
    drain_all()


def test_a_flood_of_garbage_is_counted_exactly_and_kept_in_few_rows() -> None:
    client, key = client_with_key("A")

    async def talk() -> None:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("A", key)
            terminal.send_bytes(b"garbage\n" * 3000)
            terminal.send(*(tick(seq, bid=0) for seq in range(1, 501)))
            await terminal.until("ack", seq=500)

    asyncio.run(talk())
    drain_all()
    stats = client_stats(client)
    assert (stats.refusals, stats.refused, stats.produced) == (3500, 500, 500)
    assert KEPT_WHOLE < Refusal.objects.count() < KEPT_WHOLE + 60


def test_a_revoked_or_disabled_key_ends_its_session_even_when_the_order_was_not_heard() -> None:
    (one, key), (two, other) = client_with_key("A"), client_with_key("B")

    async def talk() -> list[str]:
        async with door() as gate, gate.terminal() as first, gate.terminal() as second:
            await first.hello("A", key)
            await second.hello("B", other)
            await asyncio.to_thread(_change_silently, one.pk, two.pk)
            await control.end_inactive_keys(gate.bridge)
            return [(await each.until("error"))["code"] for each in (first, second)]

    assert asyncio.run(talk()) == ["revoked", "auth"]


def _change_silently(revoked: int, disabled: int) -> None:
    from django.db import connections
    from django.utils import timezone

    from bridge_ingest.models import Client

    ApiKey.objects.filter(client=revoked).update(revoked_at=timezone.now())
    Client.objects.filter(pk=disabled).update(disabled_at=timezone.now())
    connections.close_all()


def test_a_gateway_that_has_closed_opens_redis_for_nobody() -> None:
    async def close() -> None:
        async with door() as gate:
            await gate.bridge.redis.ping()
        with pytest.raises(redis.RedisError):
            await gate.bridge.redis.ping()

    asyncio.run(close())


def test_a_signal_goes_to_one_session_and_to_the_next_only_when_that_one_ended() -> None:
    client, key = client_with_key("A")
    outbox.put(client.pk, "x", {"id": "x", "action": "BUY"}, FAR_MS)

    async def talk() -> None:
        async with door() as gate, gate.terminal() as older, gate.terminal() as newer:
            await older.hello("A", key, "chart1")
            assert (await older.until("signal"))["id"] == "x"
            await newer.hello("A", key, "chart2")
            newer.send({"type": "ping", "t": 1})
            assert (await newer.read())["type"] == "pong"
            older.writer.close()
            assert (await newer.until("signal"))["id"] == "x"
            newer.send({"type": "signal_ack", "id": "x", "state": "received", "detail": "a\0b"})
            newer.send({"type": "ping", "t": 2})
            await newer.until("pong", t=2)

    asyncio.run(talk())
    assert not outbox.holds(client.pk, "x")
    drain_all()


def test_a_post_with_a_key_is_answered_with_acks_rejects_and_signals() -> None:
    client, key = client_with_key("A")
    outbox.put(client.pk, "x", {"id": "x", "action": "BUY"}, FAR_MS)
    headers = {"authorization": f"Bearer {key}", "x_bridge_client": "A", "x_bridge_stream": "s"}

    async def talk() -> None:
        async with door() as gate:
            body = b"\n".join(json.dumps(each).encode() for each in (tick(1), tick(2, bid=0)))
            status, answer = await gate.post("/api/data", body[:9], body[9:], **headers)
            assert (status, answer["resume"], answer["ack"]) == (200, 1, 2)
            assert [reject["seq"] for reject in answer["rejects"]] == [2]
            assert [signal["id"] for signal in answer["signals"]] == ["x"]
            ack = {"type": "signal_ack", "id": "x", "state": "shown"}
            body = json.dumps([tick(3, extra={"nested": 1}), ack], indent=1).encode()
            status, answer = await gate.post("/api/data", body, **headers)
            assert (status, answer["resume"], answer["ack"]) == (200, 3, 3)
            assert answer["signals"] == answer["rejects"] == []
            assert not gate.bridge.sessions

    asyncio.run(talk())
    drain_all()
    stats = client_stats(client)
    assert (stats.stored, stats.refused, stats.sessions, stats.open_sessions) == (2, 1, 2, 0)


def test_a_post_that_may_wait_is_answered_as_soon_as_there_is_a_signal() -> None:
    client, key = client_with_key("A")
    headers = {"authorization": f"Bearer {key}", "x_bridge_client": "A", "x_bridge_stream": "s"}

    async def talk() -> tuple[float, float]:
        async with door() as gate:
            body = json.dumps(tick(1)).encode()
            began = time.monotonic()
            post = asyncio.create_task(gate.post("/api/data?wait=20", body, **headers))
            while not gate.bridge.sessions:  # noqa: ASYNC110 - the test has no event to wait for
                await asyncio.sleep(0.01)
            put = (client.pk, "x", {"id": "x", "action": "BUY"}, FAR_MS)
            await asyncio.to_thread(outbox.put, *put)
            _, answer = await post
            waited_s = time.monotonic() - began
            assert [signal["id"] for signal in answer["signals"]] == ["x"]
            assert answer["ack"] == 1
            acknowledged = json.dumps({"type": "signal_ack", "id": "x", "state": "shown"}).encode()
            began = time.monotonic()
            _, answer = await gate.post("/api/data?wait=1", acknowledged, **headers)
            assert answer["signals"] == []
            return waited_s, time.monotonic() - began

    heard_s, silent_s = asyncio.run(talk())
    assert heard_s < 10
    assert silent_s > 1
    drain_all()
    assert client_stats(client).stored == 1


def test_posts_in_parallel_on_one_stream_store_each_number_once() -> None:
    client, key = client_with_key("A")
    headers = {"authorization": f"Bearer {key}", "x_bridge_client": "A", "x_bridge_stream": "s"}
    body = json.dumps([tick(seq) for seq in range(1, 11)]).encode()

    async def talk() -> list[int]:
        async with door() as gate:
            posts = (gate.post("/api/data", body, **headers) for _ in range(8))
            answers = await asyncio.gather(*posts)
            return [status for status, _ in answers]

    assert set(asyncio.run(talk())) <= {200, 409}
    drain_all()
    assert client_stats(client).stored == 10


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("/api/data", "GET", b"", 405),
        ("/api/data", "POST", b"x" * (1024 * 1024 + 1), 413),
        ("/api/data", "POST", b"nonsense", 400),
        ("/api/bridge/fks_unknown_key", "POST", b"{}", 403),
    ],
)
def test_a_post_that_is_not_taken_says_why(
    path: str, method: str, body: bytes, status: int
) -> None:
    async def talk() -> int:
        async with door() as gate:
            return (await gate.post(path, body, method=method))[0]

    assert asyncio.run(talk()) == status
    drain_all()


def test_a_webhook_is_stored_once_and_needs_its_scope_and_a_living_key() -> None:
    client, key = client_with_key("TV", "webhook")
    _, reading = client_with_key("TV", "read")
    body = b'{"symbol":"EURUSD","time":1700000000000,"open":1,"high":2,"low":1,"close":2,"rsi":5}'

    async def talk() -> None:
        async with door() as gate:
            assert await gate.post(f"/api/bridge/{key}", body) == (200, {"status": "success"})
            assert await gate.post(f"/api/bridge/{key}", body) == (200, {"status": "success"})
            assert (await gate.post(f"/api/bridge/{reading}", body))[1]["code"] == "scope"
            await asyncio.to_thread(_revoke, key)
            await asyncio.sleep(1)
            assert (await gate.post(f"/api/bridge/{key}", body))[1]["code"] == "revoked"

    asyncio.run(talk())
    drain_all()
    stats = client_stats(client)
    assert (stats.produced, stats.stored, stats.duplicates) == (1, 1, 1)


def _revoke(key: str) -> None:
    from django.db import connections

    row = ApiKey.objects.get(public_id=key.split("_")[1])
    actions.revoke_key(row, actor=None, source="command")
    connections.close_all()
