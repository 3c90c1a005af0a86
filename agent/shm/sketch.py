"""The lines that the founding sketch of the bridge printed."""

from __future__ import annotations

import json
import sys

from agent.shm.forwarder import Watcher
from agent.shm.layout import Message, Quote


class Sketch:
    """Prints each tick with the action of the last signal for its symbol."""

    def __init__(self) -> None:
        self._signals: dict[str, str] = {}

    @property
    def watcher(self) -> Watcher:
        return Watcher(on_terminal=self._connected, on_message=self._tick, on_line=self._line)

    def _connected(self, _: str) -> None:
        self._print("Connected to MT4. Waiting for ticks...")

    def _tick(self, _: str, message: Message) -> None:
        if isinstance(message, Quote):
            signal = self._signals.get(message.symbol, "NONE")
            self._print(f"Tick: Ask={message.ask}, Bid={message.bid}, Signal={signal}")

    def _line(self, _: str, line: bytes) -> None:
        message = json.loads(line)
        if message["type"] == "signal":
            self._signals[message["symbol"]] = message["action"]

    def _print(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
