"""What a terminal says on a connection, message by message: lines and binary batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from agent import binary


class Hearing:
    """Reads one connection. A batch is told like `ticks`, with its bytes under `binary`."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._names: dict[str, str] = {}

    def __iter__(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """(bytes, message) until the connection ends; half a message is not told."""
        while first := self._stream.read(1):
            heard = self._batch(first) if first[0] == binary.BATCH_MAGIC else self._line(first)
            if heard is None:
                return
            yield heard

    def _line(self, first: bytes) -> tuple[bytes, dict[str, Any]] | None:
        line = first + self._stream.readline()
        if not line.endswith(b"\n"):
            return None
        message: dict[str, Any] = json.loads(line.partition(b"\t")[0])
        if message["type"] == "symbols":
            self._names |= message["map"]
        return line, message

    def _batch(self, first: bytes) -> tuple[bytes, dict[str, Any]] | None:
        head = first + self._stream.read(binary.HEADER.size - 1)
        if len(head) < binary.HEADER.size:
            return None
        _, _, number, count, seq = binary.HEADER.unpack(head)
        records = self._stream.read(count * binary.RECORD.size)
        if len(records) < count * binary.RECORD.size:
            return None
        rows = [[us / 1000, *more] for us, *more in binary.RECORD.iter_unpack(records)]
        told = {"type": "ticks", "seq": seq, "symbol": self._names[str(number)], "ticks": rows}
        return head + records, {**told, "binary": head + records}
