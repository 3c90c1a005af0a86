"""Session machines without a socket: the test hears what the terminal would be told."""

from __future__ import annotations

import json
import uuid
from typing import Any

from bridge_ingest.journal.writer import Journal
from bridge_ingest.protocol.intake import Board, ClientState, Peer, SourceRef
from bridge_ingest.protocol.opening import Opening
from bridge_ingest.protocol.plain_session import PlainSession, PlainStream
from bridge_ingest.protocol.records import Clocks
from bridge_ingest.protocol.session import Session
from tests.ingest.door import NOW_MS

NOW_US = NOW_MS * 1000
PEER = Peer("tcp", "127.0.0.1", is_loopback=True, is_secure=False)


class Spoken(Session):
    """A session of one stream whose terminal keeps what it is told. Symbols become known at once,
    up to the bound of a client."""

    def __init__(
        self,
        journal: Journal,
        stream: int,
        *,
        may_ingest: bool = True,
        replay: bool = False,
        symbols: int = 100,
        features: frozenset[str] = frozenset(),
    ) -> None:
        client = ClientState(stream, "T", "mt5", {"EURUSD": SourceRef(stream, 0)})
        clocks = Clocks(0, replay=replay)
        opening = Opening(
            uuid.uuid4(), client, stream, 0, clocks, may_ingest, True, features=features
        )
        self.told: list[dict[str, Any]] = []
        self._symbols = symbols
        super().__init__(opening, journal, Board(), PEER, lambda b: self.told.append(json.loads(b)))

    def says(self, *messages: dict[str, Any]) -> None:
        self.says_bytes(b"".join(json.dumps(each).encode() + b"\n" for each in messages))

    def says_bytes(self, data: bytes) -> None:
        self.feed(data)
        self.works()

    def hears_frame(self, frame: bytes) -> None:
        self.feed_frame(frame)
        self.works()

    def works(self) -> None:
        while (symbol := self.work(NOW_US)) is not None:
            if len(self.client.sources) < self._symbols:
                self.client.sources[symbol] = SourceRef(len(self.client.sources) + 100, 0)
            else:
                self.skip_unknown(NOW_US)

    @property
    def rejects(self) -> list[tuple[str, str, int | None]]:
        """Code, field and number of each refusal."""
        told = [each for each in self.told if each["type"] == "reject"]
        return [(each["code"], each["field"], each.get("seq")) for each in told]


class PlainlySpoken(PlainSession):
    """The same for the plain dialect: one stream for all platforms."""

    def __init__(self, journal: Journal) -> None:
        self.told: list[dict[str, Any]] = []
        self.numbers = PlainStream(7, ClientState(7, "P", "mt5"))
        super().__init__(
            id=uuid.uuid4(),
            intake=journal,
            board=Board(),
            peer=PEER,
            send=lambda data: self.told.append(json.loads(data)),
            stream_of=lambda _: self.numbers,
        )

    def says(self, data: bytes) -> None:
        self.feed_message(data)
        while (missing := self.work(NOW_US)) is not None:
            sources = self.numbers.client.sources
            sources[missing[1]] = SourceRef(len(sources) + 1, 0)
