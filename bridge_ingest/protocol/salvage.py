"""What can still be read of a line that did not decode as a message of the protocol.

A numbered item that is refused uses up its number. So the number is looked for with a laxer parser
(Python's, which reads NaN), and the good rows of a batch with one bad row are kept.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from bridge_ingest.protocol.errors import Refused, from_validation
from bridge_ingest.protocol.messages import NUMBERED_TYPES, Message, Tick, decoder

_HALF_PAIR = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class NumberedItem:
    """A bad line whose numbers are known."""

    seq: int
    content: dict[str, Any]
    refused: Refused

    @property
    def _batch(self) -> list[Any] | None:
        rows = self.content.get("ticks")
        return rows if self.content["type"] == "ticks" and isinstance(rows, list) and rows else None

    @property
    def count(self) -> int:
        return len(self._batch or (None,))

    @property
    def symbol(self) -> str | None:
        symbol = self.content.get("symbol")
        good = self._batch and isinstance(symbol, str) and 1 <= len(symbol) <= 64
        return symbol if good else None

    def rows(self, skip: int) -> Iterator[tuple[int, Tick | Refused]]:
        """Each number from `skip` on, with its tick if that row is good, else its refusal."""
        batch = self._batch
        if batch is None:
            yield self.seq, _not_finite(self.content) or self.refused
            return
        for index in range(skip, len(batch)):
            yield self.seq + index, self._row(batch[index], self.seq + index)

    def _row(self, row: Any, seq: int) -> Tick | Refused:
        if self.symbol is None:
            return self.refused
        names = ("time_ms", "bid", "ask", "volume", "received_ms")
        if not isinstance(row, list) or not 3 <= len(row) <= 5:
            return Refused("range", "ticks", "A record has 3 to 5 numbers.")
        fields = dict(zip(names, row, strict=False)) | {"seq": seq, "symbol": self.symbol}
        bad = _not_finite(fields)
        if bad:
            return bad
        try:
            return msgspec.convert(fields, Tick)
        except msgspec.ValidationError as error:
            return from_validation(error)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line, why it was refused, and its numbers if they can be read."""

    line: bytes
    refused: Refused
    item: NumberedItem | None

    @property
    def symbol(self) -> str | None:
        """The symbol of a batch that may have good rows."""
        return self.item.symbol if self.item else None


def decode(line: bytes) -> Message | BadLine:
    """One line as a message, or as what can be read of it. Never raises."""
    try:
        return decoder.decode(line)
    except msgspec.ValidationError as error:
        return bad_line(line, from_validation(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return bad_line(line, Refused("json", "", str(error)))


def bad_line(line: bytes, refused: Refused) -> BadLine:
    return BadLine(line, refused, _numbered(line, refused))


def _numbered(line: bytes, refused: Refused) -> NumberedItem | None:
    """The line's numbers, if it is JSON but for NaN, of a numbered type, with a sound `seq`."""
    try:
        content = _lax(line)
    except (ValueError, RecursionError):
        return None
    kind = content.get("type") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in NUMBERED_TYPES:
        return None
    seq = content.get("seq")
    if isinstance(seq, bool) or not isinstance(seq, int) or not 1 <= seq < 2**62:
        return None
    return NumberedItem(seq, content, refused)


def _lax(line: bytes) -> Any:
    """The line's JSON. Half a surrogate pair, which no other text can hold, becomes a zero byte."""
    content = json.loads(line)
    if b"\\u" not in line:
        return content
    return json.loads(_HALF_PAIR.sub("\\\\u0000", json.dumps(content, ensure_ascii=False)))


def _not_finite(fields: dict[str, Any]) -> Refused | None:
    for name, value in fields.items():
        if isinstance(value, float) and not math.isfinite(value):
            return Refused("not_finite", name, f"{name} is {value}; that is not a number.")
    return None
