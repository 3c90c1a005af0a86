"""A bridge that says what a test tells it to: for what the real one does not say, or not yet."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import IO, Any

from tests.terminals.hearing import Hearing


class ScriptedBridge:
    """Speaks to one terminal at a time; acknowledges what it hears unless told not to."""

    def __init__(
        self, answer: bytes | None, config: dict[str, Any], acks: bool, features: list[str]
    ) -> None:
        self.answer, self._config, self._acks = answer, config, acks
        self._features = features
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self.port = int(self._listener.getsockname()[1])
        self.heard: list[dict[str, Any]] = []
        self.hellos: list[dict[str, Any]] = []
        self.highest = 0
        self.mute = False  # hears and says nothing more in this session
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def say(self, **message: Any) -> None:
        """Say it as soon as the terminal is welcomed."""
        self.say_all([message])

    def say_all(self, messages: list[dict[str, Any]]) -> None:
        """Say them in one go."""
        self.say_raw("".join(json.dumps(message) + "\n" for message in messages).encode())

    def say_raw(self, said: bytes) -> None:
        self._await_connection().sendall(said)

    def _await_connection(self) -> socket.socket:
        ends = time.monotonic() + 10
        while (connection := self._connection) is None:
            assert time.monotonic() < ends, "no terminal came"
            time.sleep(0.01)
        return connection

    def signal(self, signal_id: str, **more: Any) -> None:
        """Say a signal for EURUSD with all its levels, unless told otherwise."""
        levels = {"entry": 1.1, "stop_loss": 1.09, "take_profit": 1.12, "confidence": 0.7}
        first = {"symbol": "EURUSD", "action": "BUY", **levels, "execute": False}
        self.say(type="signal", id=signal_id, **{**first, **more})

    def hang_up(self) -> None:
        """End the terminal's connection."""
        connection = self._await_connection()
        self._connection = None
        connection.shutdown(socket.SHUT_RDWR)

    def states(self, signal_id: str) -> list[str]:
        """What the terminal said of a signal, in order."""
        said = [message for message in self.heard if message["type"] == "signal_ack"]
        return [message["state"] for message in said if message["id"] == signal_id]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["type"] == kind]

    def numbers(self, after: int) -> list[int]:
        """Of the ticks heard from a place in `heard` on."""
        batches = [message for message in self.heard[after:] if message["type"] == "ticks"]
        return [batch["seq"] + row for batch in batches for row in range(len(batch["ticks"]))]

    def await_message(self, kind: str, **fields: Any) -> dict[str, Any]:
        ends = time.monotonic() + 10
        while True:
            for message in list(self.heard):
                if message["type"] == kind and fields.items() <= message.items():
                    return message
            assert time.monotonic() < ends, f"no {kind} {fields}: {self.heard[-5:]}"
            time.sleep(0.01)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError), connection.makefile("rb") as lines:
                self._converse(connection, lines)
            self._connection = None

    def _converse(self, connection: socket.socket, lines: IO[bytes]) -> None:
        said = (message for _, message in Hearing(lines))
        if hello := next(said, None):
            self._greet(connection, hello)
        for message in said:
            self._hear(connection, message)

    def _greet(self, connection: socket.socket, hello: dict[str, Any]) -> None:
        self.hellos.append(hello)
        welcome = {"type": "welcome", "session": "s", "resume": self.highest + 1}
        welcome |= {"server_time_ms": time.time_ns() // 10**6, "config": self._config}
        welcome["features"] = self._features
        connection.sendall(self.answer or json.dumps(welcome).encode() + b"\n")
        self._connection = connection
        self.mute = False

    def _hear(self, connection: socket.socket, message: dict[str, Any]) -> None:
        self.heard.append(message)
        if self.mute:
            return
        if message["type"] == "ping":
            connection.sendall(json.dumps({"type": "pong", "t": message["t"]}).encode() + b"\n")
        if "seq" in message:
            last = message["seq"] + len(message.get("ticks", ".")) - 1
            self.highest = max(self.highest, last)
            if self._acks:
                ack = {"type": "ack", "seq": self.highest}
                connection.sendall(json.dumps(ack).encode() + b"\n")


@contextlib.contextmanager
def scripted_bridge(
    answer: bytes | None = None,
    config: dict[str, Any] | None = None,
    *,
    acks: bool = True,
    features: Sequence[str] = (),
) -> Iterator[ScriptedBridge]:
    """A listening bridge; `answer` replaces its welcome, `features` are what it agrees on."""
    bridge = ScriptedBridge(answer, config or {}, acks, list(features))
    try:
        yield bridge
    finally:
        bridge.close()
