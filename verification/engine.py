"""One shard's verifier: what the worker calls with each batch, and whenever nothing has come.

What it holds in memory follows from rows: `load` builds it anew at any time, and what it finds is
recorded in the transaction that stores the ticks, so every finding is made exactly once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bridge_ingest.clock import now_us as wall_us
from bridge_ingest.journal.layout import BACKFILL, RECORD, REPLAY, Records
from market.feeds import FeedInfo
from market.store import is_of
from verification import gaps, memory, moved, signatures
from verification.board import NEVER_US
from verification.findings import Finding, Findings, Frontier, Points
from verification.judge import Judge
from verification.parameters import SECOND_US, RuleBook, Setting
from verification.picture import Picture
from verification.replay import Alignment, Release

SETTLE_US = 250_000
"""So far behind our clock silence is judged: a tick received just now may still be on its way."""
EVERY_US = SECOND_US
"""How often the rules that depend on time alone are looked at."""
REFRESH_US = 5 * SECOND_US
"""How often the rules' parameters and the alerts closed by hand are looked up."""
SET_BACK_US = 60 * SECOND_US
"""Our own clock may be set back by so much before live feeds start afresh."""
LAG_US = 5 * SECOND_US
"""While only recorded data comes, live ticks may be so far behind in the journal."""
PIECE = 50_000
"""Replayed ticks judged at once."""
_NONE: Records = np.zeros(0, RECORD)


