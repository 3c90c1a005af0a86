"""What outlives a connection: who the terminal is, its numbering, its signals, its counters."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.protocol import (
    SILENCE_S,
    STATUS_INTERVAL_S,
    Command,
    Identity,
    Reject,
    Signal,
    Welcome,
    encode,
)
from agent.signals import SignalBook
from agent.state import Memory
from agent.stream import Stream

MAX_BATCH = 1000
_REJECTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Options:
    """How a client behaves.

    `capacity` and `batch` are in items. `repeatable` says that the same items come under the same
    numbers when the producer starts again (a file that is replayed): then a bridge that is ahead
    of us has what we are about to produce, and it is skipped instead of renumbered.
    """

    capacity: int = 100_000
    batch: int = 100
    repeatable: bool = False
    status_s: float = STATUS_INTERVAL_S
    silence_s: float = SILENCE_S
    backoff_s: float = 0.2
    backoff_limit_s: float = 10.0


@dataclass(slots=True)
class Health:
    """What the platform says of itself; sent with every `status`."""

    trade_allowed: bool = True
    broker_connected: bool = True
    market_open: bool = True


@dataclass(frozen=True, slots=True)
class Counts:
    """Items of the present stream (`produced` to `dropped`), then of the client's whole life.

    `produced == acked + buffered + dropped` holds at every moment.
    """

    produced: int
    sent: int
    resent: int
    acked: int
    buffered: int
    dropped: int
    rejected: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the owner of a client does with what the bridge sends. All are called in the loop.

    `on_signal` sees each id once. `on_command` answers (done, detail). `on_welcome` and `on_end`,
    with the problem, follow the sessions; attempts that came to none end, too.

    An owner that passes on for a terminal of its own gives `on_line`: it then gets signals,
    settings, commands, refusals and answers to its own pings as they came, and answers by
    `Client.say`.
    """

    on_signal: Callable[[Signal], None] = lambda _: None
    on_config: Callable[[Mapping[str, Any]], None] = lambda _: None
    on_command: Callable[[Command], tuple[bool, str]] = lambda command: (
        False,
        f"this terminal does not know the command {command.name}",
    )
    on_welcome: Callable[[Welcome], None] = lambda _: None
    on_end: Callable[[str], None] = lambda _: None
    on_line: Callable[[bytes], None] | None = None


@dataclass(slots=True)
class Terminal:
    """The lasting half of a client; a session is the passing half."""

    identity: Identity
    options: Options
    handlers: Handlers
    stream: Stream
    book: SignalBook
    state_file: Memory | None = None
    health: Health = field(default_factory=Health)
    batch: int = 100
    rejected: int = 0
    sessions: int = 0
    unknown: int = 0
    ping_ms: float | None = None
    rejects: deque[Reject] = field(default_factory=lambda: deque(maxlen=_REJECTS_KEPT))
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    progress: asyncio.Event = field(default_factory=asyncio.Event)

    def counts(self) -> Counts:
        ring = self.stream.ring
        return Counts(
            produced=ring.produced,
            sent=self.stream.sent,
            resent=self.stream.resent,
            acked=ring.acked,
            buffered=ring.buffered,
            dropped=ring.dropped,
            rejected=self.rejected,
            sessions=self.sessions,
        )

    def status(self) -> bytes:
        """The `status` message of this moment."""
        ring = self.stream.ring
        fields: dict[str, Any] = {
            "type": "status",
            "produced": ring.produced,
            "buffered": ring.buffered,
            "dropped": ring.dropped,
            "trade_allowed": self.health.trade_allowed,
            "broker_connected": self.health.broker_connected,
            "market_open": self.health.market_open,
        }
        if self.ping_ms is not None:
            fields["ping_ms"] = round(self.ping_ms, 3)
        return encode(fields)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Take over the settings this agent understands and hand all of them to the owner."""
        batch = settings.get("batch")
        if isinstance(batch, int) and not isinstance(batch, bool):
            self.batch = max(1, min(batch, MAX_BATCH))
        self.handlers.on_config(settings)

    def remember_signals(self) -> None:
        if self.state_file is not None:
            self.state_file.save_signals(self.book)


def now_ms() -> int:
    """Wall-clock UTC in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
