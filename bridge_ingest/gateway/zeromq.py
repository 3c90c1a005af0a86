"""The ZeroMQ doors: a ROUTER with CURVE for Bridge Protocol 1, a SUB for plain ticks.

A ROUTER does not tell when a terminal comes or goes. So a session begins with a hello and ends by
silence, by a reply that finds nobody (heartbeats notice a dead line within 15 s), or by the next
hello of the same identity. A frame counts for a session only if it comes from the same CURVE key
and address as its hello: whoever takes over an identity has to say hello anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import msgspec
import structlog
import zmq
import zmq.asyncio
from zmq.auth import CURVE_ALLOW_ANY
from zmq.auth.asyncio import AsyncioAuthenticator

from bridge_ingest.clock import now_us
from bridge_ingest.gateway.conversation import plain_session, work_plain
from bridge_ingest.gateway.frames import FrameConversation, Inbox
from bridge_ingest.gateway.peers import peer_of
from bridge_ingest.gateway.report import report_closed
from bridge_ingest.journal.writer import Journal
from bridge_ingest.protocol import digests
from bridge_ingest.protocol.errors import Refused

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import Bridge

log = structlog.get_logger(__name__)

HEARTBEAT_MS, DEAD_AFTER_MS = 5_000, 15_000
MAX_FRAME_BYTES = 1024 * 1024 + 64 * 1024
_STUCK_AFTER_S = 2.0
"""So long one terminal that is not being worked off may hold up the others."""
_TURN = 64
"""Messages read before other work of the loop has its turn."""
_LINGER_MS = 300

Owner = tuple[str, str]
"""CURVE public key ("" without CURVE) and address that a connection has proved."""


class Router:
    """The ROUTER socket. `open`, then run `serve`; `close` at the end."""

    def __init__(self, bridge: Bridge, context: zmq.asyncio.Context, secret: str | None) -> None:
        self._bridge = bridge
        self._socket: zmq.asyncio.Socket = context.socket(zmq.ROUTER)
        self._authenticator = AsyncioAuthenticator(context) if secret else None
        self._terminals: dict[bytes, _Terminal] = {}
        self._configure(secret)

    @property
    def port(self) -> int:
        return int(self._socket.get_string(zmq.LAST_ENDPOINT).rpartition(":")[2])

    def open(self, host: str, port: int) -> None:
        """Raises zmq.ZMQError when the port is taken."""
        if self._authenticator is not None:
            self._authenticator.start()
            self._authenticator.configure_curve(domain="*", location=CURVE_ALLOW_ANY)
        self._socket.ipv6 = ":" in host
        self._socket.bind(_endpoint(host, port))

    async def serve(self) -> None:
        while True:
            for _ in range(_TURN):
                frames = await self._socket.recv_multipart(copy=False)
                await self._take(frames[0].bytes, frames[1:])
            await asyncio.sleep(0)

    async def close(self) -> None:
        """What was said to terminals still goes out, for a moment."""
        tasks = [terminal.task for terminal in self._terminals.values()]
        for terminal in list(self._terminals.values()):
            terminal.inbox.close()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        if self._authenticator is not None:
            self._authenticator.stop()
        self._socket.close(linger=_LINGER_MS)

    def _configure(self, secret: str | None) -> None:
        options = {
            zmq.ROUTER_HANDOVER: 1,  # a terminal that lost its line comes back under its identity
            zmq.ROUTER_MANDATORY: 1,  # a reply that finds nobody is told, not dropped
            zmq.HEARTBEAT_IVL: HEARTBEAT_MS,
            zmq.HEARTBEAT_TIMEOUT: DEAD_AFTER_MS,
            zmq.MAXMSGSIZE: MAX_FRAME_BYTES,
        }
        for option, value in options.items():
            self._socket.setsockopt(option, value)
        if secret:
            self._socket.curve_server = True
            self._socket.curve_secretkey = secret.encode()

    async def _take(self, identity: bytes, frames: list[zmq.Frame]) -> None:
        for frame in frames:
            content = frame.bytes
            if content:  # REQ sockets put an empty frame first
                terminal = self._terminal(identity, _owner(frame), content)
                if terminal is not None:
                    await terminal.put(content, self._bridge.journal)

    def _terminal(self, identity: bytes, owner: Owner, content: bytes) -> _Terminal | None:
        """Who speaks; None when it must say hello first."""
        present = self._terminals.get(identity)
        is_new = present is None or present.owner != owner
        if not is_new and not _is_hello(content):
            return present
        if present is not None:
            present.inbox.close()
            del self._terminals[identity]
        if not _is_hello(content):
            self._turn_away(identity, owner)
            return None
        return self._begin(identity, owner)

    def _begin(self, identity: bytes, owner: Owner) -> _Terminal:
        peer = peer_of("zeromq", owner[1], secure=bool(self._authenticator))
        inbox = Inbox()
        conversation = FrameConversation(
            self._bridge, peer, inbox.receive, self._writer(identity, inbox), inbox.close
        )
        task = asyncio.create_task(conversation.run())
        terminal = self._terminals[identity] = _Terminal(owner, inbox, task)
        task.add_done_callback(lambda done: self._ended(identity, done))
        return terminal

    def _ended(self, identity: bytes, task: asyncio.Task[None]) -> None:
        present = self._terminals.get(identity)
        if present is not None and present.task is task:
            del self._terminals[identity]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("zeromq_session_failed", exc_info=error)

    def _writer(self, identity: bytes, inbox: Inbox) -> Callable[[bytes], None]:
        def write(data: bytes) -> None:
            present = self._terminals.get(identity)
            if present is not None and present.inbox is not inbox:
                return  # the identity is another session's now
            if why := self._reply(identity, data):
                log.warning("zeromq_peer_cut_off", why=why)
                inbox.close()

        return write

    def _reply(self, identity: bytes, data: bytes) -> str:
        """Hand over without waiting; what went wrong, or ""."""
        message = [identity, data.removesuffix(b"\n")]
        # With NOBLOCK the future is done when it is given; the stubs call it an Awaitable.
        sent = cast(asyncio.Future[Any], self._socket.send_multipart(message, flags=zmq.NOBLOCK))
        error = sent.exception()
        return "" if error is None else str(error)

    def _turn_away(self, identity: bytes, owner: Owner) -> None:
        """A line that broke and came back by itself, or a gateway that was started again."""
        reason = "No session is open on this connection; say hello."
        told = {"type": "error", "code": "shutdown", "reason": reason}
        self._reply(identity, msgspec.json.encode(told))
        peer = peer_of("zeromq", owner[1], secure=bool(self._authenticator))
        refused = Refused("shutdown", "", reason)
        self._bridge.strangers.note(self._bridge.journal, refused, peer, now_us())


class _Terminal:
    """One identity's conversation."""

    def __init__(self, owner: Owner, inbox: Inbox, task: asyncio.Task[None]) -> None:
        self.owner = owner
        self.inbox = inbox
        self.task = task

    async def put(self, content: bytes, journal: Journal) -> None:
        """Waits while it is behind: ROUTER can't stop reading one terminal and go on with others.

        One that stays behind is ended; what it has not been acknowledged it sends again. While the
        journal is full all of them wait, and nobody is to blame.
        """
        while not await self._has_room(journal):
            if not journal.is_full:
                log.warning("zeromq_peer_cut_off", why="it sends more than is worked off")
                self.inbox.close()
                return
        self.inbox.put(content)

    async def _has_room(self, journal: Journal) -> bool:
        await journal.room()
        try:
            async with asyncio.timeout(_STUCK_AFTER_S):
                await self.inbox.room()
        except TimeoutError:
            return False
        return True


