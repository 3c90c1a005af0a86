"""The load's batches in each form that a terminal can send them in."""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Callable
from typing import Protocol

from agent import binary
from agent.load.payload import VARIANTS, Payload

_TIME_EVERY = binary.RECORD.size // 8
"""A record's time is the first of its four words."""
_BLOCK_LINES = 8
"""Lines compressed together; they stay far below the 1 MiB that a block may inflate to."""


class Encoding(Protocol):
    """`greeting` is said after each welcome; `feature` is what hello must ask for, or ""."""

    feature: str
    greeting: bytes

    def messages(self, first_seq: int, first_symbol: int, count: int, now_ms: int) -> bytes:
        """`count` batches, numbered from `first_seq`, symbol after symbol from `first_symbol`."""


class Json:
    feature = ""
    greeting = b""

    def __init__(self, payload: Payload) -> None:
        self.messages = payload.messages


class Deflate:
    feature = "deflate"
    greeting = b""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload

    def messages(self, first_seq: int, first_symbol: int, count: int, now_ms: int) -> bytes:
        blocks = []
        for at in range(0, count, _BLOCK_LINES):
            seq = first_seq + at * self._payload.batch
            lines = min(_BLOCK_LINES, count - at)
            text = self._payload.messages(seq, first_symbol + at, lines, now_ms)
            blocks.append(binary.stream_block(zlib.compress(text, 1)))
        return b"".join(blocks)


class Binary:
    feature = "binary"

    def __init__(self, payload: Payload) -> None:
        self._batch = payload.batch
        self._names = payload.names
        self.greeting = binary.symbols(dict(enumerate(payload.names))) + b"\n"
        self._tables = [_tables(payload, variant) for variant in range(VARIANTS)]

    def messages(self, first_seq: int, first_symbol: int, count: int, now_ms: int) -> bytes:
        tables, size = self._tables[now_ms // 1000 % VARIANTS], len(self._names)
        times = memoryview(array("q", [now_ms * 1000]) * self._batch)
        parts = []
        for number in range(count):
            symbol = (first_symbol + number) % size
            table = tables[symbol]
            memoryview(table).cast("q")[::_TIME_EVERY] = times
            parts.append(binary.header(first_seq + number * self._batch, symbol, self._batch))
            parts.append(bytes(table))
        return b"".join(parts)


ENCODINGS: dict[str, Callable[[Payload], Encoding]] = {
    "json": Json,
    "deflate": Deflate,
    "binary": Binary,
}


def encoding(name: str, payload: Payload) -> Encoding:
    return ENCODINGS[name](payload)


def _tables(payload: Payload, variant: int) -> list[bytearray]:
    """Records with the same prices as the JSON form has, symbol by symbol; times are put later."""
    lines = payload.messages(1, 0, len(payload.names), variant * 1000).splitlines()
    return [
        bytearray().join(binary.RECORD.pack(0, *row[1:]) for row in json.loads(line)["ticks"])
        for line in lines
    ]
