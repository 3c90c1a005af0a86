"""A session in the plain dialect. Same journal and board as a numbered one; numbers are ours."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from bridge_ingest.protocol import messages as m
from bridge_ingest.protocol import plain, records, rules
from bridge_ingest.protocol.errors import Refused, SessionError
from bridge_ingest.protocol.framing import ObjectFramer
from bridge_ingest.protocol.intake import Board, ClientState, Intake, Peer, Send
from bridge_ingest.protocol.opening import Counters
from bridge_ingest.protocol.records import Clocks
from bridge_ingest.protocol.refusals import Allowance, refusal_event, tally_event


@dataclass(slots=True)
class PlainStream:
    """The numbering that this process keeps for all plain sessions of one client."""

    id: int
    client: ClientState
    next: int = 1
    is_lost: bool = False
    owner: str = ""  # the stream is named after this process: nobody else can speak for it
    clocks: Clocks = field(init=False)

    def __post_init__(self) -> None:
        self.clocks = Clocks(0, replay=False, plain=True, meter=self.client.meter)
        self.clocks.follow(self.client.offset_s)

    def committed(self, seq: int) -> None:
        """Nobody waits: the dialect has no acknowledgements."""

    def superseded(self) -> None:
        """Redis has lost its data: this numbering ends, the next item begins where it stands."""
        self.is_lost = True


@dataclass(slots=True)
class _Waiting:
    """An object understood but not yet placed."""

    piece: bytes
    item: plain.PlainItem


Resolve = Callable[[str], PlainStream | None]
"""The plain stream of a platform, or None when it must be made known first."""


@dataclass
class PlainSession:
    """Feed bytes, call `work`; it returns (platform, symbol) when either must be made known."""

    id: UUID
    intake: Intake
    board: Board
    peer: Peer
    send: Send
    stream_of: Resolve
    counters: Counters = field(default_factory=Counters)
    ended: SessionError | None = None
    last_received: float = field(default_factory=time.monotonic)
    stream: PlainStream | None = None
    first_refusal: Refused | None = None
    sent_signals: dict[str, float] = field(default_factory=dict)
    is_reported: bool = False
    hears: bool = True
    on_end: Callable[[], None] = lambda: None
    _framer: ObjectFramer = field(default_factory=ObjectFramer)
    _queue: deque[bytes] = field(default_factory=deque)
    _waiting: _Waiting | None = None
    _kept_whole: Allowance = field(default_factory=Allowance)

    def feed(self, data: bytes) -> None:
        self.last_received = time.monotonic()
        self._queue.extend(self._framer.feed(data))

    def feed_message(self, piece: bytes) -> None:
        self._queue.append(piece)

    def finish(self) -> None:
        """The peer has closed: an object that never ended is refused, not forgotten."""
        if self._framer.pending:
            self._queue.append(self._framer.pending)

    def work(self, now_us: int) -> tuple[str, str] | None:
        while self._waiting or self._queue:
            if self._waiting is None:
                self._waiting = self._understand(self._queue.popleft(), now_us)
            if self._waiting is not None:
                missing = self._place(self._waiting, now_us)
                if missing:
                    return missing
                self._waiting = None
        return None

    def skip_unknown(self, now_us: int) -> None:
        """The symbol that `work` named can't be made known: refuse its object and go on."""
        if self._waiting is not None:
            refused = Refused("symbol", "symbol", "This client has too many symbols.")
            self.refuse(refused, self._waiting.piece, now_us)
            self._waiting = None

    def _understand(self, piece: bytes, now_us: int) -> _Waiting | None:
        try:
            item = plain.parse(piece)
            rules.check_symbol(item.symbol)
        except Refused as refused:
            self.refuse(refused, piece, now_us)
            return None
        return _Waiting(piece, item)

    def _place(self, waiting: _Waiting, now_us: int) -> tuple[str, str] | None:
        item = waiting.item
        stream = self.stream_of(item.platform)
        if stream is None or item.symbol not in stream.client.sources:
            return item.platform, item.symbol
        self.stream = stream
        for part in item.items:
            self._take(part, stream, waiting.piece, now_us)
        return None

    def _take(
        self, part: m.Tick | m.Bar | m.Indicator, stream: PlainStream, piece: bytes, now_us: int
    ) -> None:
        source = stream.client.sources[part.symbol]
        part.seq = stream.next
        try:
            if isinstance(part, m.Tick):
                data = records.pack_tick(part, source, stream.id, stream.clocks, now_us)
                self.intake.add_ticks(source.shard, data)
                self.board.show(source.id, (part.bid, part.ask, *records.times_of(data)), 1)
            elif isinstance(part, m.Bar):
                args = (source, stream.id, stream.clocks, now_us)
                self.intake.add_event(records.bar_event(part, *args))
            else:
                args = (source, stream.id, stream.clocks, now_us)
                self.intake.add_event(records.indicator_event(part, *args))
        except Refused as refused:
            self.refuse(refused, piece, now_us)
            return
        stream.next += 1
        self.counters.items += 1
        self.intake.move(stream.id, part.seq - 1, part.seq, stream)

    def refuse(self, refused: Refused, piece: bytes, now_us: int) -> None:
        self.counters.refused += 1
        self.first_refusal = self.first_refusal or refused
        told = {"code": refused.code, "field": refused.field, "reason": refused.reason}
        self.send(msgspec.json.encode({"type": "reject", **told}) + b"\n")
        if self._kept_whole.take():
            self.emit(refusal_event(refused, self.peer, piece, None), now_us)
        else:
            self.intake.tally_refusal({**tally_event(self.peer, None), **self._of(now_us)})

    def emit(self, event: dict[str, Any], now_us: int) -> None:
        self.intake.add_event({**event, **self._of(now_us)})

    def _of(self, now_us: int) -> dict[str, Any]:
        return {
            "client": self.stream.client.id if self.stream else None,
            "stream": self.stream.id if self.stream else None,
            "session": str(self.id),
            "received_us": now_us,
        }

    def signal(self, message: dict[str, Any]) -> None:
        """In the sketch's own form: a bare object."""
        self.send(msgspec.json.encode(message) + b"\n")

    def end(self, code: str, reason: str) -> None:
        if self.ended is None:
            self.ended = SessionError(code, reason)
            self.send(
                msgspec.json.encode({"type": "error", "code": code, "reason": reason}) + b"\n"
            )
            self.on_end()
