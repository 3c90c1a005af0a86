"""From bytes to messages: framing, decoding, digests, and the features that hello agreed on.

What can't be read becomes an item of the queue too, so that it is refused in its turn.
"""

from __future__ import annotations

from collections import deque

import msgspec

from bridge_ingest.protocol import binary, digests, salvage
from bridge_ingest.protocol import messages as m
from bridge_ingest.protocol.digests import BadDigest, Verifier
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.protocol.framing import MAX_LINE_BYTES, LineFramer, MixedFramer, split

Arrival = m.Message | salvage.BadLine | BadDigest | binary.Batch
_TOO_LONG = Refused("too_long", "", "The line is over 64 KiB.")


class Arrivals:
    """One session's incoming side. Feed it; take from `queue`."""

    def __init__(self, verifier: Verifier, features: frozenset[str]) -> None:
        self.queue: deque[Arrival] = deque()
        self._verifier = verifier
        self._features = features
        self._lines = LineFramer()
        self._mixed = MixedFramer() if features else None
        self._signs = verifier.required

    def feed(self, data: bytes) -> None:
        """Take bytes of a stream. Raises SessionError for what can't be framed."""
        if self._mixed is None:
            if chunk := self._lines.feed(data):
                self._chunk(chunk, MAX_LINE_BYTES)
            return
        for part in self._mixed.feed(data):
            if part[0] == binary.DEFLATE_MAGIC:
                self._inflated(part[binary.DEFLATE_HEADER.size :])
            elif part[0] == binary.MAGIC:
                self._batch(part)
            else:
                self._chunk(part, MAX_LINE_BYTES)

    def feed_frame(self, frame: bytes) -> None:
        """Take one message of a transport that keeps them apart."""
        first = frame[:1]
        if first == b"\xf1":
            self._batch(frame)
        elif first == b"\x78":
            self._inflated(frame)
        else:
            self.feed_message(frame.rstrip(b"\r\n \0"))

    def feed_message(self, line: bytes) -> None:
        """Take one whole JSON message, with its digest if it has one."""
        if len(line) > MAX_LINE_BYTES:
            self._refuse(_TOO_LONG)
        elif line:
            self._one(line)

    def _chunk(self, chunk: bytes, limit: int) -> None:
        """Whole lines. The usual way decodes them all in one call."""
        if len(chunk) > limit and max(map(len, chunk.split(b"\n"))) > limit:
            self._each(chunk, limit)
            return
        if self._signs:
            self._each(chunk, limit)
            return
        try:
            self.queue.extend(m.decoder.decode_lines(chunk))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._each(chunk, limit)

    def _each(self, chunk: bytes, limit: int) -> None:
        lines, too_long = split(chunk, limit)
        for _ in range(too_long):
            self._refuse(_TOO_LONG)
        for line in lines:
            self._one(line)

    def _one(self, line: bytes) -> None:
        if self._verifier.required or digests.looks_signed(line):
            try:
                content = self._verifier.open(line)
            except Refused as refused:
                self.queue.append(BadDigest(line, refused))
                return
            self._signs = self._signs or content is not line
            line = content
        self.queue.append(salvage.decode(line))

    def _batch(self, data: bytes) -> None:
        if "binary" not in self._features:
            self._refuse(_not_agreed("binary"))
            return
        try:
            self.queue.append(binary.decode(data))
        except Refused as refused:
            self._refuse(refused)

    def _inflated(self, data: bytes) -> None:
        if "deflate" not in self._features:
            self._refuse(_not_agreed("deflate"))
            return
        try:
            content = binary.inflate(data)
        except Refused as refused:
            self._refuse(refused)
        else:
            self._chunk(content, binary.MAX_INFLATED_BYTES)

    def _refuse(self, refused: Refused) -> None:
        self.queue.append(salvage.BadLine(b"", refused, None))


def _not_agreed(feature: str) -> Refused:
    return Refused("unsupported", "features", f"hello has not agreed on {feature}.")
