"""The TLS door: the TCP door's connections behind TLS, whose certificates can change any time.

New certificates make a new context, to which each handshake switches at its first message
(OpenSSL's hook for server names, which is called whether a name is given or not). So the listener
stays, nobody is refused meanwhile, and open sessions keep what they were made with.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

HANDSHAKE_WITHIN_S = 10.0
_LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Files:
    """Where the certificates lie, PEM. `client_ca` None or absent: no client certificates."""

    certificate: Path
    key: Path
    client_ca: Path | None

    def context(self) -> ssl.SSLContext:
        """Raises OSError (ssl.SSLError is one) when they can't be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_TICKET  # else a terminal could come back on old certificates
        context.num_tickets = 0
        context.load_cert_chain(self.certificate, self.key)
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            if self.client_ca.exists():
                context.load_verify_locations(self.client_ca)
        return context

    def signature(self) -> tuple[tuple[int, int] | None, ...]:
        """Changes when a file does. A link that points elsewhere is a change, too."""
        return tuple(map(_state, (self.certificate, self.key, self.client_ca)))


def _state(path: Path | None) -> tuple[int, int] | None:
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ino) if status else None


class TlsDoor:
    """Open with `open`; `watch` reloads on change, `reload` at once; `close` stops listening."""

    def __init__(self, files: Files, make: Callable[[], asyncio.Protocol]) -> None:
        self._files = files
        self._make = make
        self._seen = files.signature()
        self._context: ssl.SSLContext
        self._server: asyncio.Server

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self, host: str, port: int) -> None:
        """Raises OSError when the port is taken or the certificates can't be used."""
        self._context = first = self._files.context()
        first.sni_callback = self._switch
        self._server = await asyncio.get_running_loop().create_server(
            self._make, host, port, ssl=first, ssl_handshake_timeout=HANDSHAKE_WITHIN_S
        )

    async def watch(self, told: asyncio.Event) -> None:
        """Reload when a file has changed, and when `told` is set."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await told.wait()
            if told.is_set() or self._files.signature() != self._seen:
                told.clear()
                self.reload()

    def reload(self) -> None:
        """Take up what lies in the files now; what can't be used is told, and the old one stays."""
        self._seen = self._files.signature()
        try:
            self._context = self._files.context()
        except OSError as error:
            log.error("certificates_unusable", files=str(self._files), error=str(error))
        else:
            log.info("certificates_reloaded", certificate=str(self._files.certificate))

    def close(self) -> None:
        self._server.close()

    def _switch(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _first: ssl.SSLContext
    ) -> None:
        connection.context = self._context


def common_name(certificate: dict[str, object] | None) -> str:
    """The common name in a verified peer certificate as `ssl` describes it, or ""."""
    subject = (certificate or {}).get("subject", ())
    parts = [pair for group in subject for pair in group]  # type: ignore[attr-defined]
    return next((str(value) for name, value in parts if name == "commonName"), "")
