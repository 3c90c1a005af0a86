"""What a session writes into and reads from: the gateway as the protocol sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridge_ingest.journal.writer import Listener
from bridge_ingest.protocol.limits import Limits
from bridge_ingest.protocol.offset_meter import OffsetMeter


class Intake(Protocol):
    """The journal, as a session uses it."""

    def add_ticks(self, shard: int, data: bytes) -> None: ...

    def add_event(self, event: dict[str, Any]) -> None: ...

    def tally_refusal(self, event: dict[str, Any]) -> None: ...

    def move(self, stream: int, expected: int, seq: int, listener: Listener) -> None: ...


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where a symbol's ticks go."""

    id: int
    shard: int
    nonpositive: bool = False


@dataclass(slots=True)
class ClientState:
    """What this process knows of a client; shared by its sessions.

    `offset_s`: the UTC offset of its clock that an operator has set; None: as each hello states.
    """

    id: int
    name: str
    platform: str
    sources: dict[str, SourceRef] = field(default_factory=dict)
    offset_s: int | None = None
    meter: OffsetMeter = field(default_factory=OffsetMeter)
    limits: Limits = field(default_factory=Limits.of)


@dataclass(slots=True)
class Peer:
    """Where a session comes from."""

    transport: str
    address: str
    is_loopback: bool
    is_secure: bool
    certificate: str = ""
    """The common name in a verified client certificate."""


Quote = tuple[float, float, int, int]
"""bid, ask, event_us, received_us"""


@dataclass(slots=True)
class Board:
    """Latest quote of each source since the last publication, and ticks counted since the start."""

    dirty: dict[int, Quote] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)

    def show(self, source: int, quote: Quote, ticks: int) -> None:
        self.dirty[source] = quote
        self.counts[source] = self.counts.get(source, 0) + ticks


Send = Callable[[bytes], None]
"""Hands bytes to the transport; never blocks."""
