"""The bytes of the shared memory, as `mql4/native/bridge.h` lays them out. All little-endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC, VERSION = 0x42534B46, 1
RECORD_BYTES = 64
ABOUT_AT, ABOUT_BYTES = 320, 128
RECORDS_AT = 448
TEXT_BYTES = 65_536
"""The longest text a message may have."""
TERMINAL, AGENT = 0, 1
"""The roles; the ring numbered so is written by that role."""

# Places of u32 words.
MAGIC_WORD, VERSION_WORD, CAPACITY_WORD, RECORD_BYTES_WORD, OWNER_WORD, BORN_WORD = 0, 1, 2, 3, 4, 6

TICK, DATUM, SAY, MORE = 1, 2, 3, 4
_HEAD = struct.Struct("<8xIiQ")  # stream, utc offset, number; behind seq and kind
_QUOTE = struct.Struct("<24x12sIqdd")
_TEXT = struct.Struct("<24xI36s")
_SAID = struct.Struct("<4xIIiQI36s")
_KIND = struct.Struct("<4xI56x")
_FIRST_BYTES, _MORE_BYTES = 36, 56


def ring_word(ring: int, field: str) -> int:
    """Where the u32 `field` of a ring is: head, dropped, tail or sleeping."""
    return 16 + 32 * ring + {"head": 0, "dropped": 1, "tail": 16, "sleeping": 17}[field]


def memory_bytes(capacity: int) -> int:
    return RECORDS_AT + 2 * capacity * RECORD_BYTES


@dataclass(frozen=True, slots=True)
class Quote:
    """A tick. `time_s` is the terminal's clock, `received_ms` this machine's (UTC), since 1970."""

    stream: int
    utc_offset_s: int
    number: int
    symbol: str
    time_s: int
    received_ms: int
    bid: float
    ask: float
    numbered: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """A message that is JSON text; `number` is its own, or the last that was given out by then."""

    stream: int
    utc_offset_s: int
    number: int
    text: bytes
    numbered: bool


Message = Quote | Text


def messages(records: bytes) -> tuple[list[tuple[Message, int]], int]:
    """Each message with the number of records up to its end, and how many were gone through.

    A record that begins no message is passed over; a text whose end is not there is left.
    """
    found: list[tuple[Message, int]] = []
    at, count = 0, len(records) // RECORD_BYTES
    while at < count:
        record = records[at * RECORD_BYTES : (at + 1) * RECORD_BYTES]
        (kind,) = _KIND.unpack(record)
        size, text = _TEXT.unpack(record)
        more = -(-max(0, size - _FIRST_BYTES) // _MORE_BYTES)
        if kind == TICK:
            found.append((_quote(record), at + 1))
        elif kind in (DATUM, SAY) and 0 < size <= TEXT_BYTES:
            if at + more >= count:
                break
            text += b"".join(_more(records, at + each) for each in range(1, more + 1))
            at += more
            found.append((_text(record, text[:size], kind == DATUM), at + 1))
        at += 1
    return found, at


def said(text: bytes) -> list[bytes]:
    """The records of a text without a number, save their `seq`. Raises ValueError when too long."""
    if not 0 < len(text) <= TEXT_BYTES:
        raise ValueError(f"a text has 1 to {TEXT_BYTES} bytes, not {len(text)}")
    first, rest = text[:_FIRST_BYTES], text[_FIRST_BYTES:]
    head = _SAID.pack(SAY, 0, 0, 0, len(text), first)
    parts = [rest[at : at + _MORE_BYTES] for at in range(0, len(rest), _MORE_BYTES)]
    return [head, *(struct.pack("<4xI56s", MORE, part) for part in parts)]


def _quote(record: bytes) -> Quote:
    symbol, time_s, received_ms, bid, ask = _QUOTE.unpack(record)
    stream, offset, number = _HEAD.unpack_from(record)
    name = symbol.rstrip(b"\0").decode("utf-8", "replace")
    return Quote(stream, offset, number, name, time_s, received_ms, bid, ask)


def _text(record: bytes, text: bytes, numbered: bool) -> Text:
    stream, offset, number = _HEAD.unpack_from(record)
    return Text(stream, offset, number, text, numbered)


def _more(records: bytes, at: int) -> bytes:
    return records[at * RECORD_BYTES + 8 : (at + 1) * RECORD_BYTES]