class Verifier:
    """`load` first; then `observe` or `clock`, each inside the caller's transaction."""

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self._empty()

    def _empty(self, settings: tuple[Setting, ...] = ()) -> None:
        self._settings = settings
        self._live = Judge(self.shard, RuleBook(settings), replayed=False)
        self._replay = Judge(self.shard, RuleBook(settings), replayed=True)
        self._picture = Picture(self._live, self._replay)
        self._alignments: dict[int, Alignment] = {}
        self._touched: set[int] = set()  # instruments whose replay has moved
        self._infos: dict[int, FeedInfo] = {}
        self._gaps: list[Finding] = []
        self._saved = self._live.signature(), self._replay.signature()
        self._settled_us = NEVER_US
        self._refreshed_us = NEVER_US

    def load(self) -> None:
        """Forget everything and go on from what PostgreSQL holds."""
        self._empty(memory.settings())
        feeds = memory.feeds_of(self.shard)
        remembered = memory.recall(self.shard)
        quotes = memory.live_quotes(self.shard)
        self._live.seat(feeds[quote.feed_id] for quote in quotes if quote.feed_id in feeds)
        self._live.recall(remembered.get("live", {}))
        self._live.restore(quotes, max((quote.received_us for quote in quotes), default=NEVER_US))
        replays = memory.replays(self.shard)
        self._replay.seat(
            feeds[feed_id]
            for replay in replays
            for feed_id in replay.alignment.feeds
            if feed_id in feeds
        )
        self._replay.recall(remembered.get("replay", {}))
        for replay in replays:
            self._alignments[replay.instrument_id] = replay.alignment
            self._replay.restore(replay.quotes, replay.alignment.frontier_us)
        self._saved = self._live.signature(), self._replay.signature()

    def observe(self, batch: Records, feeds: Mapping[int, FeedInfo], now_us: int) -> Findings:
        """Judge a batch of this shard, in order of arrival. Sources that are not in `feeds`, and
        history that the bridge asked for, are not judged."""
        self._note_feeds(feeds)
        self._refresh(now_us)
        live, replayed = _parted(batch, feeds)
        points = [self._observe_live(live, feeds, now_us)]
        self._accept(replayed, feeds, now_us)
        return self._findings(points, now_us)

    def clock(self, now_us: int) -> Findings:
        """Nothing has come: judge what follows from time alone."""
        self._refresh(now_us)
        return self._findings([self._judge_live(_NONE, now_us - SETTLE_US)], now_us)

    def picture(self) -> dict[str, Any]:
        """The payload of `fks:live:verify`: every feed and instrument of the shard as it stands."""
        return self._picture.payload(wall_us())

    def _note_feeds(self, feeds: Mapping[int, FeedInfo]) -> None:
        """Take over what an operator has changed about feeds that have a place here."""
        changed = [info for number, info in feeds.items() if self._infos.get(number) is not info]
        if not changed:
            return
        if any(judge.has_moved(info) for judge in (self._live, self._replay) for info in changed):
            self.load()  # a feed was given another instrument: everything is laid out anew
        for judge in (self._live, self._replay):
            judge.seat(info for info in changed if info.feed_id in judge.roster.seats)
        self._infos |= {info.feed_id: info for info in changed}

    @staticmethod
    def _seat(judge: Judge, sources: list[int], feeds: Mapping[int, FeedInfo]) -> None:
        new = [feeds[source] for source in sources if source not in judge.roster.seats]
        if new:
            judge.seat(new)

    # Live feeds: one clock for all, that of the last tick received.

    def _observe_live(self, records: Records, feeds: Mapping[int, FeedInfo], now_us: int) -> Points:
        if not len(records):  # only recorded data came; live ticks may still wait behind it
            return self._judge_live(records, now_us - LAG_US)
        self._seat(self._live, _sources(records), feeds)
        received_us = records["received_us"]
        if (np.diff(received_us) < 0).any():
            records = records[np.argsort(received_us, kind="stable")]
        return self._judge_live(records, int(records["received_us"][-1]))

    def _judge_live(self, records: Records, until_us: int) -> Points:
        board = self._live.board
        groups = np.arange(board.groups, dtype=np.int32)
        if not len(groups):
            return Points.join([])
        clock_us = int(board.clock_us.max())
        if len(records) and until_us < clock_us - SET_BACK_US:
            self._live.restart(groups.tolist(), "The bridge's own clock was set back.")
            clock_us = NEVER_US
        until = np.full(len(groups), max(until_us, clock_us), dtype=np.int64)
        return self._live.judge(records, groups, until)

    # Replays: each instrument on a clock of its own.

    def _accept(self, records: Records, feeds: Mapping[int, FeedInfo], now_us: int) -> None:
        if not len(records):
            return
        sources = _sources(records)
        self._seat(self._replay, sources, feeds)
        instrument = np.array([feeds[source].instrument_id for source in sources])
        of_record = instrument[np.searchsorted(sources, records["source"])]
        for instrument_id in np.unique(instrument).tolist():
            alignment = self._alignments.setdefault(instrument_id, Alignment())
            alignment.accept(records[of_record == instrument_id], now_us)
            self._touched.add(instrument_id)

    def _release(self, now_us: int) -> list[Points]:
        points = []
        for instrument_id, alignment in self._alignments.items():
            group = self._replay.roster.group_of_instrument[instrument_id]
            for release in alignment.release(now_us):
                self._touched.add(instrument_id)
                if release.new_recording:
                    self._replay.restart([group], "Another recording began.")
                points += self._judge_release(group, release)
        return points

    def _judge_release(self, group: int, release: Release) -> list[Points]:
        groups = np.array([group], dtype=np.int32)
        points = []
        for start in range(0, max(1, len(release.records)), PIECE):
            piece = release.records[start : start + PIECE]
            last = start + PIECE >= len(release.records)
            until_us = release.until_us if last else int(piece["received_us"][-1])
            points.append(self._replay.judge(piece, groups, np.array([until_us])))
        self._replay.settle(groups)
        return points

    # What comes out.

    def _findings(self, points: list[Points], now_us: int) -> Findings:
        points = points + self._release(now_us)
        self._settle_live(now_us)
        findings = Findings(self.shard, Points.join(points))
        findings.changes = [*self._gaps, *self._live.cases.take(), *self._replay.cases.take()]
        self._gaps = []
        findings.frontiers = [self._frontier(number) for number in sorted(self._touched)]
        self._touched.clear()
        signature = self._live.signature(), self._replay.signature()
        if signature != self._saved:
            self._saved = signature
            findings.memory = {"live": self._live.remember(), "replay": self._replay.remember()}
        return findings

    def _settle_live(self, now_us: int) -> None:
        """Once a second of our clock (or at once, when it was set back)."""
        if 0 <= now_us - self._settled_us < EVERY_US:
            return
        self._settled_us = now_us
        board = self._live.board
        if board.groups:
            self._live.settle(np.arange(board.groups, dtype=np.int32))
            self._live.silence.judge_live(int(board.clock_us.max()), memory.connections)

    def _refresh(self, now_us: int) -> None:
        """Rules that an operator has changed, and alerts that one has resolved."""
        if 0 <= now_us - self._refreshed_us < REFRESH_US:
            return
        self._refreshed_us = now_us
        moved.close_alerts(self.shard)
        settings = memory.settings()
        for judge in (self._live, self._replay):
            if settings != self._settings:
                judge.apply(RuleBook(settings))
            judge.reconcile(memory.open_fingerprints)
        self._settings = settings
        if self.shard == 0:  # gaps belong to no shard, so one looks after them for all
            rules = RuleBook(settings)
            self._gaps = gaps.closings(now_us, rules) + signatures.closings(now_us, rules)

    def _frontier(self, instrument_id: int) -> Frontier:
        alignment = self._alignments[instrument_id]
        group = self._replay.roster.group_of_instrument[instrument_id]
        state = alignment.state() | {"quotes": self._replay.quotes(group)}
        return Frontier(instrument_id, alignment.frontier_us, state)


def _parted(batch: Records, feeds: Mapping[int, FeedInfo]) -> tuple[Records, Records]:
    """The live and the replayed ticks of a batch that are judged at all; mostly all are live."""
    flags = batch["flags"]
    judged = is_of(feeds, batch) & ((flags & BACKFILL) == 0)
    replayed = (flags & REPLAY) != 0
    if judged.all() and not replayed.any():
        return batch, _NONE
    return batch[judged & ~replayed], batch[judged & replayed]


def _sources(records: Records) -> list[int]:
    """Ascending. Ids are small, so counting them beats sorting."""
    present: list[int] = np.flatnonzero(np.bincount(records["source"])).tolist()
    return present
