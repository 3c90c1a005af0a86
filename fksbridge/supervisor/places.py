"""What must be free before a bridge starts: its data folder and its ports."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from fksbridge.config import Config
from fksbridge.embedded.service import ServiceError


@contextlib.contextmanager
def only_bridge_on(data_dir: Path) -> Iterator[None]:
    """Holds the folder for this process. Raises ServiceError when another bridge does."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "bridge.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ServiceError(
                f"A bridge already runs on {data_dir} (process {lock.read().strip()}): "
                "stop it, or set FKS_DATA_DIR to another folder"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def check_ports(config: Config) -> None:
    """Raises ServiceError naming the first port that is taken, and what sets another."""
    for variable, host, port in (
        ("FKS_HTTP_PORT", config.http_host, config.http_port),
        ("FKS_TCP_PORT", config.tcp_host, config.tcp_port),
        ("FKS_GATEWAY_HTTP_PORT", config.gateway_http_host, config.gateway_http_port),
        ("FKS_TLS_PORT", config.tls_host, config.tls_port),
        ("FKS_ZMQ_PORT", config.zmq_host, config.zmq_port),
        ("FKS_ZMQ_SUB_PORT", "127.0.0.1", config.zmq_sub_port if config.plain_loopback else 0),
    ):
        if port:
            _check_port(variable, host, port)


def _check_port(variable: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServiceError(_why(error, variable, host, port)) from None


def _why(error: OSError, variable: str, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken ({variable} sets another)"
    address = variable.replace("_PORT", "_HOST")
    return f"{host} port {port} can't be listened on ({address}, {variable}): {error.strerror}"
