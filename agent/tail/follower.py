"""The whole lines of a growing file, through rotation, truncation and half-written ends.

A file is known by its number on the disk, not by its name: when the name leads to another file, the
old one is read to its end first. A file that became shorter, or whose beginning is another, was
begun anew.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from agent.tail.opening import open_shared

_READ_BYTES = 1 << 18
_HEAD_BYTES = 256
MAX_LINE_BYTES = 16 * 1024


@dataclass(slots=True)
class Mark:
    """What tells one file from another, whatever its name is now."""

    device: int
    inode: int
    head: bytes = b""


class Place(NamedTuple):
    """The byte of a file at which reading goes on."""

    mark: Mark
    offset: int

    def saved(self) -> SavedPlace:
        head = self.mark.head[: min(_HEAD_BYTES, self.offset)]
        digest = hashlib.sha256(head).hexdigest()
        return SavedPlace(self.mark.device, self.mark.inode, self.offset, digest)


@dataclass(frozen=True, slots=True)
class SavedPlace:
    """A place as a state file holds it. `beginning` is the SHA-256 of the file's first bytes, as
    many as had been read, 256 at most: numbers of files on a disk are used again."""

    device: int
    inode: int
    offset: int
    beginning: str


class Line(NamedTuple):
    """A line without its end, the place behind it, and whether it is the first of its file."""

    text: str
    place: Place
    is_first: bool


class Follower:
    """Gives what has been written since the last time, whenever `lines` is called.

    `lost_place`: the file of the saved place is not there any more, under no name that holds that
    of the file; what it held beyond the place is not read.
    """

    def __init__(self, path: Path, saved: SavedPlace | None = None) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._mark = Mark(0, 0)
        self._offset = 0
        self._rest = b""
        self.lost_place = saved is not None and not self._found(saved)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def skip_to_end(self) -> Place:
        """Go on behind the last whole line that the file holds now."""
        for _ in self.lines():
            pass
        return Place(self._mark, self._offset)

    def lines(self) -> Iterator[Line]:
        while True:
            file = self._file or self._opened(self._path)
            if file is None:
                return
            yield from self._read(file)
            if not self._is_left_behind():
                return
            yield from self._read(file)  # what was written between the look and the rotation
            yield from self._last_line()
            self.close()

    # Which file.

    def _opened(self, path: Path) -> BinaryIO | None:
        try:
            self._file = open_shared(path)
        except FileNotFoundError:
            return None
        status = os.fstat(self._file.fileno())
        self._mark = Mark(status.st_dev, status.st_ino)
        self._offset, self._rest = 0, b""
        return self._file

    def _found(self, saved: SavedPlace) -> bool:
        """Go on in the file that was read last, under its name or the one it was rotated to."""
        others = sorted(self._path.parent.glob(f"*{glob.escape(self._path.stem)}*"))
        for path in (self._path, *others):
            file = self._opened(path) if path.is_file() else None
            if file is not None:
                self._look_at_head(file)
                if Place(self._mark, saved.offset).saved() == saved:
                    file.seek(saved.offset)
                    self._offset = saved.offset
                    return True
                self.close()
        return False

    def _is_left_behind(self) -> bool:
        """Whether the name leads to another file by now; to none, between two steps of a rotation,
        does not count."""
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        return (named.st_dev, named.st_ino) != (self._mark.device, self._mark.inode)

    # What it holds.

    def _read(self, file: BinaryIO) -> Iterator[Line]:
        if self._was_begun_anew(file):
            self._mark = Mark(self._mark.device, self._mark.inode)
            self._offset, self._rest = 0, b""
            self._look_at_head(file)
        file.seek(self._offset + len(self._rest))
        while data := file.read(_READ_BYTES):
            *whole, self._rest = (self._rest + data).split(b"\n")
            for line in whole:
                yield self._line(line, len(line) + 1)
            if len(self._rest) > MAX_LINE_BYTES:  # no row is so long
                yield from self._last_line()

    def _was_begun_anew(self, file: BinaryIO) -> bool:
        before = self._mark.head
        self._look_at_head(file)
        size = os.fstat(file.fileno()).st_size
        return size < self._offset + len(self._rest) or not self._mark.head.startswith(before)

    def _look_at_head(self, file: BinaryIO) -> None:
        file.seek(0)
        self._mark.head = file.read(_HEAD_BYTES)

    def _last_line(self) -> Iterator[Line]:
        """Nobody will write the rest of it any more."""
        rest, self._rest = self._rest, b""
        if rest:
            yield self._line(rest, len(rest))

    def _line(self, line: bytes, length: int) -> Line:
        is_first = self._offset == 0
        self._offset += length
        text = line.decode("utf-8-sig" if is_first else "utf-8", "replace")
        return Line(text.removesuffix("\r"), Place(self._mark, self._offset), is_first)
