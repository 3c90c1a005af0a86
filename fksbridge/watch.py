"""Strategies look at the journal themselves: beside the workers that store it, and not after them.

Storing a batch takes ten times as long as deciding what it says, so a signal must not wait for it;
and a strategy that fails or is slow must not hold up what is stored. What was stored while nobody
watched is not looked at again: its moment is gone.
"""

from __future__ import annotations

import time

import redis
import structlog
from django.db import transaction

from bridge_ingest import heartbeat, names
from bridge_ingest.journal.layout import unpack_records
from bridge_ingest.journal.reader import Entry, Portion, read
from bridge_ingest.models import JournalCursor
from fksbridge.drain import is_theirs
from fksbridge.figures import Figures
from fksbridge.pipeline import tick_shards
from market import adopt, matching
from signals.strategies import runner

log = structlog.get_logger(__name__)

WORKER = "worker.strategies"
SLICE_S = 4.0
"""How long a watch goes on before its worker shows life."""
INFLIGHT_MS = 8000
_BLOCK_MS = 250
_TOLD_EVERY_S = 0.05
_SEEN_FOR_MS = 2000


class Watch:
    """All shards, kept between tasks so that what strategies remember lasts."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._portion = Portion()
        self._moves = matching.Moves()
        self._positions: dict[str, str] = {}
        self._told_at = 0.0
        self._figures = Figures(WORKER)

    def run(self, slice_s: float = SLICE_S) -> bool:
        """Watch for one slice; True while any strategy is on, to be called again at once."""
        self._redis.set(names.WATCHING, b"watching", px=INFLIGHT_MS)
        ends = time.monotonic() + slice_s
        try:
            while time.monotonic() < ends:
                if not runner.is_on():
                    self._positions.clear()
                    return False
                self._step()
        except BaseException:
            self._positions.clear()  # what was committed is not known: begin at what is stored
            raise
        finally:
            self._redis.delete(names.WATCHING)
        return True

    def _step(self) -> None:
        if not self._positions:
            self._positions = _stored()
            runner.begin()
        self._moves.happened()
        found = read(self._redis, self._positions, self._portion, _BLOCK_MS)
        for shard, entries in found.items():
            self._show(entries)
            self._positions[shard] = entries[-1].id.decode()
        self._tell()
        if self._figures.are_due:
            self._figures.tell()

    def _show(self, entries: list[Entry]) -> None:
        try:
            batch = unpack_records([entry.payload for entry in entries])
            with transaction.atomic():
                runner.observe(batch, adopt.known_feeds(batch))
        except Exception as error:
            if not is_theirs(error):
                raise
            # Damaged bytes, which the store will set aside, or a defect of a strategy.
            log.exception("strategies_failed", entry=entries[0].id)
            heartbeat.complain(WORKER, f"strategies failed: {type(error).__name__}: {error}")
        else:
            self._figures.count(len(batch))
        self._figures.reached(entries)

    def _tell(self) -> None:
        """Say how far they have seen, so that the store may forget it."""
        if time.monotonic() - self._told_at < _TOLD_EVERY_S:
            return
        self._told_at = time.monotonic()
        with self._redis.pipeline(transaction=False) as pipe:
            for shard, seen in self._positions.items():
                pipe.set(names.seen(shard), seen, px=_SEEN_FOR_MS)
            pipe.execute()


def _stored() -> dict[str, str]:
    """How far each shard is stored; from the beginning where nothing ever was."""
    cursors = JournalCursor.objects.filter(shard__in=tick_shards())
    return dict.fromkeys(tick_shards(), "0-0") | dict(cursors.values_list("shard", "entry_id"))
