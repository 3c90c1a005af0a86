"""Reading a shard's journal after a cursor that lies in PostgreSQL.

There is no consumer group: the cursor moves in the transaction that stores the data, so a crash
anywhere leaves both as they were, and reading again after the cursor gives the same entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis
from django.utils import timezone

from bridge_ingest import names
from bridge_ingest.clock import now_us
from bridge_ingest.models import JournalCursor

BATCH_BYTES = 32_768 * 72
_MAX_ENTRIES = 2000
HELD_MS = 5_000
"""So long an entry that is stored may wait for strategies to see it."""
_ALL = (2**63, 0)
_ODD = b"?"
"""Stands for a field that is not there: neither a whole record nor a list of events."""


@dataclass(frozen=True, slots=True)
class Entry:
    id: bytes
    payload: bytes


class Portion:
    """How many entries to ask for at a time: about BATCH_BYTES, judged by those before.

    It begins with one entry: after an outage each may be megabytes, and there may be hundreds.
    """

    def __init__(self) -> None:
        self._entry_bytes = float(BATCH_BYTES)

    @property
    def count(self) -> int:
        return max(1, min(_MAX_ENTRIES, int(BATCH_BYTES / self._entry_bytes)))

    def learn(self, entries: list[Entry]) -> None:
        mean = sum(len(entry.payload) for entry in entries) / len(entries)
        self._entry_bytes = max(mean, (mean + self._entry_bytes) / 2)


class JournalReader:
    """Reads one shard, and forgets what is stored."""

    def __init__(self, client: redis.Redis, shard: str) -> None:
        self._redis = client
        self._shard = shard
        self._key = names.journal(shard)
        self._portion = Portion()

    def read(self, after: str, block_ms: int) -> list[Entry]:
        """Entries after the cursor in order; waits up to `block_ms` when there are none."""
        found = read(self._redis, {self._shard: after}, self._portion, block_ms)
        return found.get(self._shard, [])

    def backlog(self) -> int:
        """Entries that lie in the journal, stored or not."""
        return int(self._redis.xlen(self._key))

    def trim(self, stored: str) -> None:
        """Forget entries up to and including `stored`, but for what strategies have yet to see."""
        moment, number = min(position(stored), self._seen())
        # MINID keeps its own id, so name the next.
        self._redis.xtrim(self._key, minid=f"{moment}-{number + 1}", approximate=False)

    def _seen(self) -> tuple[int, int]:
        """Strategies that are slow hold nothing for longer than HELD_MS: theirs is the present."""
        # The stubs also describe decoded text and awaitables.
        seen: Any = self._redis.get(names.seen(self._shard))
        too_old = (now_us() // 1000 - HELD_MS, 0)
        return max(position(seen.decode()), too_old) if seen else _ALL


def read(
    client: redis.Redis, after: Mapping[str, str], portion: Portion, block_ms: int
) -> dict[str, list[Entry]]:
    """Entries of several shards, each after its cursor, by shard; shards without any are left out.

    Waits up to `block_ms` when there are none at all.
    """
    shards = {names.journal(shard).encode(): shard for shard in after}
    cursors = {key: after[shard] for key, shard in shards.items()}
    # The stubs also describe RESP3 and decoded text; this client speaks RESP2 and bytes.
    answer: Any = client.xread(cast(Any, cursors), count=portion.count, block=block_ms)
    found = {shards[key]: _entries(shards[key], rows) for key, rows in answer or []}
    for entries in found.values():
        portion.learn(entries)
    return found


def _entries(shard: str, rows: list[tuple[bytes, dict[bytes, bytes]]]) -> list[Entry]:
    field = b"e" if shard == names.EVENTS_SHARD else b"t"
    return [Entry(entry_id, fields.get(field, _ODD)) for entry_id, fields in rows]


def position(entry_id: str) -> tuple[int, int]:
    """Ids of entries rise, as pairs of numbers: the moment of the commit in ms, and a count."""
    moment, _, number = entry_id.partition("-")
    return int(moment), int(number or 0)


def lock_cursor(shard: str) -> JournalCursor:
    """The shard's cursor, locked until the caller's transaction ends; made on first use."""
    present = JournalCursor.objects.select_for_update()
    try:
        return present.get(shard=shard)
    except JournalCursor.DoesNotExist:
        JournalCursor.objects.get_or_create(shard=shard)
        return present.get(shard=shard)


def move_cursor(cursor: JournalCursor, entry_id: str) -> None:
    cursor.entry_id, cursor.updated_at = entry_id, timezone.now()
    cursor.save(update_fields=["entry_id", "updated_at"])
