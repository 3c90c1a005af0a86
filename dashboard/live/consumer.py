"""`/ws/live`: one socket per browser, for people who are signed in, from our own pages only."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import msgspec
from channels.auth import get_user
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from dashboard.live.board import Board, running_board
from dashboard.live.fanout import Viewer
from dashboard.live.messages import Acknowledgement

NOT_SIGNED_IN, UNREADABLE, TOO_SLOW = 4401, 4400, 4408
CHECKED_EVERY_S = 30.0

_decode = msgspec.json.Decoder(Acknowledgement).decode


class LiveConsumer(AsyncWebsocketConsumer):
    """Sends the board's frames. Reads acknowledgements only, and ends with the user's session."""

    channel_layer_alias = ""  # no layer: the board has its own registry

    board: Board
    viewer: Viewer
    tasks: tuple[asyncio.Task[None], ...] = ()

    async def dispatch(self, message: Any) -> None:
        """Acknowledgements come often, so they skip Channels' database clean-up and its thread."""
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
        else:
            await super().dispatch(message)

    async def connect(self) -> None:
        if not _is_same_origin(self.scope):
            await self.close()  # before accepting: the browser sees a 403
            return
        await self.accept()
        user = self.scope["user"]
        if user is None or not user.is_authenticated:
            await self.close(NOT_SIGNED_IN)
            return
        self.board = running_board()
        self.viewer = Viewer(self._send_text)
        self.board.join(self.viewer)
        self.tasks = (asyncio.create_task(self.viewer.run()), asyncio.create_task(self._watch()))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self.tasks:
            return
        try:
            answer = _decode(text_data or bytes_data or b"")
        except msgspec.DecodeError:
            await self.close(UNREADABLE)
            return
        self.board.acknowledge(self.viewer, answer.seq)

    async def websocket_disconnect(self, message: Any) -> None:  # noqa: ARG002 - its face is given
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            self.board.leave(self.viewer)
        raise StopConsumer

    async def _watch(self) -> None:
        """End what must not go on: a session that was signed out, a browser that reads no more."""
        while True:
            await asyncio.sleep(CHECKED_EVERY_S)
            if self.viewer.has_gone_silent():
                await self.close(TOO_SLOW)
            elif not await _is_still_signed_in(self.scope):
                await self.close(NOT_SIGNED_IN)

    async def _send_text(self, text: str) -> None:
        message: Any = {"type": "websocket.send", "text": text}
        await self.base_send(message)


def _is_same_origin(scope: Any) -> bool:
    """Browsers send Origin with every socket; it must be the host that the page came from."""
    headers = dict(scope["headers"])
    origin, host = headers.get(b"origin", b"").decode("latin-1"), headers.get(b"host", b"")
    return bool(host) and urlsplit(origin).netloc == host.decode("latin-1")


async def _is_still_signed_in(scope: Any) -> bool:
    """Reads the session afresh: signed out, expired, disabled or with a new password all count."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    fresh: Any = {"session": store(scope["session"].session_key)}
    user = await get_user(fresh)
    return bool(user.is_authenticated)
