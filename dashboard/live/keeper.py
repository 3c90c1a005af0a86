"""Keeps the board running from the first request on: figures have a past without a browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dashboard.live.board import running_board

ASGIApplication = Callable[[Any, Any, Any], Awaitable[None]]


def with_board(application: ASGIApplication) -> ASGIApplication:
    """Wrap the pages' ASGI application. The supervisor's /healthz is then what starts the board."""

    async def keeping(scope: Any, receive: Any, send: Any) -> None:
        running_board()
        await application(scope, receive, send)

    return keeping
