"""The ZeroMQ doors: keys, identities that come back or are taken over, plain ticks of PUB."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import redis
import zmq
import zmq.asyncio
from django.conf import settings
from django.core.management import call_command

from bridge_ingest.gateway import zeromq
from bridge_ingest.gateway.zeromq import Subscriber
from bridge_ingest.models import Client, Session
from bridge_ingest.stats import client_stats
from market import adopt
from tests.ingest.door import NOW_MS, Door, client_with_key, door, drain_all, tick
from tests.ingest.lines import DealerLine, dealer, router

pytestmark = pytest.mark.django_db(transaction=True)
PUBLIC, SECRET = zmq.curve_keypair()


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


class Bench:
    """A CURVE router, and dealers of the test's making."""

    def __init__(self, gate: Door, port: int, context: zmq.asyncio.Context) -> None:
        self.gate, self._port, self._context = gate, port, context

    def line(
        self, identity: bytes = b"", keys: tuple[bytes, bytes] | None = None, server: bytes = PUBLIC
    ) -> DealerLine:
        return DealerLine(dealer(self._context, self._port, server, keys, identity))


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    async with door() as gate, router(gate, SECRET.decode()) as at:
        context = zmq.asyncio.Context()
        try:
            yield Bench(gate, at.port, context)
        finally:
            await asyncio.to_thread(context.destroy, 0)


async def is_mute(line: DealerLine) -> bool:
    return not await line.socket.poll(400)


def test_without_curve_or_with_another_servers_key_nothing_is_heard() -> None:
    _, key = client_with_key("A")

    async def talk() -> list[bool]:
        async with bench() as at:
            lines = [at.line(server=b""), at.line(server=zmq.curve_keypair()[0])]
            for line in lines:
                await line.say_hello("A", key)
            return list(await asyncio.gather(*(is_mute(line) for line in lines)))

    assert asyncio.run(talk()) == [True, True]


def test_a_terminal_that_comes_back_under_its_identity_says_hello_and_resumes() -> None:
    client, key = client_with_key("A")
    keys = zmq.curve_keypair()

    async def talk() -> list[int]:
        async with bench() as at:
            resumes = []
            for run in range(3):
                line = at.line(b"terminal-1", keys)
                resumes.append((await line.hello("A", key))["resume"])
                await line.send(tick(run + 1))
                await line.until("ack", seq=run + 1)
                await line.close()
            return resumes

    assert asyncio.run(talk()) == [1, 2, 3]
    drain_all()
    assert client_stats(client).stored == 3


def test_hello_again_on_the_same_connection_begins_a_new_session() -> None:
    client, key = client_with_key("A")

    async def talk() -> None:
        async with bench() as at:
            line = at.line()
            await line.hello("A", key)
            await line.send(tick(1))
            await line.until("ack", seq=1)
            await line.say_hello("A", key)
            assert (await line.until("welcome"))["resume"] == 2

    asyncio.run(talk())
    drain_all()
    assert client_stats(client).sessions == 2


def test_who_takes_over_an_identity_gets_no_session_with_it() -> None:
    client, key = client_with_key("A")

    async def talk() -> tuple[str, int]:
        async with bench() as at:
            owner = at.line(b"terminal-1")
            await owner.hello("A", key)
            await owner.send(tick(1))
            await owner.until("ack", seq=1)
            thief = at.line(b"terminal-1")  # with a key pair of its own
            await thief.send(tick(2, bid=0.5))
            told = await thief.read()
            await at.gate.settle()
            return told["code"], len(at.gate.bridge.sessions)

    assert asyncio.run(talk()) == ("shutdown", 0)
    drain_all()
    assert client_stats(client).stored == 1


def test_data_without_a_hello_are_told_to_say_hello() -> None:
    async def talk() -> str:
        async with bench() as at:
            line = at.line()
            await line.send(tick(1))
            return str((await line.read())["reason"])

    assert "say hello" in asyncio.run(talk())
    drain_all()


def test_a_reply_that_finds_nobody_ends_the_session() -> None:
    _, key = client_with_key("A")

    async def talk() -> None:
        async with bench() as at:
            line = at.line()
            await line.hello("A", key)
            await line.close()
            session = next(iter(at.gate.bridge.sessions.values()))
            async with asyncio.timeout(10):
                while session in at.gate.bridge.sessions.values():
                    session.signal({"id": "x"})
                    await asyncio.sleep(0.05)

    asyncio.run(talk())
    drain_all()
    assert Session.objects.get().close_code == "closed"


def test_while_the_journal_is_full_terminals_wait_and_none_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two mebibytes wait: more than an inbox holds, for longer than a stuck terminal is given."""
    monkeypatch.setattr(zeromq, "_STUCK_AFTER_S", 0.05)
    client, key = client_with_key("A")
    rows = [[NOW_MS, 1.1, 1.2, 1]] * 1000

    async def talk() -> None:
        async with bench() as at:
            line = at.line()
            await line.hello("A", key)
            at.gate.bridge.journal.throttle(True)
            for number in range(60):
                batch = {"type": "ticks", "seq": 1 + 1000 * number, "symbol": "EURUSD"}
                await line.send({**batch, "ticks": rows})
            await asyncio.sleep(0.5)
            assert len(at.gate.bridge.sessions) == 1
            at.gate.bridge.journal.throttle(False)
            await line.until("ack", seq=60_000)

    asyncio.run(talk())
    drain_all()
    assert client_stats(client).stored == 60_000


def test_plain_ticks_of_a_pub_socket_are_stored() -> None:
    async def talk() -> int:
        async with door() as gate:
            context = zmq.asyncio.Context()
            subscriber = Subscriber(gate.bridge, context)
            subscriber.open(0)
            task = asyncio.create_task(subscriber.serve())
            publisher = context.socket(zmq.PUB)
            publisher.connect(f"tcp://127.0.0.1:{subscriber.port}")
            try:
                return await _publish_until_taken(gate, publisher)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                publisher.close(0)
                subscriber.close()
                await asyncio.to_thread(context.term)

    taken = asyncio.run(talk())
    drain_all()
    assert taken >= 3
    assert client_stats(Client.objects.get(name="local-mt5")).stored == taken


async def _publish_until_taken(gate: Door, publisher: zmq.asyncio.Socket) -> int:
    """PUB drops what it sends before the subscription has reached it, so it is sent on."""
    (session,) = gate.bridge.sessions.values() or [None]
    quote = {"symbol": "EURUSD", "bid": 1.1, "ask": 1.2, "time": 1_700_000_000, "volume": 1}
    async with asyncio.timeout(10):
        while session is None or session.counters.items < 3:
            await publisher.send(json.dumps(quote).encode() + b"\0")
            await asyncio.sleep(0.02)
            (session,) = gate.bridge.sessions.values() or [None]
    await gate.bridge.journal.settled()
    return session.counters.items


def test_the_servers_public_key_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("zmq_key")
    public = zmq.curve_public(settings.FKS.curve_secret_key.encode()).decode()
    assert capsys.readouterr().out.strip() == public
