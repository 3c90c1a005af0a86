"""What the journal holds and nobody can store: kept beside it until an operator has seen it.

It lies in Redis like the journal itself, since acknowledged data is nowhere else until it is
stored. Putting a piece twice (a worker died in between) keeps it once.
"""

from __future__ import annotations

import time
from typing import Any, cast

import msgspec
import redis

from bridge_ingest import names

MOST = 20
"""Pieces a shard. Where more fails, the fault is not in what was sent: the shard stops instead."""


class Full(Exception):
    """As much as may be set aside is; what comes next must stay in the journal."""


class Piece(msgspec.Struct, frozen=True):
    """A journal entry, or a part of one. `name` begins with the entry's id."""

    name: str
    at_ms: int
    size: int
    reason: str


def put(client: redis.Redis, shard: str, name: str, payload: bytes, reason: str) -> None:
    """Keep `payload` under `name`. Raises Full."""
    pieces, payloads = names.aside(shard)
    if not client.hexists(pieces, name) and client.hlen(pieces) >= MOST:
        raise Full(f"{MOST} pieces are set aside already; see manage.py set_aside.")
    piece = Piece(name, time.time_ns() // 1_000_000, len(payload), reason[:300])
    with client.pipeline(transaction=True) as pipe:
        pipe.hset(pieces, name, msgspec.json.encode(piece))
        pipe.hset(payloads, name, payload)
        pipe.execute()


def pieces(client: redis.Redis, shard: str) -> list[Piece]:
    """What is set aside of a shard, the oldest first."""
    kept: Any = client.hvals(names.aside(shard)[0])
    found = [msgspec.json.decode(each, type=Piece) for each in kept]
    return sorted(found, key=lambda piece: (piece.at_ms, piece.name))


def payload(client: redis.Redis, shard: str, name: str) -> bytes:
    """The bytes as they lay in the journal. Raises KeyError."""
    kept = cast(bytes | None, client.hget(names.aside(shard)[1], name))
    if kept is None:
        raise KeyError(name)
    return kept


def forget(client: redis.Redis, shard: str, name: str) -> None:
    with client.pipeline(transaction=True) as pipe:
        for key in names.aside(shard):
            pipe.hdel(key, name)
        pipe.execute()


def trouble(client: redis.Redis, shard: str) -> str:
    """What the operator must know of a shard, in a sentence; empty when nothing is set aside."""
    kept = pieces(client, shard)
    if not kept:
        return ""
    count = "one piece" if len(kept) == 1 else f"{len(kept)} pieces"
    told = "see manage.py set_aside"
    return f"{count} of the journal could not be stored ({told}); the last: {kept[-1].reason}"
