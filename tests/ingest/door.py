"""A gateway in the test's own loop: real sockets, Redis and PostgreSQL, no other process."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from bridge_ingest import actions
from bridge_ingest.consumers import BridgeConsumer
from bridge_ingest.gateway import bridge as bridge_module
from bridge_ingest.gateway.bridge import Bridge
from bridge_ingest.gateway.http import Application, MachineDoor
from bridge_ingest.gateway.tcp import TcpConnection
from bridge_ingest.models import Client
from bridge_ingest.store import sync_redis
from fksbridge.drain import Drain
from fksbridge.pipeline import all_shards

NOW_MS = 1_795_235_490_000


def client_with_key(name: str, *scopes: str) -> tuple[Client, str]:
    client = Client.objects.filter(name=name).first() or Client.objects.create(
        name=name, platform="mt5"
    )
    issued = actions.issue_key(
        client, scopes=scopes or ("ingest", "signals"), actor=None, source="command"
    )
    return client, issued.text


def drain_all() -> None:
    for shard in all_shards():
        Drain(shard, sync_redis()).run()


def tick(seq: int, **changes: Any) -> dict[str, Any]:
    quote = {"symbol": "EURUSD", "bid": 1.1, "ask": 1.2, "time_ms": NOW_MS}
    return {"type": "tick", "seq": seq, **quote, **changes}


class Terminal:
    """A socket that speaks line by line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def hello(self, client: str, key: str, stream: str = "s", **more: Any) -> dict[str, Any]:
        told = {"type": "hello", "protocol": 1, "client": client, "key": key, "platform": "mt5"}
        self.send({**told, "stream": stream, **more})
        return await self.read()

    def send(self, *messages: dict[str, Any]) -> None:
        self.send_bytes(b"".join(json.dumps(each).encode() + b"\n" for each in messages))

    def send_bytes(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self._reader.readline(), 10)
        return json.loads(line) if line else {}

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        while message := await self.read():
            if message.get("type") == kind and fields.items() <= message.items():
                return message
        raise AssertionError(f"closed before {kind}")


class Door:
    """The gateway's doors."""

    def __init__(self, bridge: Bridge, port: int) -> None:
        self.bridge, self.port = bridge, port

    @contextlib.asynccontextmanager
    async def terminal(self) -> AsyncIterator[Terminal]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        try:
            yield Terminal(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def post(
        self, path: str, *bodies: bytes, method: str = "POST", **headers: str
    ) -> tuple[int, dict[str, Any]]:
        events = [{"type": "http.request", "body": b, "more_body": True} for b in bodies[:-1]]
        last = bodies[-1] if bodies else b""
        events.append({"type": "http.request", "body": last, "more_body": False})
        named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        path, _, query = path.partition("?")
        scope: dict[str, Any] = {"type": "http", "path": path, "query_string": query.encode()}
        scope |= {"method": method, "headers": named}
        sent: list[Any] = []

        async def receive() -> Any:
            return events.pop(0)

        async def send(event: Any) -> None:
            sent.append(event)

        await MachineDoor(_nobody)({**scope, "client": ("127.0.0.1", 5)}, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    async def settle(self) -> None:
        """Wait until ended conversations are gone and everything is in the journal."""
        async with asyncio.timeout(10):
            while self.bridge.sessions:  # noqa: ASYNC110 - the test has no event to wait for
                await asyncio.sleep(0.01)
        await self.bridge.journal.settled()


_nobody: Application = None  # type: ignore[assignment]  # every path here is the door's own


class _Leaving(ThreadPoolExecutor):
    """One thread, whose last deed is to close its connection to PostgreSQL."""

    def shutdown(self, wait: bool = True, **_: bool) -> None:
        with contextlib.suppress(RuntimeError):  # it has been shut down before
            self.submit(connections.close_all)
        super().shutdown(wait)


@contextlib.asynccontextmanager
async def door() -> AsyncIterator[Door]:
    loop = asyncio.get_running_loop()
    bridge = Bridge("gateway")
    bridge.directory._pool = pool = _Leaving(1)
    bridge_module._current[id(loop)] = bridge
    bridge.start()
    connections_open: set[TcpConnection] = set()
    listener = await loop.create_server(
        lambda: TcpConnection(BridgeConsumer.as_asgi(), connections_open), "127.0.0.1", 0
    )
    try:
        yield Door(bridge, listener.sockets[0].getsockname()[1])
    finally:
        tasks = [connection.task for connection in connections_open]
        listener.close()
        await bridge_module.stop_current()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        await bridge_module.close_current()
        pool.shutdown()


def entries_of(shard: str) -> Iterator[Any]:
    yield from sync_redis().xrange(f"fks:journal:{shard}")  # type: ignore[misc]
