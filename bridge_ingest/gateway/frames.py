"""Transports that keep messages apart, one a frame: WebSocket and ZeroMQ."""

from __future__ import annotations

import asyncio
from typing import Any

from bridge_ingest.gateway.conversation import HELLO_WITHIN_S, Conversation
from bridge_ingest.protocol.errors import SessionError
from bridge_ingest.protocol.session import Session

READ_AHEAD_BYTES = 1024 * 1024


class Inbox:
    """Frames that have arrived and are not taken yet; the last event says that it is over."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._size = 0
        self._closed = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._size += len(frame)
        self._news.set()
        if self._size > READ_AHEAD_BYTES:
            self._room.clear()

    async def room(self) -> None:
        """Wait until the application has caught up, so that the transport pushes back."""
        await self._room.wait()

    def close(self) -> None:
        self._closed = True
        self._news.set()
        self._room.set()

    async def receive(self) -> dict[str, Any]:
        """Everything that has arrived since the last event, at least one frame."""
        while not self._frames:
            if self._closed:
                return {"type": "frames.disconnect"}
            self._news.clear()
            await self._news.wait()
        frames, self._frames, self._size = self._frames, [], 0
        self._room.set()
        return {"type": "frames.receive", "frames": frames}


class FrameConversation(Conversation):
    """A conversation whose events bring whole messages. The plain dialect is not spoken here."""

    async def _converse(self) -> None:
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                event = await self._receive()
        except TimeoutError:
            raise SessionError("protocol", "No hello came within 10 s.") from None
        if event["type"] != "frames.disconnect":
            hello, *rest = event["frames"]
            await self._speak(hello.rstrip(b"\r\n \0"), rest)

    def _take(self, session: Session, event: dict[str, Any]) -> None:
        for frame in event["frames"]:
            session.feed_frame(frame)

    def _feed(self, session: Session, data: bytes) -> None:
        session.feed_frame(data)
