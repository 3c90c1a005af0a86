"""An asyncio TCP server that speaks ASGI scope type `tcp` to the application.

Each connection keeps one buffer; a `tcp.receive` event carries everything that has arrived since
the last. Reading pauses while the application is behind, so that TCP pushes back on the terminal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import structlog

from bridge_ingest.gateway.tls import common_name

log = structlog.get_logger(__name__)

READ_AHEAD_BYTES = 1024 * 1024
UNREAD_REPLIES_BYTES = 4 * 1024 * 1024
"""A terminal that leaves so much unread is cut off; its signals wait in the outbox."""

_FAREWELL_S = 10.0
"""So long a terminal has to read the last lines written to it; then it is cut off."""

Application = Callable[..., Awaitable[None]]


class TcpConnection(asyncio.Protocol):
    """One connection: bytes in become events, bytes out go straight to the transport."""

    def __init__(self, application: Application, connections: set[TcpConnection]) -> None:
        self._application = application
        self._connections = connections
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._paused = False
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._last_call: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self.task: asyncio.Task[None]

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self.task = asyncio.create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._buffered += len(data)
        if self._buffered > READ_AHEAD_BYTES and not self._paused:
            self._transport.pause_reading()
            self._paused = True
        self._wake()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._closed = True
        self._connections.discard(self)
        if self._last_call is not None:
            self._last_call.cancel()
        self._wake()

    # ASGI

    async def _serve(self) -> None:
        try:
            await self._application(self._scope(), self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except Exception:
            # The one place where a defect of ours ends a session: it is logged whole, not hidden.
            log.exception("tcp_session_failed")
        finally:
            self._transport.close()
            if not self._closed:
                loop = asyncio.get_running_loop()
                self._last_call = loop.call_later(_FAREWELL_S, self._transport.abort)

    def _scope(self) -> dict[str, Any]:
        get = self._transport.get_extra_info
        secure = get("ssl_object") is not None
        return {
            "type": "tcp",
            "transport": "tls" if secure else "tcp",
            "secure": secure,
            "certificate": common_name(get("peercert")),
            "client": get("peername") or ("unknown", 0),
            "server": get("sockname"),
            "extensions": {"tcp.write": self.write, "tcp.hang_up": self.hang_up},
        }

    async def _receive(self) -> dict[str, Any]:
        while not self._chunks:
            if self._closed or self._transport.is_closing():
                return {"type": "tcp.disconnect"}
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks, self._buffered = [], 0
        if self._paused and not self._transport.is_closing():
            self._transport.resume_reading()
            self._paused = False
        return {"type": "tcp.receive", "data": data}

    async def _send(self, event: dict[str, Any]) -> None:
        if event["type"] == "tcp.send":
            self.write(event["data"])
        else:
            self._transport.close()

    def write(self, data: bytes) -> None:
        """Queue bytes; a reader that is far behind is cut off instead of filling our memory."""
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > UNREAD_REPLIES_BYTES:
            log.warning("slow_reader_cut_off", peer=self._transport.get_extra_info("peername"))
            self._transport.abort()

    def hang_up(self) -> None:
        """Stop waiting for more; what was written is still sent."""
        self._transport.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
