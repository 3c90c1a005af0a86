"""One way to speak to a gateway over each of its transports, for cases that hold on all of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from typing import Any

import zmq
import zmq.asyncio
from django.conf import settings
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bridge_ingest.certificates import DevelopmentCa
from bridge_ingest.consumers import BridgeConsumer
from bridge_ingest.gateway.http import MachineDoor
from bridge_ingest.gateway.server import Server, http_config
from bridge_ingest.gateway.tcp import TcpConnection
from bridge_ingest.gateway.tls import Files, TlsDoor
from bridge_ingest.gateway.websocket import MachineSockets
from bridge_ingest.gateway.zeromq import Router
from tests.ingest.door import Door

Message = dict[str, Any]
TRANSPORTS = ("tcp", "tls", "websocket", "zeromq", "http")
KEPT_OPEN = ("tcp", "tls", "websocket", "zeromq")
ANSWER_WITHIN_S = 10.0


class Line:
    """A terminal's end: messages go out by `send`, come in by `read`, whatever carries them."""

    async def hello(self, client: str, key: str, stream: str = "s", **more: Any) -> Message:
        await self.say_hello(client, key, stream, **more)
        return await self.read()

    async def say_hello(self, client: str, key: str, stream: str = "s", **more: Any) -> None:
        told = {"type": "hello", "protocol": 1, "client": client, "key": key, "platform": "mt5"}
        await self.send({**told, "stream": stream, **more})

    async def send(self, *messages: Message) -> None:
        await self.send_bytes(*(json.dumps(message).encode() for message in messages))

    async def until(self, kind: str, **fields: Any) -> Message:
        """The next message of a type with these fields, passing over others."""
        while message := await self.read():
            if message.get("type") == kind and fields.items() <= message.items():
                return message
        raise AssertionError(f"closed before {kind}")

    async def send_bytes(self, *messages: bytes) -> None:
        raise NotImplementedError

    async def read(self) -> Message:
        """The next message; {} when the bridge has closed the connection."""
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


class StreamLine(Line):
    """TCP and TLS: messages are lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send_bytes(self, *messages: bytes) -> None:
        self._writer.write(b"".join(message + b"\n" for message in messages))
        await self._writer.drain()

    async def send_raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def read(self) -> Message:
        line = await asyncio.wait_for(self._reader.readline(), ANSWER_WITHIN_S)
        return json.loads(line) if line else {}

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class SocketLine(Line):
    """WebSocket: messages are text frames, batches binary ones."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def send_bytes(self, *messages: bytes) -> None:
        for message in messages:
            is_text = message[:1] not in (b"\xf1", b"\x78")
            await self._socket.send(message.decode() if is_text else message)

    async def read(self) -> Message:
        try:
            frame = await asyncio.wait_for(self._socket.recv(), ANSWER_WITHIN_S)
        except ConnectionClosed:
            return {}
        message: Message = json.loads(frame)
        return message

    async def close(self) -> None:
        await self._socket.close()


class DealerLine(Line):
    """ZeroMQ: messages are frames. Nothing says that the bridge has ended a session."""

    def __init__(self, socket: zmq.asyncio.Socket) -> None:
        self.socket = socket
        self._ended = False

    async def send_bytes(self, *messages: bytes) -> None:
        for message in messages:
            await self.socket.send(message)

    async def read(self) -> Message:
        if self._ended:
            return {}
        message: Message = json.loads(await asyncio.wait_for(self.socket.recv(), ANSWER_WITHIN_S))
        self._ended = message["type"] == "error"
        return message

    async def close(self) -> None:
        self.socket.close(linger=0)


class PostLine(Line):
    """HTTP: what was sent since the last answer makes a post when an answer is waited for."""

    def __init__(self, post: Callable[..., Awaitable[tuple[int, Message]]]) -> None:
        self._post = post
        self._hello: bytes = b""
        self._waiting: list[bytes] = []
        self._answers: deque[Message] = deque()
        self._greeted = False
        self._over = False

    async def say_hello(self, client: str, key: str, stream: str = "s", **more: Any) -> None:
        self._key = key
        await super().say_hello(client, key, stream, **more)
        self._hello, self._waiting, self._greeted = self._waiting[-1], [], False

    async def send_bytes(self, *messages: bytes) -> None:
        self._waiting += messages

    async def read(self) -> Message:
        if not self._answers:
            if self._over:
                return {}
            await self._exchange()
        return self._answers.popleft() if self._answers else await self.read()

    async def _exchange(self) -> None:
        body = b"\n".join([self._hello, *self._waiting])
        self._waiting = []
        status, answer = await self._post(body, authorization=f"Bearer {self._key}")
        if status != 200:
            code, reason = answer.get("code"), answer["message"]
            self._answers.append({"type": "error", "code": code, "reason": reason})
            self._over = True
            return
        if not self._greeted:
            self._greeted = True
            self._answers.append({"type": "welcome", "resume": answer["resume"]})
        for kind in ("rejects", "resend", "pongs", "signals", "errors"):
            self._answers += answer[kind]
        if answer["ack"] is not None:
            self._answers.append({"type": "ack", "seq": answer["ack"]})
        if not self._answers:
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        self._over = True


