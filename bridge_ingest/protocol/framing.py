"""Cutting a byte stream into messages: lines for the protocol, bare objects for plain."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from bridge_ingest.protocol import binary
from bridge_ingest.protocol.errors import SessionError

MAX_LINE_BYTES = 64 * 1024
MAX_UNENDED_BYTES = 1024 * 1024

_SPACE = b" \t\r\n\0,"
_NOT_SPACE = re.compile(rb"[^ \t\r\n\0,]")
_IN_OBJECT = re.compile(rb'["{}]')
_IN_STRING = re.compile(rb'\\.|"', re.DOTALL)


class LineFramer:
    """Collects whole lines. `feed` returns everything up to the last LF received, as one chunk.

    A chunk may hold lines over the limit; `split` leaves them out and counts them. More than 1 MiB
    without an LF raises SessionError("limit").
    """

    def __init__(self) -> None:
        self._tail = bytearray()  # grows in place: a line may come in a million pieces

    @property
    def pending(self) -> bytes:
        """Bytes of a line that has not ended."""
        return bytes(self._tail)

    def feed(self, data: bytes) -> bytes:
        end = data.rfind(b"\n") + 1
        if not end:
            self._keep(data)
            return b""
        chunk = bytes(self._tail) + data[:end] if self._tail else data[:end]
        self._tail.clear()
        if end < len(data):
            self._keep(data[end:])
        return chunk

    def _keep(self, tail: bytes) -> None:
        self._tail += tail
        _check_unended(len(self._tail))


def _check_unended(size: int) -> None:
    if size > MAX_UNENDED_BYTES:
        raise SessionError("limit", "More than 1 MiB arrived without an end of line.")


class MixedFramer:
    """Cuts a stream in which binary batches and compressed blocks stand between lines.

    `feed` returns whole parts: runs of lines, or one batch or block each with its header. Raises
    SessionError when a header can't be believed, since nothing behind it can be found then.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = 0  # so many bytes must be there before the next part can be whole

    def feed(self, data: bytes) -> list[bytes]:
        in_line = bool(self._buffer) and self._buffer[0] not in _BLOCKS
        self._buffer += data
        if len(self._buffer) < self._wanted or (in_line and b"\n" not in data):
            _check_unended(len(self._buffer) if in_line else 0)
            return []
        parts, at = [], 0
        while at < len(self._buffer) and (end := self._end(at)):
            parts.append(bytes(self._buffer[at:end]))
            at = end
        del self._buffer[:at]
        return parts

    def _end(self, at: int) -> int:
        """Where the part that begins at `at` ends, or 0 while it is not whole."""
        block = _BLOCKS.get(self._buffer[at])
        if block is None:
            return self._end_of_lines(at)
        there, size = len(self._buffer) - at, block.header.size
        if there >= size:
            size = block.size(bytes(self._buffer[at : at + size]))
        self._wanted = 0 if there >= size else size
        return at + size if there >= size else 0

    def _end_of_lines(self, at: int) -> int:
        self._wanted = 0
        end = self._buffer.find(b"\n", at) + 1
        if not end:
            _check_unended(len(self._buffer) - at)
            return 0
        while end < len(self._buffer) and self._buffer[end] not in _BLOCKS:
            more = self._buffer.find(b"\n", end) + 1
            if not more:
                break
            end = more
        return end


@dataclass(frozen=True, slots=True)
class _Block:
    """A part that says its length in its header."""

    header: struct.Struct
    size: Callable[[bytes], int]


def _batch_size(header: bytes) -> int:
    _, version, _, count, _ = binary.HEADER.unpack(header)
    if version != 1:
        raise SessionError("protocol", f"A binary batch has version {version}; 1 is spoken here.")
    if count > binary.MAX_TICKS:
        raise SessionError(
            "limit", f"A binary batch of {count:,} ticks; {binary.MAX_TICKS:,} at most."
        )
    return binary.HEADER.size + int(count) * binary.RECORD.itemsize


