"""How far each limit of this gateway is used at this moment, and by which client most."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from bridge_ingest.journal.writer import HIGH_WATER_BYTES
from bridge_ingest.protocol.session import Session

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import Bridge

Use = dict[str, tuple[float, str]]
"""By limit: an amount, for rates the share of the burst that is used up; and the client's name."""

_RATES = {
    "client_ticks_per_s": "ticks",
    "client_messages_per_s": "messages",
    "client_kib_per_s": "bytes",
    "client_posts_per_s": "posts",
}


def use(bridge: Bridge) -> Use:
    clients, now = bridge.directory.clients, time.monotonic()
    found: Use = {
        "max_sessions": (len(bridge.sessions), ""),
        "pending": (bridge.journal.pending.size / HIGH_WATER_BYTES, ""),
    }
    sessions = Counter(
        each.client.name for each in bridge.sessions.values() if isinstance(each, Session)
    )
    if sessions:
        name, count = sessions.most_common(1)[0]
        found["client_sessions"] = (count, name)
    for limit, bucket in _RATES.items():
        shares = ((getattr(c.limits, bucket).share_used(now), c.name) for c in clients)
        found[limit] = max(shares, default=(0.0, ""))
    return found
