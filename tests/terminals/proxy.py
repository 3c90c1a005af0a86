"""A line that fails on purpose, between a terminal and the real gateway."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.terminals.hearing import Hearing


@dataclass
class Faults:
    """What goes wrong. Counts are of ticks that the terminal sent, over all connections."""

    cut_at_ticks: list[int] = field(default_factory=list)
    piece_bytes: int = 0  # to the terminal: no more at a time, so that lines arrive in halves
    repeat_signals: int = 0  # each signal is sent so many times more
    refuse_connections: int = 0  # the first so many are closed at once
    swallow: str = ""  # messages of this type never reach the terminal


class Proxy:
    """Listens on a free port of loopback, from `start` on. Use it as a context manager."""

    def __init__(
        self, upstream_port: int, faults: Faults | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.faults = faults or Faults()
        self.connections = 0
        self.cuts = 0
        self.heard: list[dict[str, Any]] = []  # what the terminal said
        self.ticks = 0
        self._upstream_port = upstream_port
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Proxy:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        # A thread in accept() is woken by shutdown, not by close.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def cut(self) -> None:
        """Every connection breaks at once, with what is on its way."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._sockets.clear()

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.heard if message.get("type") == kind]

    def _spawn(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.connections <= self.faults.refuse_connections:
                client.close()
            else:
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        if self._tls is not None:
            try:
                client = self._tls.wrap_socket(client, server_side=True)
            except OSError:  # the terminal did not like the certificate
                client.close()
                return
        gateway = socket.create_connection(("127.0.0.1", self._upstream_port))
        self._sockets += [client, gateway]
        self._spawn(self._to_gateway, client, gateway)
        self._spawn(self._to_terminal, gateway, client)

    def _to_gateway(self, client: socket.socket, gateway: socket.socket) -> None:
        with contextlib.suppress(OSError), client.makefile("rb") as lines:
            for line, message in Hearing(lines):
                self._note(message)
                if self.faults.cut_at_ticks and self.ticks >= self.faults.cut_at_ticks[0]:
                    self.faults.cut_at_ticks.pop(0)
                    self.cuts += 1
                    gateway.sendall(line[: len(line) // 2])
                    break
                gateway.sendall(line)
        self._close(client, gateway)

    def _note(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        self.ticks += len(message.get("ticks", ())) + (message["type"] == "tick")

    def _to_terminal(self, gateway: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError), gateway.makefile("rb") as lines:
            for line in lines:
                for _ in range(self._times(line)):
                    self._deliver(client, line)
        self._close(client, gateway)

    def _times(self, line: bytes) -> int:
        kind = json.loads(line)["type"]
        if kind == self.faults.swallow:
            return 0
        return 1 + (self.faults.repeat_signals if kind == "signal" else 0)

    def _deliver(self, client: socket.socket, line: bytes) -> None:
        size = self.faults.piece_bytes or len(line)
        for at in range(0, len(line), size):
            client.sendall(line[at : at + size])

    def _close(self, *both: socket.socket) -> None:
        for each in both:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class Wire:
    """Passes bytes on, whatever they are: TLS, or ZeroMQ under CURVE. Use it as a context manager.

    The first `refuse` connections are closed at once; the next one is cut when `cut_after` bytes
    have come from the terminal, the rest last.
    """

    def __init__(
        self, upstream_port: int, refuse: int = 0, cut_after: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.connections = 0
        self.cuts = 0
        self._refuse, self._cut_after = refuse, cut_after
        self._upstream_port = upstream_port
        self._listener = socket.create_server((host, 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Wire:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            _break(each)
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                if self.connections <= self._refuse:
                    client.close()
                    continue
                gateway = socket.create_connection(("127.0.0.1", self._upstream_port))
                self._sockets += [client, gateway]
                cut_after = self._cut_after if self.connections == self._refuse + 1 else 0
                self._spawn(self._pass_on, client, gateway, cut_after)
                self._spawn(self._pass_on, gateway, client, 0)

    def _pass_on(self, source: socket.socket, target: socket.socket, cut_after: int) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                passed += len(data)
                if cut_after and passed >= cut_after:
                    self.cuts += 1
                    break
                target.sendall(data)
        _break(source)
        _break(target)


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # a thread in accept() or recv() is woken by shutdown only
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
