"""A file on its way in: unpacked into our own folder, then read block by block."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from market.imports.shape import HEAD_BYTES, Block, Code, Layout, Refusal

BLOCK_BYTES = 4 << 20
"""Some 100,000 rows: half a second of work, and what is lost when a worker dies."""
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF8_MARK = b"\xef\xbb\xbf"


class FileRefused(Exception):
    """The file can't be imported at all; the text says why and what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Taken:
    """What lies in our folder now. `sha256` is that of the content, unpacked."""

    path: Path
    sha256: str
    size_bytes: int
    head: bytes


def take(source: BinaryIO, target: Path, limit_bytes: int) -> Taken:
    """Copy a file, unpacking gzip; UTF-16, in which terminals may write, becomes UTF-8.

    Raises FileRefused (`empty`, `too_large`, `unreadable`); then nothing stays behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _copied(source, target, limit_bytes)
    except FileRefused:
        target.unlink()
        raise
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        target.unlink(missing_ok=True)
        raise FileRefused("unreadable", f"The file can't be read: {error}.") from error


def _copied(source: BinaryIO, target: Path, limit_bytes: int) -> Taken:
    digest, size, head = hashlib.sha256(), 0, b""
    with target.open("wb") as out:
        for piece in _decoded(source):
            size += len(piece)
            if size > limit_bytes:
                limit = f"{limit_bytes >> 20} MiB"
                raise FileRefused("too_large", f"Unpacked it is larger than {limit}; split it.")
            digest.update(piece)
            head += piece[: HEAD_BYTES - len(head)]
            out.write(piece)
    if not size:
        raise FileRefused("empty", "The file is empty.")
    return Taken(target, digest.hexdigest(), size, head)


def _decoded(source: BinaryIO) -> Iterator[bytes]:
    start = source.read(2)
    source.seek(0)
    opened = cast(BinaryIO, gzip.GzipFile(fileobj=source)) if start == _GZIP else source
    first = opened.read(_PIECE)
    encoding = _UTF16.get(first[:2])
    if encoding is None:
        yield first.removeprefix(_UTF8_MARK)
        while piece := opened.read(_PIECE):
            yield piece
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    piece = first[2:]
    while piece:
        yield decoder.decode(piece).encode()
        piece = opened.read(_PIECE)
    decoder.decode(b"", final=True)


class Position(NamedTuple):
    """Where reading stands: the byte that comes next, and the number of its row."""

    offset: int
    line: int


def beginning(layout: Layout) -> Position:
    return Position(layout.header_bytes, layout.header_lines + 1)


def next_block(
    path: Path, layout: Layout, at: Position, size: int = BLOCK_BYTES
) -> tuple[Block, Position, list[Refusal]]:
    """Whole rows from a position on, and where the next block begins; no data at the end.

    A line that does not fit into a block is passed over and refused.
    """
    with path.open("rb") as source:
        source.seek(at.offset)
        data = source.read(size)
        if layout.record_bytes:
            return _of_records(data, layout, at, is_last=len(data) < size)
        is_last = len(data) < size
        end = len(data) if is_last else data.rfind(b"\n") + 1
        if data and not end:
            return _passed_over(source, data, at)
    lines = data.count(b"\n", 0, end)
    return Block(data[:end], at.line), Position(at.offset + end, at.line + lines), []


def _of_records(
    data: bytes, layout: Layout, at: Position, *, is_last: bool
) -> tuple[Block, Position, list[Refusal]]:
    count = len(data) // layout.record_bytes
    end = len(data) if is_last else count * layout.record_bytes
    return Block(data[:end], at.line), Position(at.offset + end, at.line + count), []


def _passed_over(
    source: BinaryIO, start: bytes, at: Position
) -> tuple[Block, Position, list[Refusal]]:
    refusal = Refusal.of(at.line, Code.LONG_LINE, start)
    offset = at.offset + len(start)
    while piece := source.read(_PIECE):
        end = piece.find(b"\n")
        if end >= 0:
            offset += end + 1
            break
        offset += len(piece)
    return Block(b"", at.line), Position(offset, at.line + 1), [refusal]


class Lines:
    """The text of a block's lines; of a binary record its bytes in hexadecimal."""

    def __init__(self, block: Block, layout: Layout) -> None:
        self._block, self._record_bytes = block, layout.record_bytes

    def __call__(self, line: int) -> bytes:
        at = line - self._block.line
        if self._record_bytes:
            start = at * self._record_bytes
            return self._block.data[start : start + self._record_bytes].hex(" ").encode()
        return self._lines[at]

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._block.data.split(b"\n")
