"""What happens to a batch, floor by floor. The composition that no floor may know."""

from __future__ import annotations

import time
from typing import Protocol

import msgspec
import numpy as np
from django.conf import settings

from bridge_ingest import names
from bridge_ingest.clock import now_us
from bridge_ingest.events import dispatch
from bridge_ingest.journal import aside
from bridge_ingest.journal.layout import Records, pack_events, unpack_events, unpack_records
from bridge_ingest.journal.reader import Entry
from bridge_ingest.live import publish, publish_event
from bridge_ingest.store import sync_redis
from market import adopt, matching, store
from verification import recorder
from verification.engine import Verifier
from verification.findings import Findings

_PICTURE_EVERY_S = 0.1


class Pipeline(Protocol):
    """One shard's way from entries to rows. In memory only what can be rebuilt from rows."""

    @property
    def pace_s(self) -> float:
        """Seconds from the beginning of one small batch to that of the next: each has a cost that
        does not grow with it."""

    def process(self, entries: list[Entry]) -> int:
        """Handle entries in the caller's transaction; returns how many items they held."""

    def parts(self, entry: Entry) -> list[bytes]:
        """Payloads that can be handled one without the other, for an entry that can't be whole."""

    def idle(self) -> None:
        """Nothing arrived: let rules that depend on silence run, in the caller's transaction."""

    def show(self) -> None:
        """Tell the browsers, after the commit."""


class TickPipeline:
    """Ticks: store, verify."""

    pace_s = 0.1

    def __init__(self, shard: str) -> None:
        self._shard = shard
        self._verifier = Verifier(int(shard))
        self._verifier.load()
        self._shown_at = 0.0
        self._moves = matching.Moves()

    def process(self, entries: list[Entry]) -> int:
        self._follow_moves()
        batch = unpack_records([entry.payload for entry in entries])
        feeds = adopt.feeds_for(batch)
        stored = store.write_ticks(batch, feeds, self._shard)
        if len(stored.strangers):
            _set_aside(self._shard, entries[-1].id, stored.strangers)
        # A feed that was given to another shard is judged there, with those it is compared to.
        here = {pk: info for pk, info in feeds.items() if info.shard == int(self._shard)}
        self._record(self._verifier.observe(batch, here, now_us()))
        return len(batch)

    def parts(self, entry: Entry) -> list[bytes]:
        """A commit's ticks are judged together, so an entry of them is one piece."""
        return [entry.payload]

    def idle(self) -> None:
        self._follow_moves()
        self._record(self._verifier.clock(now_us()))

    def show(self) -> None:
        now = time.monotonic()
        if now - self._shown_at >= _PICTURE_EVERY_S:
            self._shown_at = now
            publish(names.LIVE_VERIFY, self._verifier.picture())

    def _follow_moves(self) -> None:
        if self._moves.happened():
            self._verifier.load()

    def _record(self, findings: Findings) -> None:
        for event in recorder.apply(findings):
            publish_event(event)


class EventPipeline:
    """Everything that is not a tick, handed to who registered for it; a person may be waiting."""

    pace_s = 0.0

    def process(self, entries: list[Entry]) -> int:
        events = [event for entry in entries for event in unpack_events(entry.payload)]
        dispatch(events)
        return len(events)

    def parts(self, entry: Entry) -> list[bytes]:
        try:
            return [pack_events([event]) for event in unpack_events(entry.payload)]
        except msgspec.MsgspecError:
            return [entry.payload]

    def idle(self) -> None:
        """No rule of events depends on silence."""

    def show(self) -> None:
        """Handlers publish for themselves."""


def _set_aside(shard: str, entry_id: bytes, strangers: Records) -> None:
    """Ticks that belong to nobody: never seen, but acknowledged, so they are not thrown away."""
    sources = ", ".join(map(str, np.unique(strangers["source"])[:10]))
    reason = f"unknown_source: {len(strangers):,} ticks of sources without a client: {sources}"
    name = f"{entry_id.decode()} unknown_source"
    aside.put(sync_redis(), shard, name, strangers.tobytes(), reason)


def pipeline_of(shard: str) -> Pipeline:
    return EventPipeline() if shard == names.EVENTS_SHARD else TickPipeline(shard)


def tick_shards() -> list[str]:
    return [*map(str, range(settings.FKS.shards))]


def all_shards() -> list[str]:
    return [*tick_shards(), names.EVENTS_SHARD]
