"""What the rooms above must know of a feed while its ticks pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedInfo:
    """One client's quotes of one instrument. `own_symbol` is what the terminal calls it."""

    feed_id: int
    instrument_id: int
    symbol: str
    own_symbol: str
    client_id: int
    client_name: str
    kind: str
    pip_size: float
    digits: int
    session: str
    shard: int