class Subscriber:
    """The SUB socket of "First contact": PUB sockets on this machine, one plain tick a message."""

    def __init__(self, bridge: Bridge, context: zmq.asyncio.Context) -> None:
        self._bridge = bridge
        self._socket: zmq.asyncio.Socket = context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
        peer = peer_of("zeromq-sub", "127.0.0.1", secure=False)
        self._session = plain_session(bridge, peer, lambda _: None)
        self._session.hears = False  # nothing can be said to a PUB socket

    @property
    def port(self) -> int:
        return int(self._socket.get_string(zmq.LAST_ENDPOINT).rpartition(":")[2])

    def open(self, port: int) -> None:
        """On loopback, always. Raises zmq.ZMQError when the port is taken."""
        self._socket.bind(_endpoint("127.0.0.1", port))

    async def serve(self) -> None:
        self._bridge.add(self._session)
        try:
            while True:
                for _ in range(_TURN):
                    await self._take(await self._socket.recv_multipart())
                await asyncio.sleep(0)
        finally:
            self._bridge.remove(self._session)
            report_closed(self._session, "shutdown", "The gateway is stopping.")

    async def _take(self, frames: list[bytes]) -> None:
        self._session.feed_message(frames[-1].strip(b"\0 \t\r\n"))
        await work_plain(self._bridge, self._session)
        await self._bridge.journal.room()

    def close(self) -> None:
        self._socket.close(linger=0)


class _Kind(msgspec.Struct):
    type: str = ""


def _is_hello(content: bytes) -> bool:
    if b'"hello"' not in content[:4096]:
        return False
    try:
        return msgspec.json.decode(digests.peel(content), type=_Kind).type == "hello"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _owner(frame: zmq.Frame) -> Owner:
    return _property(frame, "User-Id"), _property(frame, "Peer-Address")


def _property(frame: zmq.Frame, name: str) -> str:
    try:
        return str(frame.get(name))
    except zmq.ZMQError:
        return ""


def _endpoint(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"tcp://{name}:{port}" if port else f"tcp://{name}:*"
