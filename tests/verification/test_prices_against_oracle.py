"""The vectorised engine against an oracle that takes one tick at a time."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_ingest.journal.layout import Records
from tests.verification.feeds import records
from tests.verification.quiet import Bench, feed, rules
from verification.checks.episode import Change, Episode, Level, Timing

START_US = 1_700_000_000_000_000
BEAT_US = 100_000
PARAMETERS = {
    "threshold_pips": 1.0,
    "persistence_s": 0.6,
    "min_ticks": 2,
    "max_age_s": 1.0,
    "clear_after_s": 0.4,
    "close_after_s": 0.9,
    "forget_after_s": 3.0,
}
TIMING = Timing(600_000, 2, 400_000, 900_000, 3_000_000)
MAX_AGE_US = 1_000_000
PIP = 0.0001


@dataclass(frozen=True)
class Tick:
    at_us: int
    feed: int
    mid: float


@dataclass
class Oracle:
    """One instrument, feeds numbered from 1, judged row by row."""

    quotes: dict[int, Tick] = field(default_factory=dict)
    episodes: dict[int, Episode] = field(default_factory=dict)
    agreed: float | None = None
    changes: list[tuple[int, Change]] = field(default_factory=list)
    points: dict[tuple[int, int], float] = field(default_factory=dict)
    at_us: int = START_US

    def run(self, ticks: list[Tick]) -> None:
        for tick in ticks:
            self.pass_to(tick.at_us)
            self.quotes[tick.feed] = tick
            self.judge(tick.at_us, tick.feed)

    def pass_to(self, until_us: int) -> None:
        """Quotes that grow too old before then change the picture at that moment."""
        ends = sorted(tick.at_us + MAX_AGE_US for tick in self.quotes.values())
        for end_us in ends:
            if self.at_us < end_us < until_us:
                self.note_seconds(end_us)
                self.judge(end_us, None)
        self.note_seconds(until_us)

    def note_seconds(self, until_us: int) -> None:
        """Grid points of [at_us, until_us), through which nothing changes."""
        first = -(-self.at_us // 1_000_000) * 1_000_000
        for second_us in range(first, until_us, 1_000_000):
            for number, off in self.deviations(second_us).items():
                self.points[number, second_us // 1_000_000] = off
        self.at_us = until_us

    def fresh(self, at_us: int) -> dict[int, float]:
        quotes = self.quotes.items()
        return {n: t.mid for n, t in quotes if at_us - t.at_us < MAX_AGE_US}

    def deviations(self, at_us: int) -> dict[int, float]:
        fresh = self.fresh(at_us)
        if len(fresh) < 2:
            return {}
        if len(fresh) == 2:
            return {n: mid - next(fresh[o] for o in fresh if o != n) for n, mid in fresh.items()}
        middle = statistics.median(fresh.values())
        return {n: mid - middle for n, mid in fresh.items()}

    def judge(self, at_us: int, ticked: int | None) -> None:
        self.hold(at_us)
        pips = {number: off / PIP for number, off in self.deviations(at_us).items()}
        fresh = self.fresh(at_us)
        width = max(fresh.values(), default=0) - min(fresh.values(), default=0)
        if ticked and len(fresh) >= 2 and width <= PIP / 2:
            self.agreed = min(fresh.values()) + width / 2
        over = sorted(number for number, off in pips.items() if abs(off) > 1 + 1e-6)
        suspects = over
        if over and len(fresh) == 2:
            suspects = [self.suspect(over, fresh, ticked)]
        for number in sorted({*self.episodes, *suspects}):
            level = self.level(pips.get(number), number, over, suspects)
            episode = self.episodes.setdefault(number, Episode(at_us=at_us))
            ticks = [at_us] if ticked in fresh and level is Level.OVER else []
            figure = pips.get(number, 0.0)
            self.note(number, episode.turn(at_us, level, TIMING, figure=figure, ticks_us=ticks))

    @staticmethod
    def level(off: float | None, number: int, over: list[int], suspects: list[int]) -> Level:
        if off is None or (number in over and number not in suspects):
            return Level.UNKNOWN
        if number in over:
            return Level.OVER
        return Level.CLEAN if abs(off) < 0.7 else Level.BETWEEN

    def suspect(self, pair: list[int], fresh: dict[int, float], ticked: int | None) -> int:
        since = {n: self.episodes[n].excursion_since_us for n in pair if n in self.episodes}
        running = [(moment, n) for n, moment in since.items() if moment is not None]
        if running:
            return min(running)[1]
        if self.agreed is not None:
            away = {n: abs(fresh[n] - self.agreed) for n in pair}
            if away[pair[0]] != away[pair[1]]:
                return max(pair, key=lambda n: away[n])
        return ticked if ticked in pair else max(pair)

    def note(self, number: int, changes: list[Change]) -> None:
        self.changes += [(number, change) for change in changes]
        if self.episodes[number].idle:
            del self.episodes[number]

    def hold(self, until_us: int) -> None:
        for number, episode in sorted(self.episodes.items()):
            self.note(number, episode.hold(until_us, TIMING))

    def finish(self, until_us: int) -> None:
        self.pass_to(until_us)
        self.hold(until_us)


steps = st.tuples(st.integers(0, 14), st.integers(1, 4), st.sampled_from([0, 3, 8, 9, 16, 30, -20]))


def ticks_of(line: list[tuple[int, int, int]], feeds: int) -> list[Tick]:
    at_us, ticks = START_US + 1, []
    for beats, number, points in line:
        at_us += beats * BEAT_US
        ticks.append(Tick(at_us, (number - 1) % feeds + 1, 1.1 + points * PIP / 10))
    return ticks


def batches(ticks: list[Tick], cuts: list[int]) -> Iterator[Records]:
    rows = records([t.at_us for t in ticks], [t.mid for t in ticks], [t.mid for t in ticks])
    rows["source"] = [t.feed for t in ticks]
    for part in np.split(rows, sorted(cut for cut in cuts if cut < len(rows))):
        if len(part):
            yield part


@settings(max_examples=300, deadline=None)
@given(
    st.integers(2, 4),
    st.lists(steps, min_size=1, max_size=60),
    st.lists(st.integers(1, 60), max_size=4, unique=True),
)
def test_any_ticks_in_any_batches_are_judged_as_one_tick_at_a_time(
    feeds: int, line: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    ticks = ticks_of(line, feeds)
    end_us = ticks[-1].at_us + 7_000_000
    oracle = Oracle()
    oracle.run(ticks)
    oracle.finish(end_us)
    bench = Bench([feed(n) for n in range(1, feeds + 1)], rules(deviation=PARAMETERS))
    for batch in batches(ticks, cuts):
        bench.take(batch)
    bench.wait(end_us)
    by_feed = {
        number: [change for _, feed_id, change in bench.changes if feed_id == number]
        for number in range(1, feeds + 1)
    }
    assert by_feed == {
        number: [change for owner, change in oracle.changes if owner == number]
        for number in range(1, feeds + 1)
    }
    assert points_of(bench) == oracle.points


def points_of(bench: Bench) -> dict[tuple[int, int], float]:
    return {
        (int(number), int(second)): float(off)
        for part in bench.points
        for number, second, off in zip(part.feed_id, part.second, part.deviation, strict=True)
    }
