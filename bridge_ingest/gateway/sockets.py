"""The gateway's doors besides TCP and HTTP: TLS and ZeroMQ, each of which may be closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
import zmq.asyncio

from bridge_ingest.gateway.tls import Files, TlsDoor
from bridge_ingest.gateway.zeromq import Router, Subscriber

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import Bridge

log = structlog.get_logger(__name__)


class SocketDoors:
    """Opens what the settings ask for; `ports` says what was opened."""

    def __init__(self, bridge: Bridge, connection: Callable[[], asyncio.Protocol]) -> None:
        self._bridge = bridge
        self._connection = connection
        self._context: zmq.asyncio.Context | None = None
        self.tls: TlsDoor | None = None
        self.router: Router | None = None
        self.subscriber: Subscriber | None = None

    @property
    def ports(self) -> dict[str, int]:
        doors = {"tls": self.tls, "zmq": self.router, "zmq_sub": self.subscriber}
        return {name: door.port for name, door in doors.items() if door is not None}

    async def open(self, config: Any, reload: asyncio.Event) -> None:
        """Raises OSError or zmq.ZMQError when a port is taken or a certificate can't be used."""
        if config.tls_port:
            await self._open_tls(config, reload)
        if config.zmq_port:
            secret = None if config.zmq_plain else config.curve_secret_key
            self.router = Router(self._bridge, self._zmq(), secret)
            self.router.open(config.zmq_host, config.zmq_port)
            self._bridge.spawn(self.router.serve())
        if config.zmq_sub_port and config.plain_loopback:
            self.subscriber = Subscriber(self._bridge, self._zmq())
            self.subscriber.open(config.zmq_sub_port)
            self._bridge.spawn(self.subscriber.serve())

    async def close(self) -> None:
        if self.tls is not None:
            self.tls.close()
        if self.subscriber is not None:
            self.subscriber.close()
        if self.router is not None:
            await self.router.close()
        if self._context is not None:
            # It waits for what still goes out, so not on the loop.
            await asyncio.to_thread(self._context.term)

    async def _open_tls(self, config: Any, reload: asyncio.Event) -> None:
        if config.tls_certificate is None or not config.tls_certificate.exists():
            log.warning("tls_door_closed", why="FKS_TLS_CERTIFICATE names no file")
            return
        files = Files(config.tls_certificate, config.tls_key, config.tls_client_ca)
        self.tls = TlsDoor(files, self._connection)
        await self.tls.open(config.tls_host, config.tls_port)
        self._bridge.spawn(self.tls.watch(reload))

    def _zmq(self) -> zmq.asyncio.Context:
        self._context = self._context or zmq.asyncio.Context()
        return self._context
