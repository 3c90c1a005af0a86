"""Emptying a shard's journal: read after the cursor, handle, move it, in one transaction."""

from __future__ import annotations

import time

import psycopg
import redis
import structlog
from django.db import DataError, IntegrityError, connection, transaction
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from bridge_ingest import names
from bridge_ingest.journal import aside
from bridge_ingest.journal.reader import (
    BATCH_BYTES,
    Entry,
    JournalReader,
    lock_cursor,
    move_cursor,
)
from bridge_ingest.models import JournalCursor
from fksbridge.figures import Figures
from fksbridge.pipeline import Pipeline, pipeline_of

log = structlog.get_logger(__name__)

LINGER_S = 0.05
"""How long an empty drain waits for more: waking it is ten times cheaper than a new task."""
LARGE_BYTES = BATCH_BYTES // 4
"""After a batch of this size the next one begins at once."""
SLICE_S = 2.0
"""How long a busy drain goes on before it makes room for its worker's other duties."""
INFLIGHT_MS = 5000


class Moved(Exception):
    """Another worker has moved the cursor: what is in memory here is old."""


def is_theirs(error: Exception) -> bool:
    """Whether the fault lies in what was to be stored, and not in who stores it or where."""
    if isinstance(error, DatabaseError):
        return isinstance(error, DataError | IntegrityError)
    return not isinstance(
        error, Moved | aside.Full | psycopg.Error | RedisError | OSError | MemoryError
    )


class Drain:
    """One shard in one worker process, kept between tasks so that its memory stays warm."""

    def __init__(self, shard: str, client: redis.Redis) -> None:
        self.shard = shard
        self._redis = client
        self._reader = JournalReader(client, shard)
        self._pipeline: Pipeline | None = None
        self._cursor = ""
        self._figures = Figures(f"worker.{shard}")

    def run(self) -> bool:
        """Drain for one slice; True when there is more to do at once."""
        inflight = names.inflight(self.shard)
        ends = time.monotonic() + SLICE_S
        try:
            while time.monotonic() < ends:
                began = time.monotonic()
                self._redis.set(inflight, b"draining", px=INFLIGHT_MS)
                entries = self._step()
                if not entries:
                    break
                self._rest(began, entries)
        except Moved:
            self.forget()
        except BaseException:
            self.forget()
            raise
        finally:
            self._redis.delete(inflight)
        return self._has_more()

    def forget(self) -> None:
        """Drop what is in memory; it is read again from PostgreSQL."""
        self._pipeline = None

    def _rest(self, began: float, entries: list[Entry]) -> None:
        """Let a small batch's successor grow; a large one has more waiting behind it."""
        if sum(len(entry.payload) for entry in entries) < LARGE_BYTES:
            time.sleep(max(0.0, began + self._loaded().pace_s - time.monotonic()))

    def _step(self) -> list[Entry]:
        pipeline = self._loaded()
        entries = self._reader.read(self._cursor, int(LINGER_S * 1000))
        try:
            self._store(pipeline, entries)
        except Exception as error:
            if not entries or not is_theirs(error):
                raise
            log.error("batch_not_stored", shard=self.shard, error=repr(error))
            self._isolate(entries)
            pipeline = self._loaded()
        self._reader.trim(self._cursor)
        pipeline.show()
        self._figures.reached(entries)
        if self._figures.are_due:
            self._figures.tell(pending=self._reader.backlog())
        return entries

    def _loaded(self) -> Pipeline:
        return self._pipeline or self._load()

    def _store(self, pipeline: Pipeline, entries: list[Entry]) -> None:
        with transaction.atomic():
            self._transact(pipeline, entries)
        if entries:
            self._cursor = entries[-1].id.decode()

    def _isolate(self, entries: list[Entry]) -> None:
        """One of these can't be stored: store the others, and set that one aside."""
        self._reload()
        if len(entries) == 1:
            self._store_parts(entries[0])
            return
        middle = len(entries) // 2
        for half in (entries[:middle], entries[middle:]):
            try:
                self._store(self._loaded(), half)
            except Exception as error:
                if not is_theirs(error):
                    raise
                self._isolate(half)

    def _reload(self) -> None:
        """What memory learnt of a batch was undone with it; or was it not, and only what was to
        be sent after the commit failed? Then the cursor has moved, and nothing is stored again."""
        before = self._cursor
        self.forget()
        self._load()
        if self._cursor != before:
            raise Moved

    def _store_parts(self, entry: Entry) -> None:
        """The parts of an entry that can be stored; the others stay in Redis, with the reason."""
        pipeline = self._loaded()
        with transaction.atomic():
            cursor = self._own_cursor()
            for number, payload in enumerate(pipeline.parts(entry), 1):
                try:
                    self._store_part(pipeline, Entry(entry.id, payload))
                except Exception as error:
                    if not is_theirs(error):
                        raise
                    self._set_aside(Entry(entry.id, payload), number, error)
            move_cursor(cursor, entry.id.decode())
        self._cursor = entry.id.decode()
        self.forget()

    def _store_part(self, pipeline: Pipeline, part: Entry) -> None:
        with transaction.atomic():
            self._figures.count(pipeline.process([part]))
            connection.check_constraints()  # foreign keys are otherwise looked at too late

    def _set_aside(self, part: Entry, number: int, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        log.error("set_aside", shard=self.shard, entry=part.id, part=number, reason=reason)
        try:
            name = f"{part.id.decode()} {number}"
            aside.put(self._redis, self.shard, name, part.payload, reason)
        except aside.Full:
            raise error from None

    def _load(self) -> Pipeline:
        with transaction.atomic():
            self._cursor = lock_cursor(self.shard).entry_id
            self._pipeline = pipeline_of(self.shard)
        self._reader.trim(self._cursor)  # whoever stored it last may have died before this
        return self._pipeline

    def _transact(self, pipeline: Pipeline, entries: list[Entry]) -> None:
        cursor = self._own_cursor()
        if entries:
            self._figures.count(pipeline.process(entries))
            move_cursor(cursor, entries[-1].id.decode())
        else:
            pipeline.idle()

    def _own_cursor(self) -> JournalCursor:
        cursor = lock_cursor(self.shard)
        if cursor.entry_id != self._cursor:
            raise Moved
        return cursor

    def _has_more(self) -> bool:
        """Something came after the last look and before the in-flight key was given back."""
        if self._pipeline is None:
            return True
        return bool(self._reader.read(self._cursor, 1))