@lru_cache(maxsize=1)
def authority() -> DevelopmentCa:
    """One for the whole run, in the run's own folder."""
    ca = DevelopmentCa(settings.FKS.data_dir / "tls")
    ca.ensure()
    return ca


def trusting(ca: DevelopmentCa, client: str = "") -> ssl.SSLContext:
    """A terminal's TLS settings: it trusts the authority, and may show a client's certificate."""
    context = ssl.create_default_context(cafile=ca.authority.certificate_path)
    if client:
        pair = ca.client(client)
        context.load_cert_chain(pair.certificate_path, pair.key_path)
    return context


@contextlib.asynccontextmanager
async def tls_door() -> AsyncIterator[TlsDoor]:
    ca = authority()
    files = Files(ca.server.certificate_path, ca.server.key_path, ca.authority.certificate_path)
    connections: set[TcpConnection] = set()
    gate = TlsDoor(files, lambda: TcpConnection(BridgeConsumer.as_asgi(), connections))
    await gate.open("127.0.0.1", 0)
    try:
        yield gate
    finally:
        tasks = [connection.task for connection in connections]
        for connection in list(connections):
            connection.hang_up()
        gate.close()
        if tasks:
            await asyncio.wait(tasks, timeout=2)


@contextlib.asynccontextmanager
async def http_port() -> AsyncIterator[int]:
    """The machines' HTTP door, as the gateway serves it."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        door = MachineSockets(_nobody) if scope["type"] == "websocket" else MachineDoor(_nobody)
        await door(scope, receive, send)

    server = Server(http_config(application, "127.0.0.1", 0))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def _nobody(scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError(f"people's side was asked for {scope['path']}")


@contextlib.asynccontextmanager
async def router(gate: Door, secret: str | None = None) -> AsyncIterator[Router]:
    context = zmq.asyncio.Context()
    door = Router(gate.bridge, context, secret)
    door.open("127.0.0.1", 0)
    task = asyncio.create_task(door.serve())
    try:
        yield door
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await door.close()
        await asyncio.to_thread(context.term)


@contextlib.asynccontextmanager
async def plug(transport: str, gate: Door) -> AsyncIterator[Callable[[], Awaitable[Line]]]:
    """Open the door of a transport; gives what opens a connection to it."""
    opened: list[Line] = []
    async with contextlib.AsyncExitStack() as stack:
        make = await stack.enter_async_context(_MAKERS[transport](gate))

        async def line() -> Line:
            opened.append(await make())
            return opened[-1]

        try:
            yield line
        finally:
            for each in opened:
                await each.close()


@contextlib.asynccontextmanager
async def _tcp(gate: Door) -> AsyncIterator[Callable[[], Awaitable[Line]]]:
    async def make() -> Line:
        return StreamLine(*await asyncio.open_connection("127.0.0.1", gate.port, limit=1 << 20))

    yield make


@contextlib.asynccontextmanager
async def _tls(_gate: Door) -> AsyncIterator[Callable[[], Awaitable[Line]]]:
    async with tls_door() as door:

        async def make() -> Line:
            context = trusting(authority())
            streams = await asyncio.open_connection("127.0.0.1", door.port, ssl=context)
            return StreamLine(*streams)

        yield make


@contextlib.asynccontextmanager
async def _websocket(_gate: Door) -> AsyncIterator[Callable[[], Awaitable[Line]]]:
    async with http_port() as port:

        async def make() -> Line:
            return SocketLine(await connect(f"ws://127.0.0.1:{port}/ws/ingest", compression=None))

        yield make


@contextlib.asynccontextmanager
async def _zeromq(gate: Door) -> AsyncIterator[Callable[[], Awaitable[Line]]]:
    public, secret = zmq.curve_keypair()
    async with router(gate, secret.decode()) as door:
        context = zmq.asyncio.Context()

        async def make() -> Line:
            return DealerLine(dealer(context, door.port, public))

        try:
            yield make
        finally:
            await asyncio.to_thread(context.destroy, 0)


def dealer(
    context: zmq.asyncio.Context,
    port: int,
    server_key: bytes = b"",
    keys: tuple[bytes, bytes] | None = None,
    identity: bytes = b"",
) -> zmq.asyncio.Socket:
    socket: zmq.asyncio.Socket = context.socket(zmq.DEALER)
    if server_key:
        socket.curve_publickey, socket.curve_secretkey = keys or zmq.curve_keypair()
        socket.curve_serverkey = server_key
    if identity:
        socket.setsockopt(zmq.IDENTITY, identity)
    socket.connect(f"tcp://127.0.0.1:{port}")
    return socket


@contextlib.asynccontextmanager
async def _http(gate: Door) -> AsyncIterator[Callable[[], Awaitable[Line]]]:
    async def post(body: bytes, **headers: str) -> tuple[int, Message]:
        return await gate.post("/api/data", body, **headers)

    async def make() -> Line:
        return PostLine(post)

    yield make


_MAKERS = {"tcp": _tcp, "tls": _tls, "websocket": _websocket, "zeromq": _zeromq, "http": _http}
