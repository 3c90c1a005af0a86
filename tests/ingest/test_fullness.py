"""When it is too much: a terminal that reads nothing, and a gateway that is full."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis
from django.conf import settings
from django.test import override_settings

from bridge_ingest import outbox
from bridge_ingest.gateway import tcp
from bridge_ingest.models import Session
from market import adopt
from tests.ingest.door import Door, Terminal, client_with_key, door, drain_all, tick

pytestmark = pytest.mark.django_db(transaction=True)
FAR_MS = 4_000_000_000_000
SIGNALS = 1500
NOTE = "x" * 8192
"""All signals together are 12 MB: more than the kernel holds for a reader that does not read."""


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


async def _deaf(gate: Door) -> socket.socket:
    """A connection with the smallest buffer that the kernel allows."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", gate.port))
    return line


def test_a_slow_reader_of_signals_is_cut_off_and_they_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "UNREAD_REPLIES_BYTES", 256 * 1024)
    client, key = client_with_key("A")
    for number in range(SIGNALS):
        outbox.put(client.pk, f"s{number}", {"id": f"s{number}", "note": NOTE}, FAR_MS)
    hello = {"type": "hello", "protocol": 1, "client": "A", "key": key, "platform": "mt5"}

    async def talk() -> set[str]:
        async with door() as gate:
            line = await _deaf(gate)
            told = json.dumps({**hello, "stream": "s"}).encode() + b"\n"
            await asyncio.get_running_loop().sock_sendall(line, told)
            async with asyncio.timeout(30):
                while not gate.bridge.sessions:  # noqa: ASYNC110 - the test has no event for it
                    await asyncio.sleep(0.01)
            await gate.settle()  # it has not read one byte, and its session has ended
            line.close()
            monkeypatch.setattr(tcp, "UNREAD_REPLIES_BYTES", 1 << 30)
            async with gate.terminal() as terminal:
                await terminal.hello("A", key)
                return {(await terminal.until("signal"))["id"] for _ in range(SIGNALS)}

    assert asyncio.run(talk()) == {f"s{number}" for number in range(SIGNALS)}
    drain_all()
    assert Session.objects.filter(closed_at=None).count() == 0


def test_a_full_gateway_says_busy_and_takes_the_next_when_one_has_left() -> None:
    """The second is connected before the first says hello: a connection alone is no session."""
    _, key = client_with_key("A")

    async def knock(terminal: Terminal) -> tuple[str, str]:
        told = await terminal.hello("A", key, "other")
        return told["type"], told.get("code", "")

    async def talk() -> list[tuple[str, str]]:
        async with door() as gate:
            async with gate.terminal() as first, gate.terminal() as second:
                await first.hello("A", key)
                refused = await knock(second)
                first.send(tick(1))
                await first.until("ack", seq=1)  # who is in goes on as before
                first.writer.close()
                await gate.settle()
            async with gate.terminal() as third:
                return [refused, await knock(third)]

    with override_settings(FKS=replace(settings.FKS, max_sessions=1)):
        assert asyncio.run(talk()) == [("error", "busy"), ("welcome", "")]
