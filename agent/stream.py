"""One numbering of a terminal and how far along it the current connection has come."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from functools import lru_cache

from agent.protocol import MAX_LINE_BYTES, gap
from agent.ring import Item, Ring

Pack = Callable[[int, list[Item]], bytes | None]

# Leaves room in a line for the envelope around the records and for a digest behind it.
_MAX_RECORD_BYTES = MAX_LINE_BYTES - 1024


class Stream:
    """A stream id, its ring, and `cursor`: the number that goes out next on this connection.

    `reached` is the highest number ever sent or given up; the bridge cannot acknowledge beyond it.

    A `gap` is sent exactly when the cursor stands on a number that the ring no longer holds. So a
    number dropped while its sending is in flight is not reported lost, and a lost one always is.
    """

    def __init__(self, ring: Ring, stream_id: str | None = None) -> None:
        self.id = stream_id or secrets.token_hex(16)
        self.ring = ring
        self.cursor = ring.first
        self.sent = 0
        self.resent = 0
        self.reached = ring.first - 1

    def resume(self, wanted: int) -> None:
        """Begin a session at the first number the bridge does not have."""
        self.ring.ack(wanted - 1)
        self.cursor = wanted
        # Numbers below `wanted` reached the bridge, also those that an earlier run had sent.
        self.reached = max(self.reached, wanted - 1)

    def rewind(self, wanted: int) -> None:
        """Send again from `wanted`; a number not sent yet is left to its turn."""
        self.cursor = min(self.cursor, wanted)

    def next_message(self, batch: int, pack: Pack = lambda *_: None) -> bytes | None:
        """The next numbered message or `gap`, at most `batch` ticks; None when all is sent.

        `pack` may put it into another form than JSON; None says that it does not.
        """
        ring = self.ring
        if self.cursor >= ring.next:
            return None
        if self.cursor < ring.first:
            return self._gap()
        items = _one_message(ring.take(self.cursor, batch))
        message = pack(self.cursor, items) or frame(self.cursor, items)
        self._advance(len(items))
        return message

    def renumbered(self) -> Stream:
        """A new stream that begins with whatever this one still holds."""
        ring = Ring(self.ring.capacity)
        for item in self.ring.held():
            ring.append(item)
        return Stream(ring)

    def _gap(self) -> bytes:
        first, last = self.cursor, self.ring.first - 1
        self.ring.give_up(first, last)
        self.cursor = last + 1
        self.reached = max(self.reached, last)
        return gap(first, last)

    def _advance(self, count: int) -> None:
        end = self.cursor + count - 1
        again = max(0, min(end, self.reached) - self.cursor + 1)
        self.resent += again
        self.sent += count - again
        self.reached = max(self.reached, end)
        self.cursor = end + 1


def frame(seq: int, items: list[Item]) -> bytes:
    """The message for `items`, which share one kind and symbol; the first has number `seq`."""
    first = items[0]
    if not first.symbol:
        return f'{{"type":"{first.kind}","seq":{seq},{first.text}}}'.encode()
    records = ",".join([item.text for item in items])
    symbol = _quoted(first.symbol)
    return f'{{"type":"ticks","seq":{seq},"symbol":{symbol},"ticks":[{records}]}}'.encode()


@lru_cache(maxsize=4096)
def _quoted(symbol: str) -> str:
    return json.dumps(symbol, ensure_ascii=False)


def _one_message(items: list[Item]) -> list[Item]:
    """The leading items that fit one message: ticks of one symbol, or a single other item."""
    symbol = items[0].symbol
    if not symbol:
        return items[:1]
    size = 0
    for count, item in enumerate(items):
        size += len(item.text) + 1
        if item.symbol != symbol or (count and size > _MAX_RECORD_BYTES):
            return items[:count]
    return items
