"""`/ws/ingest`: Bridge Protocol 1 over WebSocket, on both HTTP doors.

The key comes in hello and no cookie counts, so other sites' pages gain nothing by connecting: no
origin is checked. Text frames are messages; binary frames are binary or compressed batches.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from django.conf import settings

from bridge_ingest.gateway.bridge import current
from bridge_ingest.gateway.frames import FrameConversation, Inbox
from bridge_ingest.gateway.peers import peer_of_request
from bridge_ingest.gateway.tcp import UNREAD_REPLIES_BYTES

log = structlog.get_logger(__name__)

PATH = "/ws/ingest"
_FAREWELL_S = 10.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class MachineSockets:
    """Takes what comes to `/ws/ingest`; every other path is people's."""

    def __init__(self, people: Application) -> None:
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == PATH:
            await IngestSocket(receive, send).serve(scope)
        else:
            await self._people(scope, receive, send)


class IngestSocket:
    """One connection: a task reads, a task writes, and the conversation stands between them."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._inbox = Inbox()
        self._replies: deque[bytes] = deque()
        self._unread = 0
        self._news = asyncio.Event()
        self._is_gone = False

    async def serve(self, scope: Scope) -> None:
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept"})
        peer = peer_of_request("websocket", scope, settings.FKS.trusted_proxies)
        conversation = FrameConversation(
            current(), peer, self._inbox.receive, self._write, self._inbox.close
        )
        reader, writer = asyncio.create_task(self._read()), asyncio.create_task(self._write_out())
        try:
            await conversation.run()
            await self._say_goodbye()
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.wait([reader, writer])

    async def _read(self) -> None:
        while (event := await self._receive())["type"] == "websocket.receive":
            text = event.get("text")
            self._inbox.put(event["bytes"] if text is None else text.encode())
            await self._inbox.room()
        self._is_gone = True
        self._inbox.close()
        self._news.set()

    def _write(self, data: bytes) -> None:
        """Queue a reply without waiting; who leaves too much unread is cut off."""
        self._replies.append(data)
        self._unread += len(data)
        self._news.set()
        if self._unread > UNREAD_REPLIES_BYTES:
            log.warning("slow_reader_cut_off", transport="websocket")
            self._is_gone = True
            self._inbox.close()

    async def _write_out(self) -> None:
        while not self._is_gone:
            while self._replies and not self._is_gone:
                data = self._replies.popleft()
                self._unread -= len(data)
                text = data.removesuffix(b"\n").decode()
                try:
                    await self._send({"type": "websocket.send", "text": text})
                except (OSError, RuntimeError):  # the servers' ways to say that it has closed
                    self._is_gone = True
                    self._inbox.close()
            self._news.clear()
            if not self._replies:
                await self._news.wait()

    async def _say_goodbye(self) -> None:
        """Let the last replies go out, then close."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                while self._replies and not self._is_gone:  # noqa: ASYNC110 - ends within 10 s
                    await asyncio.sleep(0.01)
        if not self._is_gone:
            with contextlib.suppress(OSError, RuntimeError):
                await self._send({"type": "websocket.close"})
