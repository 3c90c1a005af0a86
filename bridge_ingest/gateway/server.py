"""The gateway process: listeners around one application and one bridge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import structlog
import uvicorn
from django.conf import settings

from bridge_ingest.gateway.bridge import close_current, current, stop_current
from bridge_ingest.gateway.one_write import OneWriteProtocol
from bridge_ingest.gateway.sockets import SocketDoors
from bridge_ingest.gateway.tcp import TcpConnection

log = structlog.get_logger(__name__)
_DRAIN_S = 1.0


async def serve(told: asyncio.Event, reload: asyncio.Event) -> None:
    """Listen until `told`; then say goodbye to every session and commit what is pending.

    `reload` asks for the certificates to be read anew.
    """
    config = settings.FKS
    application = _application()
    bridge = current(config.gateway_name)
    connections: set[TcpConnection] = set()

    def connection() -> TcpConnection:
        return TcpConnection(application, connections)

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(connection, config.tcp_host, config.tcp_port)
    doors = SocketDoors(bridge, connection)
    await doors.open(config, reload)
    http = _http_server(application)
    http_task = asyncio.create_task(http.serve())
    log.info("gateway_listening", tcp=config.tcp_port, http=config.gateway_http_port, **doors.ports)
    await asyncio.wait([asyncio.create_task(told.wait()), http_task], return_when="FIRST_COMPLETED")
    listener.close()
    http.should_exit = True
    await stop_current()
    await asyncio.gather(_say_goodbye(connections), doors.close())
    await http_task
    await close_current()


async def _say_goodbye(connections: set[TcpConnection]) -> None:
    tasks = [connection.task for connection in connections]
    for connection in list(connections):
        connection.hang_up()
    if tasks:
        await asyncio.wait(tasks, timeout=_DRAIN_S)


def _application() -> Any:
    """The project's ASGI application, by its configured name: no floor imports the roof."""
    module, _, name = settings.ASGI_APPLICATION.rpartition(".")
    return getattr(import_module(module), name)


class Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the gateway decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _http_server(application: Any) -> Server:
    return Server(
        http_config(application, settings.FKS.gateway_http_host, settings.FKS.gateway_http_port)
    )


def http_config(application: Any, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        http=OneWriteProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # on by default, and any local process could forge them
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
        ws_max_size=1024 * 1024 + 64 * 1024,
        ws_per_message_deflate=False,  # `features` has a compression that is bounded
    )
