"""The other side of the contract, small and strict, for tests of the agent alone.

It numbers, acknowledges, asks again and refuses as Bridge Protocol 1 says, over real sockets, and
keeps exact counts of what it saw. `Manners` switches its faults on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass
class Manners:
    """How the bridge behaves. Counts are of data items over all its sessions."""

    ack_every: int = 1
    cut_after: list[int] = field(default_factory=list)
    cut_before_ack: bool = False
    refuse: tuple[str, str] | None = None
    byte_by_byte: bool = False
    silent: bool = False  # data is never acknowledged
    deaf_sessions: int = 0  # so many sessions, from the first, hear nothing after hello
    pause_s: float = 0.0
    resend_at: int | None = None
    reject_every: int = 0
    expected_key: str | None = None


@dataclass
class KeptStream:
    """What the bridge holds of one numbering."""

    items: dict[int, Any] = field(default_factory=dict)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    through: int = 0
    duplicates: int = 0


class Connection:
    """One terminal's connection as the bridge sees it."""

    def __init__(self, bridge: FakeBridge, writer: asyncio.StreamWriter) -> None:
        self.bridge = bridge
        self.writer = writer
        self.hello: Message = {}
        self.stream = KeptStream()
        self.unacked = 0
        self.asked = False

    def say(self, message: Message) -> None:
        line = json.dumps(message).encode() + b"\n"
        if self.bridge.manners.byte_by_byte:
            for at in range(len(line)):
                self.writer.write(line[at : at + 1])
        else:
            self.writer.write(line)

    def hear(self, message: Message) -> None:
        self.bridge.heard.append(message)
        kind = message["type"]
        if kind == "ping":
            self.say({"type": "pong", "t": message["t"]})
        elif kind == "gap":
            self.gap(message["from"], message["to"])
        elif kind == "signal_ack":
            self.bridge.signal_acks.append((message["id"], message["state"]))
        elif "seq" in message:
            self.data(message)

    def gap(self, first: int, last: int) -> None:
        if first <= self.stream.through + 1 <= last + 1:
            self.stream.gaps.append((max(first, self.stream.through + 1), last))
            self.stream.through = last
            self.say({"type": "ack", "seq": last})

    def data(self, message: Message) -> None:
        for seq, item in _items(message):
            if seq <= self.stream.through:
                self.stream.duplicates += 1
            elif seq == self.stream.through + 1:
                self.keep(seq, item)
            elif not self.asked:
                self.asked = True
                self.say({"type": "resend", "from": self.stream.through + 1})
        self.acknowledge()

    def keep(self, seq: int, item: Any) -> None:
        manners = self.bridge.manners
        self.stream.items[seq] = item
        self.stream.through = seq
        self.unacked += 1
        self.asked = False
        self.bridge.count += 1
        self.bridge.order.append(item)
        self.bridge.on_item(self, item)
        if manners.reject_every and self.bridge.count % manners.reject_every == 0:
            self.say({"type": "reject", "seq": seq, "code": "price", "field": "bid", "reason": "0"})
        if manners.resend_at == self.bridge.count:
            self.say({"type": "resend", "from": self.stream.through + 1})
        if manners.cut_after and self.bridge.count >= manners.cut_after[0]:
            manners.cut_after.pop(0)
            if not manners.cut_before_ack:
                self.acknowledge()
            raise ConnectionAbortedError

    def acknowledge(self) -> None:
        if self.unacked >= self.bridge.manners.ack_every and not self.bridge.manners.silent:
            self.unacked = 0
            self.say({"type": "ack", "seq": self.stream.through})


class FakeBridge:
    """A listening bridge on a free loopback port."""

    def __init__(self, manners: Manners | None = None) -> None:
        self.manners = manners or Manners()
        self.streams: dict[tuple[str, str], KeptStream] = {}
        self.heard: list[Message] = []
        self.order: list[Any] = []  # items of all streams as they came
        self.signal_acks: list[tuple[str, str]] = []
        self.waiting_signals: list[Message] = []
        self.on_item: Callable[[Connection, Any], None] = lambda _, __: None
        self.connections: list[Connection] = []
        self.open: dict[tuple[str, str], Connection] = {}
        self.connected = 0
        self.count = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def stream(self) -> KeptStream:
        """The only stream there is."""
        (only,) = self.streams.values()
        return only

    def of_type(self, kind: str) -> list[Message]:
        return [message for message in self.heard if message["type"] == kind]

    def kinds(self) -> Counter[str]:
        return Counter(message["type"] for message in self.heard)

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", port, limit=1 << 21, ssl=tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        connection = Connection(self, writer)
        self.connections.append(connection)
        self.connected += 1
        try:
            if self._greet(connection, json.loads(await reader.readline())):
                await self._listen(connection, reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            with contextlib.suppress(ConnectionError):
                writer.close()

    def _greet(self, connection: Connection, hello: Message) -> bool:
        connection.hello = hello
        if self.manners.refuse is not None:
            code, reason = self.manners.refuse
            connection.say({"type": "error", "code": code, "reason": reason})
            return False
        if self.manners.expected_key not in (None, hello["key"]):
            connection.say({"type": "error", "code": "auth", "reason": "unknown key"})
            return False
        name = (hello["client"], hello["stream"])
        connection.stream = self.streams.setdefault(name, KeptStream())
        self._supersede(name, connection)
        connection.say(
            {
                "type": "welcome",
                "session": f"s{self.connected}",
                "resume": connection.stream.through + 1,
                "server_time_ms": time.time_ns() // 1_000_000,
                "config": {},
            }
        )
        for signal in self.waiting_signals:
            connection.say(signal)
        return True

    def _supersede(self, name: tuple[str, str], connection: Connection) -> None:
        older = self.open.get(name)
        self.open[name] = connection
        if older is not None and not older.writer.is_closing():
            older.say({"type": "error", "code": "superseded", "reason": "a newer session"})
            older.writer.close()

    async def _listen(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if self.connections.index(connection) < self.manners.deaf_sessions:
                continue
            connection.hear(json.loads(line))
            if self.manners.pause_s:
                await asyncio.sleep(self.manners.pause_s)


def _items(message: Message) -> list[tuple[int, Any]]:
    """The numbered items of a data message."""
    if message["type"] == "ticks":
        return list(
            zip(
                itertools.count(message["seq"]),
                [[message["symbol"], *row] for row in message["ticks"]],
                strict=False,
            )
        )
    return [(message["seq"], message)]


@contextlib.asynccontextmanager
async def listening(manners: Manners | None = None) -> AsyncIterator[FakeBridge]:
    """A bridge that listens for the length of the block."""
    bridge = FakeBridge(manners)
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.stop()


async def eventually(true: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait for a condition of the outside world. Raises TimeoutError."""
    for _ in range(round(within_s / 0.005)):
        if true():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError(f"not true within {within_s} s")
