"""A connection for measuring: it keeps no data, only numbers.

What the bridge asks for again is made anew under the same numbers, so nothing is kept to resend.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
from collections.abc import Callable
from typing import Any, cast

from agent.errors import LinkError, RefusedError
from agent.protocol import (
    FINAL_CODES,
    HELLO_TIMEOUT_S,
    Ack,
    Ended,
    Identity,
    Ping,
    Reject,
    Resend,
    Signal,
    Welcome,
    decode,
    encode,
)

_BUFFER_BYTES = 512 * 1024
_RETRY_S = 0.3


class Wire(asyncio.Protocol):
    """One client's numbering over as many connections as it takes.

    `next` is the number that is sent next, `acked` the last acknowledged, `ready` whether data may
    be sent. `on_ack` is given the acknowledged number, `on_signal` each signal. `greeting` is
    said after each welcome.
    """

    def __init__(
        self,
        identity: Identity,
        on_ack: Callable[[int], None] = lambda _: None,
        on_signal: Callable[[Signal], None] = lambda _: None,
        greeting: bytes = b"",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.identity = identity
        self.next = 1
        self.acked = 0
        self.rejected = 0
        self.resends = 0
        self.connections = 0
        self.ready = False
        self.refusal: RefusedError | None = None
        self._on_ack = on_ack
        self._on_signal = on_signal
        self._greeting = greeting
        self._tls = tls
        self._stream = secrets.token_hex(16)
        self._transport: asyncio.Transport | None = None
        self._welcomed = self._paused = False
        self._lost = asyncio.Event()
        self._news = asyncio.Event()
        self._rest = b""

    async def keep_open(self, host: str, port: int) -> None:
        """Connect, and connect again after a loss. Raises RefusedError when turned away."""
        loop = asyncio.get_running_loop()
        while self.refusal is None:
            try:
                await loop.create_connection(lambda: self, host, port, ssl=self._tls)
                await self._lost.wait()
            except OSError as fault:
                if not self.connections:
                    raise LinkError(f"no bridge at {host}:{port}: {fault}") from fault
            await asyncio.sleep(_RETRY_S * random.SystemRandom().uniform(0.5, 1.0))
        raise self.refusal

    async def opened(self) -> None:
        """Wait until data may be sent. Raises LinkError when no welcome comes."""
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                while not self.ready:
                    await self._next_news()
        except TimeoutError as fault:
            raise LinkError(
                f"the bridge does not answer the hello of {self.identity.client}"
            ) from (fault)

    async def settled(self) -> None:
        """Wait until everything sent is acknowledged."""
        while self.acked < self.next - 1:
            await self._next_news()

    async def _next_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def send(self, data: bytes, numbers: int) -> None:
        """Hand over whole lines that take `numbers` numbers from `next` on."""
        self.next += numbers
        self.say(data)

    def say(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        self._lost.clear()
        self._rest = b""
        self.connections += 1
        self.say(self.identity.hello(self._stream) + b"\n")

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._welcomed = self._paused = self.ready = False
        self._lost.set()

    def pause_writing(self) -> None:
        self._paused, self.ready = True, False

    def resume_writing(self) -> None:
        self._paused, self.ready = False, self._welcomed

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        # Acknowledgements are cumulative: of a run of them only the last says anything.
        for at, line in enumerate(lines):
            is_ack = b'"ack"' in line
            if not (is_ack and at + 1 < len(lines) and b'"ack"' in lines[at + 1]):
                self._hear(line)
        self._news.set()

    def _hear(self, line: bytes) -> None:
        message = decode(line)
        match message:
            case Ack(seq):
                self.acked = max(self.acked, seq)
                self._on_ack(seq)
            case Welcome():
                self._check_features(message)
                self.say(self._greeting)
                self.next, self.acked = message.resume, max(self.acked, message.resume - 1)
                self._welcomed, self.ready = True, not self._paused
            case Resend(start):
                self.resends += 1
                self.next = start
            case Signal():
                self.say(_line({"type": "signal_ack", "id": message.id, "state": "received"}))
                self._on_signal(message)
            case Reject():
                self.rejected += 1
            case Ping(t):
                self.say(_line({"type": "pong", "t": t}))
            case Ended():
                self._end(message)

    def _check_features(self, welcome: Welcome) -> None:
        missing = set(self.identity.features) - welcome.features
        if missing:
            reason = f"the bridge does not speak {', '.join(sorted(missing))} with this client"
            self.refusal = RefusedError("features", reason)
            self.close()

    def _end(self, message: Ended) -> None:
        if message.code in FINAL_CODES:
            self.refusal = RefusedError(message.code, message.reason)
        self.close()


def _line(fields: dict[str, Any]) -> bytes:
    return encode(fields) + b"\n"
