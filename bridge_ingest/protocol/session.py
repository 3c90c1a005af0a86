"""One numbered session after its hello: a state machine without any I/O of its own.

Bytes go in by `feed`, work is done by `work`, replies leave through `send`, data goes to the
intake. Every transport drives the same machine. It never waits: when a symbol is not known yet,
`work` stops before that message and names it; the caller looks it up and calls `work` again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from bridge_ingest.protocol import messages as m
from bridge_ingest.protocol import records, rules, salvage, trades
from bridge_ingest.protocol.arrivals import Arrival, Arrivals
from bridge_ingest.protocol.binary import Batch
from bridge_ingest.protocol.digests import BadDigest
from bridge_ingest.protocol.errors import Refused, SessionError
from bridge_ingest.protocol.intake import Board, Intake, Peer, Send, SourceRef
from bridge_ingest.protocol.opening import Counters, Opening
from bridge_ingest.protocol.refusals import Allowance, refusal_event, tally_event

RESEND_EVERY_S = 1.0
RESEND_TRIES = 3
"""So often the missing numbers are asked for before they are recorded as lost."""

_NO_SCOPE = Refused("scope", "", "The key lacks the scope ingest.")
_encode = msgspec.json.encode


class Session:
    """See the module's docstring. Not thread-safe; lives on the gateway's loop."""

    def __init__(
        self, opening: Opening, intake: Intake, board: Board, peer: Peer, send: Send
    ) -> None:
        self.opening = opening
        self.id = opening.id
        self.client = opening.client
        self.owner = str(opening.id)
        self.stream = opening.stream
        self.next = opening.watermark + 1
        self.counters = Counters()
        self.ended: SessionError | None = None
        self.on_end: Callable[[], None] = lambda: None
        self.last_received = time.monotonic()
        self._intake = intake
        self._board = board
        self.peer = peer
        self._send = send
        self._arrivals = Arrivals(opening.verifier, opening.features)
        self._names: dict[int, str] = {}
        self._asked_for = 0
        self._asks = 0
        self._asked_at = 0.0
        self._waiting_acks: deque[tuple[int, float]] = deque()
        self.status: dict[str, Any] = {}
        self.acknowledged_signals: list[str] = []
        self.sent_signals: dict[str, float] = {}
        self._kept_whole = Allowance()
        self.pinged_at = 0.0
        self._bad_digests = 0
        self._owes_ask = False

    # Bytes in.

    def feed(self, data: bytes) -> None:
        """Take bytes of a stream. Raises SessionError for what can't be framed."""
        self.last_received = time.monotonic()
        self._arrivals.feed(data)

    def feed_frame(self, frame: bytes) -> None:
        """Take one message of a transport that keeps messages apart."""
        self.last_received = time.monotonic()
        self._arrivals.feed_frame(frame)

    def feed_message(self, line: bytes) -> None:
        """Take one whole JSON message (a line or an object of an HTTP body)."""
        self.last_received = time.monotonic()
        self._arrivals.feed_message(line)

    # Work.

    def work(self, now_us: int) -> str | None:
        """Handle what was fed. Returns a symbol to be made known first, or None when done.

        An ended session takes nothing more: a newer one may already own the numbers.
        """
        queue = self._arrivals.queue
        while queue and self.ended is None:
            message = queue[0]
            if isinstance(message, Batch):
                message.symbol = self._names.get(message.number)
            symbol: str | None = getattr(message, "symbol", None)
            if symbol is not None and self._is_news(symbol):
                return symbol
            queue.popleft()
            self._handle(message, now_us)
        return None

    def skip_unknown(self, now_us: int) -> None:
        """The symbol that `work` named can't be made known: refuse its message and go on."""
        if self.ended is None:
            self._handle(self._arrivals.queue.popleft(), now_us)

    def _is_news(self, symbol: str) -> bool:
        """A sound symbol that this client has not sent before, and may send."""
        if symbol in self.client.sources or not self.opening.can_ingest:
            return False
        try:
            rules.check_symbol(symbol)
        except Refused:
            return False
        return True

    def _handle(self, message: Arrival, now_us: int) -> None:
        self.counters.messages += 1
        if isinstance(message, m.Ticks):
            self._take(message, message.seq, len(message.ticks), now_us)
        elif isinstance(message, m.Single):
            self._take(message, message.seq, 1, now_us)
        elif isinstance(message, Batch):
            self._take(message, message.seq, message.count, now_us)
        elif isinstance(message, salvage.BadLine):
            self._bad_line(message, now_us)
        elif isinstance(message, BadDigest):
            self._bad_digest(message, now_us)
        else:
            self._unnumbered(message, now_us)

    # Numbers.

    def _take(self, message: m.Numbered | Batch, seq: int, count: int, now_us: int) -> None:
        skip = self._admit(seq, count, now_us)
        if skip is None:
            return
        before = self.next - 1
        self.next = seq + count
        self._intake.move(self.stream, before, self.next - 1, self)
        self._waiting_acks.append((self.next - 1, time.perf_counter()))
        self.counters.items += count - skip
        if not self.opening.can_ingest:
            self._refuse_all(_NO_SCOPE, message, seq + skip, count - skip, now_us)
        elif isinstance(message, Batch) and message.symbol is None:
            self._refuse_all(_no_name(message.number), message, seq + skip, count - skip, now_us)
        elif isinstance(message, m.Ticks | Batch):
            self._ticks(message, skip, now_us)
        else:
            self._single(message, now_us)

    def _admit(self, seq: int, count: int, now_us: int) -> int | None:
        """How many leading items are duplicates, or None when nothing of this may be taken."""
        if seq == self.next:
            return 0
        if seq > self.next:
            if not self._skip_missing(seq, now_us):
                self.counters.out_of_order += count
                return None
            return 0
        if seq + count <= self.next:
            self.counters.duplicates += count
            return None
        self.counters.duplicates += self.next - seq
        return self.next - seq

    def _skip_missing(self, seq: int, now_us: int) -> bool:
        """Ask for the numbers before `seq`; True once they are given up and recorded as a gap."""
        if self._asked_for == self.next and self._asks >= RESEND_TRIES and self._may_ask():
            self._record_gap(seq - 1, "asked for and not sent again", now_us)
            return True
        self._ask_again()
        return False

    def _ask_again(self) -> None:
        """Ask for everything from the next number on, at most once a second."""
        if self._asked_for != self.next:
            self._asked_for, self._asks, self._asked_at = self.next, 0, -RESEND_EVERY_S
        self._owes_ask = not self._may_ask()
        if not self._owes_ask:
            self._asks, self._asked_at = self._asks + 1, time.monotonic()
            self.reply({"type": "resend", "from": self.next})

    def _may_ask(self) -> bool:
        return time.monotonic() - self._asked_at >= RESEND_EVERY_S

    def _record_gap(self, to_seq: int, reason: str, now_us: int) -> None:
        event = {"kind": "gap", "from": self.next, "to": to_seq, "reason": reason}
        self.emit(event, now_us)
        self.counters.lost += to_seq - self.next + 1
        self._intake.move(self.stream, self.next - 1, to_seq, self)
        self.next = to_seq + 1

    # Items.

    def _single(self, message: m.Single, now_us: int) -> None:
        clocks = self.opening.clocks
        try:
            if isinstance(message, m.Tick):
                self._tick(message, self._source(message.symbol), now_us)
            elif isinstance(message, m.Bar | m.Indicator):
                of = (self._source(message.symbol), self.stream, clocks, now_us)
                self._intake.add_event(records.item_event(message, *of))
            else:
                self.emit(trades.trade_event(message, self.opening.account, clocks, now_us), now_us)
        except Refused as refused:
            self.refuse(refused, _encode(message), message.seq, now_us)

    def _tick(self, tick: m.Tick, source: SourceRef, now_us: int) -> None:
        data = records.pack_tick(tick, source, self.stream, self.opening.clocks, now_us)
        self._intake.add_ticks(source.shard, data)
        event_us, received_us = records.times_of(data)
        self._board.show(source.id, (tick.bid, tick.ask, event_us, received_us), 1)

    def _ticks(self, message: m.Ticks | Batch, skip: int, now_us: int) -> None:
        if skip:
            message.skip(skip)
        clocks = self.opening.clocks
        try:
            source = self._source(message.symbol or "")
            table = message.table if isinstance(message, Batch) else records.columns(message.ticks)
        except Refused:
            self._each_row(message, range(len(message.ticks)), now_us)
            return
        bad = records.bad_rows(table, source, clocks, now_us)
        if len(bad):
            self._each_row(message, bad.tolist(), now_us)
            table[bad] = 0.0  # left out below; what they hold may fit no record
        packed = records.pack_ticks(message, table, source, self.stream, clocks, now_us)
        if len(bad):
            packed = records.without(packed, bad)
        if len(packed):
            self._intake.add_ticks(source.shard, packed.tobytes())
            self._board.show(source.id, records.quote_of(packed[-1]), len(packed))

    def _each_row(self, message: m.Ticks | Batch, rows: Any, now_us: int) -> None:
        for index in rows:
            try:
                tick = records.row_as_tick(message, index)
                self._tick(tick, self._source(tick.symbol), now_us)
            except Refused as refused:
                body = _encode({"symbol": message.symbol, "tick": message.ticks[index]})
                self.refuse(refused, body, message.seq + index, now_us)

    def _source(self, symbol: str) -> SourceRef:
        source = self.client.sources.get(symbol)
        if source is None:
            rules.check_symbol(symbol)
            raise Refused("symbol", "symbol", "This client has too many symbols.")
        return source

    def _refuse_all(
        self, why: Refused, message: m.Numbered | Batch, first: int, count: int, now_us: int
    ) -> None:
        body = _encode(message.shown() if isinstance(message, Batch) else message)
        for seq in range(first, first + count):
            self.refuse(why, body, seq, now_us)

    # Lines that did not decode.

    def _bad_line(self, bad: salvage.BadLine, now_us: int) -> None:
        """Refuse it; where its number can be read, the number is used up, so nothing stalls."""
        item = bad.item
        if item is None:
            self.refuse(bad.refused, bad.line, None, now_us)
            return
        skip = self._admit(item.seq, item.count, now_us)
        if skip is None:
            return
        before, self.next = self.next - 1, item.seq + item.count
        self._intake.move(self.stream, before, self.next - 1, self)
        self.counters.items += item.count - skip
        for seq, tick in item.rows(skip):
            self._salvage(seq, tick if self.opening.can_ingest else _NO_SCOPE, bad, now_us)

    def _bad_digest(self, bad: BadDigest, now_us: int) -> None:
        """It uses up no number: its bytes can't be trusted, so they are asked for again."""
        self._bad_digests += 1
        self.refuse(bad.refused, bad.line, None, now_us)
        self._ask_again()

    def each_second(self, now_us: int) -> None:
        """What is held back to once a second: news of wrong digests, and asking again."""
        if self._bad_digests:
            count, self._bad_digests = self._bad_digests, 0
            self.emit({"kind": "bad_digest", "count": count}, now_us)
        if self._owes_ask and self._asked_for == self.next and self.ended is None:
            self._ask_again()

    def _salvage(self, seq: int, tick: m.Tick | Refused, bad: salvage.BadLine, now_us: int) -> None:
        try:
            if isinstance(tick, Refused):
                raise tick
            self._tick(tick, self._source(tick.symbol), now_us)
        except Refused as refused:
            self.refuse(refused, bad.line, seq, now_us)

    # Messages without a number.

    def _unnumbered(self, message: m.Message, now_us: int) -> None:
        if isinstance(message, m.Ping):
            self.reply({"type": "pong", "t": message.t})
        elif isinstance(message, m.Status):
            self.status = msgspec.to_builtins(message)
            self.emit({"kind": "status", **self.status}, now_us)
        elif isinstance(message, m.SignalAck):
            self._signal_ack(message, now_us)
        elif isinstance(message, m.Gap):
            self._gap(message, now_us)
        elif isinstance(message, m.Symbols):
            self._names.update(message.names)
        elif isinstance(message, m.Hello):
            raise SessionError("protocol", "A session says hello once.")

    def _signal_ack(self, message: m.SignalAck, now_us: int) -> None:
        self.emit(records.signal_ack_event(message), now_us)
        self.acknowledged_signals.append(message.id)

    def _gap(self, message: m.Gap, now_us: int) -> None:
        if message.to_seq < message.from_seq:
            reason = "The gap ends before it begins."
            self.refuse(Refused("range", "to", reason), _encode(message), None, now_us)
        elif message.from_seq > self.next:
            if self._skip_missing(message.from_seq, now_us):
                self._record_gap(message.to_seq, "no longer held by the terminal", now_us)
        elif message.to_seq >= self.next:
            self._record_gap(message.to_seq, "no longer held by the terminal", now_us)

    # Out.

    def refuse(
        self, refused: Refused, body: bytes, seq: int | None = None, now_us: int | None = None
    ) -> None:
        """Answer with a coded reject and keep what was refused; of a flood, keep the count."""
        now = now_us or time.time_ns() // 1000
        self.counters.refused += 1
        told = {"code": refused.code, "field": refused.field, "reason": refused.reason}
        numbered = {"seq": seq} if seq is not None else {}
        self.reply({"type": "reject", **numbered, **told})
        if self._kept_whole.take():
            self.emit(refusal_event(refused, self.peer, body, seq), now)
        else:
            self._intake.tally_refusal({**tally_event(self.peer, seq), **self._of(now)})

    def emit(self, event: dict[str, Any], now_us: int) -> None:
        """Journal an event of this session."""
        self._intake.add_event({**event, **self._of(now_us)})

    def _of(self, now_us: int) -> dict[str, Any]:
        of = {"client": self.client.id, "stream": self.stream, "session": str(self.id)}
        return {**of, "received_us": now_us}

    def reply(self, message: dict[str, Any]) -> None:
        self._send(_encode(message) + b"\n")

    def welcome(self, now_us: int) -> None:
        features = sorted(self.opening.features)
        self.reply(
            {
                "type": "welcome",
                "session": str(self.id),
                "resume": self.next,
                "server_time_ms": now_us // 1000,
                "config": {},
                **({"features": features} if features else {}),
            }
        )

    def signal(self, message: dict[str, Any]) -> None:
        self.reply({"type": "signal", **message})

    # The journal's answers.

    def committed(self, seq: int) -> None:
        """Everything up to `seq` is durable: tell the terminal."""
        now = time.perf_counter()
        waiting = self._waiting_acks
        while waiting and waiting[0][0] <= seq:
            self.counters.acks_ms.append((now - waiting.popleft()[1]) * 1000)
        if self.ended is None:
            self.reply({"type": "ack", "seq": seq})

    def superseded(self) -> None:
        self.end("superseded", "A newer session has taken over this stream.")

    def end(self, code: str, reason: str) -> None:
        """Say why and stop. The transport closes when it sees `ended`."""
        if self.ended is None:
            self.ended = SessionError(code, reason)
            self.reply({"type": "error", "code": code, "reason": reason})
            self.on_end()


def _no_name(number: int) -> Refused:
    reason = f"The symbol number {number} has no name; send symbols first."
    return Refused("symbol", "symbol", reason)
