"""A session is read no faster than its client's limits allow."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from django.conf import settings

from bridge_ingest.protocol.errors import Refused
from bridge_ingest.protocol.limits import Limits
from bridge_ingest.protocol.session import Session

_TOLD_EVERY_S = 10.0
_LOOK_EVERY_S = 1.0


def limits() -> Limits:
    """A client's limits as they are set; each client has its own at each gateway."""
    config = settings.FKS
    return Limits.of(
        ticks=config.client_ticks_per_s,
        messages=config.client_messages_per_s,
        data=config.client_kib_per_s * 1024,
        posts=config.client_posts_per_s,
    )


class Pace:
    """Holds one session to its client's limits."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._limits = session.client.limits
        self._seen = (0, 0)
        self._told_at = -_TOLD_EVERY_S

    def heard(self, event: dict[str, Any]) -> None:
        """Bytes have arrived, in one piece or in frames."""
        size = sum(map(len, event["frames"])) if "frames" in event else len(event["data"])
        self._limits.bytes.take(size, time.monotonic())

    async def keep(self) -> None:
        """Wait as long as the client has sent too much; say so, to it and on its page."""
        self._count()
        while self._session.ended is None:
            wait_s, reason = self._limits.owes(time.monotonic())
            if not wait_s:
                return
            self._tell(reason)
            await asyncio.sleep(min(wait_s, _LOOK_EVERY_S))
            self._session.last_received = time.monotonic()  # it is not silent: nobody listens

    def _count(self) -> None:
        now, counters = time.monotonic(), self._session.counters
        ticks, messages = self._seen
        self._limits.ticks.take(counters.items - ticks, now)
        self._limits.messages.take(counters.messages - messages, now)
        self._seen = (counters.items, counters.messages)

    def _tell(self, reason: str) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TOLD_EVERY_S:
            self._told_at = now
            self._session.refuse(Refused("rate", "", reason), b"")
