"""One TCP connection from its first byte to its end: hello or plain, then work until it closes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from bridge_ingest.clock import now_us
from bridge_ingest.gateway import delivery
from bridge_ingest.gateway.bridge import Bridge
from bridge_ingest.gateway.opening import open_session
from bridge_ingest.gateway.pace import Pace
from bridge_ingest.gateway.proof import by_line
from bridge_ingest.gateway.report import report_closed
from bridge_ingest.protocol import digests
from bridge_ingest.protocol import messages as m
from bridge_ingest.protocol.errors import Refused, SessionError
from bridge_ingest.protocol.framing import MAX_LINE_BYTES
from bridge_ingest.protocol.intake import Peer, Send
from bridge_ingest.protocol.plain_session import PlainSession
from bridge_ingest.protocol.session import Session

log = structlog.get_logger(__name__)

HELLO_WITHIN_S = 10.0
Receive = Callable[[], Awaitable[dict[str, Any]]]
HangUp = Callable[[], None]


class Conversation:
    """Drives a session's state machine with what `receive` brings."""

    def __init__(
        self, bridge: Bridge, peer: Peer, receive: Receive, send: Send, hang_up: HangUp
    ) -> None:
        self._bridge = bridge
        self._peer = peer
        self._receive = receive
        self._send = send
        self._hang_up = hang_up

    async def run(self) -> None:
        """Return when the connection is over; the caller closes it."""
        if len(self._bridge.sessions) >= settings.FKS.max_sessions:
            self._say_error(SessionError("busy", "The bridge is full; try again later."))
            return
        try:
            await self._converse()
        except SessionError as error:
            self._say_error(error)

    async def _converse(self) -> None:
        first = await self._first_bytes()
        if first is None:
            return
        if b'"type"' in first:
            await self._numbered(first)
        else:
            await self._plain(first)

    async def _first_bytes(self) -> bytes | None:
        """Enough to tell the dialects apart: a line or an object; None when it closed."""
        data = b""
        async with asyncio.timeout(HELLO_WITHIN_S) as limit:
            try:
                while not _tells(data):
                    event = await self._receive()
                    if event["type"] == "tcp.disconnect":
                        return data or None
                    data += event["data"]
                    if len(data) > 2 * MAX_LINE_BYTES and not _tells(data):
                        raise SessionError("limit", "The first line is over 128 KiB.")
            except asyncio.CancelledError:
                if limit.expired():
                    raise SessionError("protocol", "No hello came within 10 s.") from None
                raise
        return data

    # The numbered protocol.

    async def _numbered(self, first: bytes) -> None:
        line, _, rest = first.lstrip(b"\r\n \0").partition(b"\n")
        await self._speak(line.rstrip(b"\r \0"), [rest] if rest else [])

    async def _speak(self, line: bytes, rest: list[bytes]) -> None:
        """A session from its hello to its end; `rest` is what came together with the hello."""
        hello = _decode_hello(line)
        proof = by_line(line)
        session = await open_session(self._bridge, hello, self._peer, self._send, proof)
        session.on_end = self._hang_up
        code, reason = "closed", "The terminal closed the connection."
        try:
            session.welcome(now_us())
            await self._deliver(session)
            for data in rest:
                self._feed(session, data)
            await self._drive_numbered(session)
        except SessionError as error:
            session.end(error.code, error.reason)
        finally:
            if session.ended is not None:
                code, reason = session.ended.code, session.ended.reason
            self._bridge.remove(session)
            report_closed(session, code, reason)
        await delivery.hand_on(self._bridge, session)

    async def _drive_numbered(self, session: Session) -> None:
        closed, pace = False, Pace(session)
        while not closed and session.ended is None:
            while session.ended is None and (symbol := session.work(now_us())) is not None:
                await self._bridge.directory.learn_symbol(session.client, symbol)
                if symbol not in session.client.sources:
                    session.skip_unknown(now_us())
            if session.acknowledged_signals:
                await delivery.forget_acknowledged(self._bridge, session)
            await pace.keep()
            if self._bridge.journal.is_full:
                await self._bridge.journal.room()
            event = await self._receive()
            closed = event["type"].endswith(".disconnect")
            if not closed:
                pace.heard(event)
                self._take(session, event)

    def _take(self, session: Session, event: dict[str, Any]) -> None:
        session.feed(event["data"])

    def _feed(self, session: Session, data: bytes) -> None:
        session.feed(data)

    async def _deliver(self, session: Session) -> None:
        if not session.opening.can_receive:
            return
        try:
            await delivery.deliver(self._bridge, session, session.client.id)
        except RedisError as error:
            log.warning("outbox_unreachable", client=session.client.name, error=str(error))

    # The plain dialect.

    async def _plain(self, first: bytes) -> None:
        if not (self._peer.is_loopback and settings.FKS.plain_loopback):
            raise SessionError("auth", "Say hello with a key first.")
        session = plain_session(self._bridge, self._peer, self._send)
        session.on_end = self._hang_up
        self._bridge.add(session)
        try:
            session.feed(first)
            await self._drive_plain(session)
        except SessionError as error:
            session.end(error.code, error.reason)
        finally:
            self._bridge.remove(session)
            ended = session.ended or SessionError("closed", "The terminal closed the connection.")
            report_closed(session, ended.code, ended.reason)

    async def _drive_plain(self, session: PlainSession) -> None:
        greeted = False
        while session.ended is None:
            await work_plain(self._bridge, session)
            await self._bridge.journal.room()
            event = await self._receive()
            if event["type"] == "tcp.disconnect":
                session.finish()
                await work_plain(self._bridge, session)
                return
            session.feed(event["data"])
            if session.stream is not None and not greeted:
                # Not at once: those who connect for each message hear nothing.
                greeted = True
                await delivery.try_deliver_to(self._bridge, session.stream.client.id)

    def _say_error(self, error: SessionError) -> None:
        message = {"type": "error", "code": error.code, "reason": error.reason}
        self._send(msgspec.json.encode(message) + b"\n")
        refused = Refused(error.code, "", error.reason)
        self._bridge.strangers.note(self._bridge.journal, refused, self._peer, now_us())


def plain_session(bridge: Bridge, peer: Peer, send: Send) -> PlainSession:
    return PlainSession(
        id=uuid.uuid4(),
        intake=bridge.journal,
        board=bridge.board,
        peer=peer,
        send=send,
        stream_of=bridge.plain_stream,
    )


async def work_plain(bridge: Bridge, session: PlainSession) -> None:
    """Work off what was fed, making platforms and symbols known as they turn up."""
    while (missing := session.work(now_us())) is not None:
        platform, symbol = missing
        try:
            stream = session.stream_of(platform)
            if stream is None:
                client = await bridge.directory.plain_client(platform)
                stream = await bridge.open_plain_stream(platform, client)
            await bridge.directory.learn_symbol(stream.client, symbol)
            if symbol not in stream.client.sources:
                session.skip_unknown(now_us())
        except DatabaseError as error:
            log.warning("plain_waits_for_database", error=str(error))
            await asyncio.sleep(0.5)


def _tells(data: bytes) -> bool:
    text = data.lstrip(b"\r\n \0\t")
    return b"\n" in text or (b"}" in text and b'"type"' not in text)


def _decode_hello(line: bytes) -> m.Hello:
    if len(line) > MAX_LINE_BYTES:
        raise SessionError("limit", "The first line is over 64 KiB.")
    try:
        message = m.decoder.decode(digests.peel(line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SessionError("protocol", f"The first message is no hello: {error}") from None
    if not isinstance(message, m.Hello):
        raise SessionError("protocol", "The first message must be a hello.")
    return message
