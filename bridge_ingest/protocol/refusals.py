"""What is kept of a refusal. Of a flood only the count, or garbage would drown the journal."""

from __future__ import annotations

import time
from typing import Any

from bridge_ingest.protocol.errors import Refused
from bridge_ingest.protocol.intake import Intake, Peer

KEPT_WHOLE = 1000
KEPT_PER_S = 1.0
_BODY_BYTES = 4096
_UNKNOWN = {"client": None, "stream": None, "session": None}


class Allowance:
    """So many refusals are kept whole at once, and one more each second."""

    __slots__ = ("_at", "_left")

    def __init__(self) -> None:
        self._left = float(KEPT_WHOLE)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether the next one may be kept whole."""
        now = time.monotonic()
        self._left = min(KEPT_WHOLE, self._left + (now - self._at) * KEPT_PER_S)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def refusal_event(refused: Refused, peer: Peer, body: bytes, seq: int | None) -> dict[str, Any]:
    """One refusal with what was sent. The caller adds whose it is."""
    return {
        "kind": "refusal",
        "seq": seq,
        "code": refused.code,
        "field": refused.field,
        "reason": refused.reason,
        "body": _kept(body),
        "transport": peer.transport,
        "peer": peer.address,
    }


def _kept(body: bytes) -> str:
    """A hello that was refused in the middle of a session holds a key, which is not kept."""
    if b'"hello"' in body and b"fks_" in body:
        return "(a hello with its key, which is not kept)"
    return body[:_BODY_BYTES].decode("utf-8", "replace")


def tally_event(peer: Peer, seq: int | None) -> dict[str, Any]:
    """One refusal of a flood, to be counted together with others of its session."""
    return {
        "kind": "refusals",
        "seq": seq or 0,
        "count": 1,
        "numbered": int(seq is not None),
        "transport": peer.transport,
        "peer": peer.address,
    }


class StrangersBook:
    """Keeps what was said to connections that never became a session of a known client."""

    def __init__(self) -> None:
        self._kept_whole = Allowance()

    def note(self, intake: Intake, refused: Refused, peer: Peer, now_us: int) -> None:
        of = {**_UNKNOWN, "received_us": now_us}
        if self._kept_whole.take():
            intake.add_event({**refusal_event(refused, peer, b"", None), **of})
        else:
            intake.tally_refusal({**tally_event(peer, None), **of})
