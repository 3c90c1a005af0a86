"""How messages travel: one message in, one message out, whatever frames them on the way.

`Transport` is what a session speaks through and `Endpoint` is what makes one, so that another
framing (WebSocket, ZeroMQ, HTTP) is another pair of classes and nothing else changes.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Protocol

from agent.binary import stream_block
from agent.errors import LinkError, ProtocolError
from agent.protocol import MAX_INCOMING_BYTES

_READ_BYTES = 64 * 1024


class Transport(Protocol):
    """An open connection that carries whole messages."""

    async def send(self, message: bytes) -> None:
        """Hand one message over; waits while the far side is slow. Raises LinkError."""

    async def send_block(self, data: bytes) -> None:
        """Hand over a binary batch or zlib data. Raises LinkError."""

    async def receive(self) -> list[bytes]:
        """The next messages, at least one. Raises LinkError at the end of the connection."""

    def close(self) -> None:
        """Let go at once; what the far side has not taken yet is lost."""

    async def finish(self) -> None:
        """Close after everything handed over has been written. Raises LinkError."""


class Endpoint(Protocol):
    """A place where the bridge listens."""

    async def connect(self) -> Transport:
        """Open a connection. Raises LinkError when nobody answers."""


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """The bridge's TCP door; with `tls` its TLS door. `server_name` is checked against the
    certificate and defaults to `host`."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    timeout_s: float = 5.0

    async def connect(self) -> TcpTransport:
        name = (self.server_name or self.host) if self.tls else None
        try:
            async with asyncio.timeout(self.timeout_s):
                reader, writer = await asyncio.open_connection(
                    self.host, self.port, ssl=self.tls, server_hostname=name
                )
        except OSError as fault:  # also TimeoutError and ssl.SSLError
            why = fault.strerror or str(fault) or "no answer in time"
            raise LinkError(f"no bridge at {self.host}:{self.port}: {why}") from fault
        return TcpTransport(reader, writer)


class TcpTransport:
    """One JSON object a line, ended by LF; a CR before it is ignored."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._rest = b""

    async def send(self, message: bytes) -> None:
        await self._write(message + b"\n")

    async def send_block(self, data: bytes) -> None:
        await self._write(stream_block(data))

    async def _write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (OSError, RuntimeError) as fault:  # uvloop raises RuntimeError on a closed handle
            raise LinkError(f"the connection broke while sending: {fault}") from fault

    async def receive(self) -> list[bytes]:
        while True:
            chunk = await self._read()
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if len(self._rest) > MAX_INCOMING_BYTES:
                raise ProtocolError("the bridge sent a line without an end")
            whole = [line for line in (line.rstrip(b"\r") for line in lines) if line]
            if whole:
                return whole

    def close(self) -> None:
        self._writer.transport.abort()

    async def finish(self) -> None:
        try:
            self._writer.close()
            await self._writer.wait_closed()
        except OSError as fault:
            raise LinkError(f"the connection broke while closing: {fault}") from fault

    async def _read(self) -> bytes:
        try:
            chunk = await self._reader.read(_READ_BYTES)
        except OSError as fault:
            raise LinkError(f"the connection broke: {fault}") from fault
        if not chunk:
            raise LinkError("the bridge closed the connection")
        return chunk
