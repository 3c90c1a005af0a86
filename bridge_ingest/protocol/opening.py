"""What a hello settled, and what a session counts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from bridge_ingest.protocol.digests import CORRUPTION_ONLY, Verifier
from bridge_ingest.protocol.intake import ClientState
from bridge_ingest.protocol.records import Clocks


@dataclass(slots=True)
class Opening:
    """What the hello settled."""

    id: UUID
    client: ClientState
    stream: int
    watermark: int
    clocks: Clocks
    can_ingest: bool
    can_receive: bool
    key_id: int | None = None
    key_public_id: str = ""
    verifier: Verifier = CORRUPTION_ONLY
    features: frozenset[str] = frozenset()
    account: str = ""
    """As hello names it, for trades that name none."""


@dataclass(slots=True)
class Counters:
    """What a session page shows."""

    items: int = 0
    messages: int = 0
    duplicates: int = 0
    refused: int = 0
    lost: int = 0
    out_of_order: int = 0
    acks_ms: deque[float] = field(default_factory=lambda: deque(maxlen=512))
