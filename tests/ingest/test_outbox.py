"""Signals wait for their terminal, and orders reach a gateway that was deaf for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import redis
from django.db import connections
from django.utils import timezone

from bridge_ingest import actions, names, outbox
from bridge_ingest.gateway import control
from bridge_ingest.models import ApiKey, Client, Session, Source
from bridge_ingest.stats import client_stats
from market import adopt
from tests.ingest.door import Door, Terminal, client_with_key, door, drain_all, tick

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


def put(client: Client, name: str, expires_in_s: float = 60) -> None:
    expires_ms = int((time.time() + expires_in_s) * 1000)
    outbox.put(client.pk, name, {"id": name, "action": "BUY"}, expires_ms)


async def signals_until_pong(terminal: Terminal) -> list[str]:
    """Ids of the signals that came before the answer to a ping."""
    terminal.send({"type": "ping", "t": "mark"})
    found = []
    while (message := await terminal.read())["type"] != "pong":
        assert message["type"] == "signal"
        found.append(message["id"])
    return found


@asynccontextmanager
async def connected(key: str, stream: str = "s") -> AsyncIterator[Terminal]:
    """A terminal of client A at a gateway of its own."""
    async with door() as gate, gate.terminal() as terminal:
        assert (await terminal.hello("A", key, stream))["type"] == "welcome"
        yield terminal


# The outbox.


def test_a_signal_waits_for_the_terminal_however_often_the_gateway_starts_again() -> None:
    client, key = client_with_key("A")
    put(client, "x")

    async def talk() -> list[list[str]]:
        async with door():
            pass  # a gateway lives and dies without ever seeing the terminal
        told = []
        for _ in range(2):
            async with connected(key) as terminal:
                told.append(await signals_until_pong(terminal))
        return told

    # Sent and not acknowledged before the gateway stopped: so it is sent again.
    assert asyncio.run(talk()) == [["x"], ["x"]]
    assert outbox.holds(client.pk, "x")
    drain_all()


def test_a_signal_is_sent_again_after_a_reconnect_until_it_is_acknowledged() -> None:
    client, key = client_with_key("A")
    put(client, "x")
    put(client, "y")

    async def visit(gate: Door, *acknowledged: str) -> list[str]:
        async with gate.terminal() as terminal:
            await terminal.hello("A", key)
            found = await signals_until_pong(terminal)
            acks = [{"type": "signal_ack", "id": each, "state": "shown"} for each in acknowledged]
            terminal.send(*acks)
            assert await signals_until_pong(terminal) == []
        await gate.settle()
        return sorted(found)

    async def talk() -> list[list[str]]:
        async with door() as gate:
            return [
                await visit(gate),
                await visit(gate, "x"),
                await visit(gate, "y"),
                await visit(gate),
            ]

    assert asyncio.run(talk()) == [["x", "y"], ["x", "y"], ["y"], []]
    assert not outbox.holds(client.pk, "x")
    drain_all()


def test_an_expired_signal_is_never_sent_and_is_dropped() -> None:
    client, key = client_with_key("A")
    put(client, "old", expires_in_s=-0.001)
    put(client, "new")

    async def talk() -> list[str]:
        async with connected(key) as terminal:
            return await signals_until_pong(terminal)

    assert asyncio.run(talk()) == ["new"]
    assert (outbox.holds(client.pk, "old"), outbox.holds(client.pk, "new")) == (False, True)
    drain_all()


def test_a_signal_that_expires_while_its_terminal_is_away_is_not_sent_on_its_return() -> None:
    client, key = client_with_key("A")
    put(client, "x", expires_in_s=0.3)

    async def talk() -> list[list[str]]:
        async with door() as gate:
            told = []
            for pause_s in (0.35, 0.0):
                async with gate.terminal() as terminal:
                    await terminal.hello("A", key)
                    told.append(await signals_until_pong(terminal))
                await asyncio.sleep(pause_s)
            return told

    assert asyncio.run(talk()) == [["x"], []]
    drain_all()


def test_a_signal_put_while_the_terminal_is_connected_comes_within_a_second() -> None:
    client, key = client_with_key("A")

    async def talk() -> dict[str, Any]:
        async with connected(key) as terminal:
            await asyncio.to_thread(put, client, "x")
            async with asyncio.timeout(1):
                return await terminal.read()

    assert asyncio.run(talk()) == {"type": "signal", "id": "x", "action": "BUY"}
    drain_all()


@pytest.mark.parametrize(
    ("scopes", "mode"), [(("ingest",), "live"), (("ingest", "signals", "replay"), "replay")]
)
def test_a_session_that_may_not_receive_is_sent_nothing(scopes: tuple[str, ...], mode: str) -> None:
    client, key = client_with_key("A", *scopes)
    put(client, "x")

    async def talk() -> list[str]:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("A", key, mode=mode)
            await asyncio.to_thread(put, client, "y")
            await asyncio.sleep(0.2)
            return await signals_until_pong(terminal)

    assert asyncio.run(talk()) == []
    assert outbox.holds(client.pk, "x")
    assert outbox.holds(client.pk, "y")
    drain_all()


def test_another_clients_terminal_is_sent_nothing() -> None:
    client, _ = client_with_key("B")
    _, key = client_with_key("A")
    put(client, "x")

    async def talk() -> list[str]:
        async with connected(key) as terminal:
            return await signals_until_pong(terminal)

    assert asyncio.run(talk()) == []
    drain_all()


# Orders.


async def _in_thread(change: Any, *arguments: Any) -> None:
    def run() -> None:
        try:
            change(*arguments)
        finally:
            connections.close_all()

    await asyncio.to_thread(run)


async def _deaf(client: redis.Redis) -> None:
    """Cut every subscription; the gateway will listen again in a moment."""
    await asyncio.sleep(0.1)  # it has subscribed by now
    assert client.client_kill_filter(_type="pubsub")


def _revoke_in_silence(pk: int) -> None:
    """As if the order had been published while the gateway could not hear it."""
    ApiKey.objects.filter(client=pk).update(revoked_at=timezone.now())


def test_a_gateway_that_was_deaf_ends_sessions_whose_key_was_revoked_meanwhile(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_RETRY_S", 0.5)
    (one, key), (_, other) = client_with_key("A"), client_with_key("B")

    async def talk() -> list[str]:
        async with door() as gate, gate.terminal() as first, gate.terminal() as second:
            await first.hello("A", key)
            await second.hello("B", other)
            await _deaf(redis_client)
            await _in_thread(_revoke_in_silence, one.pk)
            async with asyncio.timeout(2):
                told = [(await first.until("error"))["code"]]
            second.send({"type": "ping", "t": 1})
            return [*told, (await second.until("pong"))["type"]]

    assert asyncio.run(talk()) == ["revoked", "pong"]
    drain_all()


def test_a_gateway_that_was_deaf_sends_signals_that_were_put_meanwhile(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_RETRY_S", 0.5)
    client, key = client_with_key("A")
    entry = {"message": {"id": "x"}, "expires_ms": int((time.time() + 60) * 1000)}

    async def talk() -> dict[str, Any]:
        async with connected(key) as terminal:
            await _deaf(redis_client)
            redis_client.hset(names.outbox(client.pk), "x", msgspec.json.encode(entry))
            async with asyncio.timeout(2):
                return await terminal.read()

    assert asyncio.run(talk()) == {"type": "signal", "id": "x"}
    drain_all()


def test_after_an_outage_orders_are_heard_again_and_what_is_no_order_is_passed_over(
    redis_client: redis.Redis,
) -> None:
    client, key = client_with_key("A")

    async def talk() -> str:
        async with connected(key) as terminal:
            await _deaf(redis_client)
            await asyncio.sleep(control._RETRY_S + 0.3)
            for order in (b"nonsense", b"[]", b"null", b'{"op":"end"}', b'{"op":"fly"}', b"{}"):
                redis_client.publish(names.CONTROL, order)
            await asyncio.to_thread(put, client, "x")
            async with asyncio.timeout(1):
                return str((await terminal.read())["id"])

    assert asyncio.run(talk()) == "x"
    drain_all()


def test_one_session_is_ended_by_an_operator_and_may_come_back() -> None:
    client, key = client_with_key("A")

    async def talk() -> list[str]:
        async with door() as gate, gate.terminal() as one, gate.terminal() as other:
            number = (await one.hello("A", key, "s1"))["session"]
            await other.hello("A", key, "s2")
            row = Session(pk=number, client=client)
            await _in_thread(_end, row)
            async with asyncio.timeout(1):
                told = [(await one.until("error"))["code"]]
            assert await one.read() == {}
            other.send({"type": "ping", "t": 1})
            told += [(await other.until("pong"))["type"]]
            async with gate.terminal() as again:
                return [*told, (await again.hello("A", key, "s1"))["type"]]

    assert asyncio.run(talk()) == ["shutdown", "pong", "welcome"]
    drain_all()
    closed = Session.objects.filter(close_code="shutdown", close_reason="Ended by an operator.")
    assert closed.count() == 1


def _end(row: Session) -> None:
    actions.end_session(row, actor=None, source="page")


def test_after_a_mapping_has_changed_symbols_are_looked_up_anew(
    redis_client: redis.Redis,
) -> None:
    client, key = client_with_key("A")

    async def talk() -> list[int]:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("A", key)
            terminal.send(tick(1))
            await terminal.until("ack", seq=1)
            [session] = gate.bridge.sessions.values()
            shards = [gate.bridge.directory._clients[client.pk].sources["EURUSD"].shard]
            await _in_thread(_move, client.pk, 1 - shards[0])
            order = {"op": "reload", "client": client.pk}
            redis_client.publish(names.CONTROL, msgspec.json.encode(order))
            sources = gate.bridge.directory._clients[client.pk].sources
            async with asyncio.timeout(5):
                while sources["EURUSD"].shard == shards[0]:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            terminal.send(tick(2))
            await terminal.until("ack", seq=2)
            assert session.ended is None
            return [*shards, gate.bridge.directory._clients[client.pk].sources["EURUSD"].shard]

    before, after = asyncio.run(talk())
    assert after == 1 - before
    drain_all()
    assert client_stats(client).stored == 2


def _move(client: int, shard: int) -> None:
    Source.objects.filter(client=client).update(shard=shard)