def _deflated_size(header: bytes) -> int:
    _, length = binary.DEFLATE_HEADER.unpack(header)
    if length > MAX_UNENDED_BYTES:
        raise SessionError("limit", "A compressed batch of over 1 MiB.")
    return int(binary.DEFLATE_HEADER.size) + int(length)


_BLOCKS = {
    binary.MAGIC: _Block(binary.HEADER, _batch_size),
    binary.DEFLATE_MAGIC: _Block(binary.DEFLATE_HEADER, _deflated_size),
}


def split(chunk: bytes, limit: int = MAX_LINE_BYTES) -> tuple[list[bytes], int]:
    """The lines of a chunk that are not empty, and how many were over the limit.

    Stray zero bytes and CRs are taken off; blanks in front stay, since a digest covers them.
    """
    lines, too_long = [], 0
    for line in chunk.split(b"\n"):
        text = line.rstrip(b"\r \0").lstrip(b"\0")
        if len(text) > limit:
            too_long += 1
        elif text:
            lines.append(text)
    return lines, too_long


class ObjectFramer:
    """Cuts JSON objects that follow each other with or without any separator.

    MQL's StringToCharArray copies the closing zero of a string, so zero bytes may stand between
    objects; they are skipped like white space. Bytes that start no object are given back by
    `feed` as a piece of their own, up to the next `{`, so that they can be refused visibly. The
    dialect's objects are flat: a `{` inside one means that it was cut off, and a new one begins.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start = 0  # what lies before it has been cut out
        self._scan = 0
        self._inside = False
        self._in_string = False

    @property
    def pending(self) -> bytes:
        """Bytes of an object that has not ended."""
        return bytes(self._buffer[self._start :]).strip(_SPACE)

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        pieces = []
        while (piece := self._next()) is not None:
            pieces.append(piece)
        # Once a feed, not once a piece: taking from the front moves all that is behind.
        del self._buffer[: self._start]
        self._scan, self._start = self._scan - self._start, 0
        if len(self._buffer) > MAX_LINE_BYTES:
            raise SessionError("limit", "An object of over 64 KiB arrived.")
        return pieces

    def _next(self) -> bytes | None:
        if not self._inside:
            noise = self._skip_to_object()
            if noise:
                return noise
        end = self._find_end()
        return self._cut(end) if end else None

    def _skip_to_object(self) -> bytes:
        """Move to the next `{`; whatever stands before it, other than space, is given back."""
        found = _NOT_SPACE.search(self._buffer, self._start)
        begin = found.start() if found else len(self._buffer)
        start = self._buffer.find(b"{", begin)
        noise_end = start if start >= 0 else len(self._buffer)
        noise = bytes(self._buffer[begin:noise_end])
        self._start = self._scan = noise_end
        return noise

    def _find_end(self) -> int:
        """Scan on from where the last chunk ended; return where the object ends, or 0."""
        while found := self._landmark():
            mark, index = found.group(), found.start()
            self._scan = found.end()
            if self._in_string:
                self._in_string = mark != b'"'
            elif mark == b'"':
                self._in_string = True
            elif mark == b"}":
                return index + 1
            elif self._inside:
                return index
            else:
                self._inside = True
        return 0

    def _landmark(self) -> re.Match[bytes] | None:
        """The next byte that means something here; a lone backslash at the end waits for more."""
        pattern = _IN_STRING if self._in_string else _IN_OBJECT
        found = pattern.search(self._buffer, self._scan)
        if found is None:
            trailing = self._in_string and self._buffer.endswith(b"\\", self._scan)
            self._scan = len(self._buffer) - (1 if trailing else 0)
        return found

    def _cut(self, end: int) -> bytes:
        piece = bytes(self._buffer[self._start : end])
        self._start = self._scan = end
        self._inside = False
        return piece
