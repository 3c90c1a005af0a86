"""What the rooms above must know of a feed while its ticks pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedInfo:
    """One client's quotes of one instrument. `symbol` is the instrument's, not the terminal's."""

    feed_id: int
    instrument_id: int
    symbol: str
    client_id: int
    client_name: str
    kind: str
    pip_size: float
    digits: int
    session: str
    shard: int
