"""An episode against an oracle that looks at every single microsecond of a short line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verification.checks.episode import (
    Began,
    Change,
    Closed,
    Ended,
    Episode,
    Level,
    Opened,
    Timing,
)

CLEAN, BETWEEN, OVER, UNKNOWN = Level.CLEAN, Level.BETWEEN, Level.OVER, Level.UNKNOWN
PLAIN = Timing(persistence_us=3, min_ticks=1, clear_us=2, close_us=5, forget_us=20)


@dataclass(frozen=True)
class Stretch:
    """`level` for `lasts` microseconds; ticks at its beginning, as many as `ticks`."""

    level: Level
    lasts: int
    ticks: int = 1


def played(timing: Timing, *stretches: Stretch) -> list[Change]:
    episode, changes, at = Episode(at_us=0), [], 0
    for stretch in stretches:
        ticks = [at] * stretch.ticks
        changes += episode.turn(at, stretch.level, timing, figure=1.0, ticks_us=ticks)
        at += stretch.lasts
    return changes + episode.hold(at, timing)


@dataclass
class Oracle:
    """The same rules, one microsecond at a time."""

    timing: Timing
    open: bool = False
    over: int = 0
    ticks: int = 0
    excursion: int | None = None
    over_since: int = 0
    clean: int = 0
    clean_since: int | None = None
    unknown: int = 0

    def tick(self, at: int, level: Level, count: int) -> list[Change]:
        """A stretch begins."""
        changes: list[Change] = []
        if level is not OVER:
            self.over = self.ticks = 0
        else:
            if self.over == 0 and self.ticks == 0:
                self.over_since = at
            self.ticks += count
            if self.excursion is None:
                self.excursion = at
                changes += [Began(at)] if self.open else []
        if level in (OVER, BETWEEN):
            self.clean, self.clean_since = 0, None
        if level is CLEAN and self.clean_since is None:
            self.clean_since = at
        if level is not UNKNOWN:
            self.unknown = 0
        return changes + self.look(at, level)

    def pass_one(self, at: int, level: Level) -> list[Change]:
        """The microsecond that ends at `at` has passed."""
        self.over += level is OVER
        self.clean += level is CLEAN
        self.unknown += level is UNKNOWN
        return self.look(at, level)

    def look(self, at: int, level: Level) -> list[Change]:
        timing, changes = self.timing, list[Change]()
        lasted = self.over >= timing.persistence_us and self.ticks >= timing.min_ticks
        if level is OVER and lasted and not self.open:
            self.open = True
            changes.append(Opened(at, self.over_since))
        forgotten = level is UNKNOWN and self.unknown >= timing.forget_us
        cleared = level is CLEAN and self.clean >= timing.clear_us
        if self.excursion is not None and (forgotten or cleared):
            ended = at if self.clean_since is None else self.clean_since
            changes.append(Ended(self.excursion, ended, 1.0))
            self.excursion = None
        closed = level is CLEAN and self.clean >= timing.close_us
        if self.open and (forgotten or closed):
            self.open = False
            changes.append(Closed(at, forgotten=forgotten))
        return changes


def looked_at(timing: Timing, *stretches: Stretch) -> list[Change]:
    oracle, changes, at = Oracle(timing), list[Change](), 0
    for stretch in stretches:
        changes += oracle.tick(at, stretch.level, stretch.ticks)
        for _ in range(stretch.lasts):
            at += 1
            changes += oracle.pass_one(at, stretch.level)
    return changes


stretches = st.builds(Stretch, st.sampled_from(Level), st.integers(0, 12), st.integers(1, 3))
timings = st.builds(
    lambda persistence, ticks, clear, close, forget: Timing(
        persistence, ticks, clear, clear + close, forget
    ),
    *(st.integers(0, 6), st.integers(1, 4), st.integers(0, 5), st.integers(0, 6)),
    st.integers(1, 15),
)


@settings(deadline=None)
@given(timings, st.lists(stretches, max_size=14))
def test_an_episode_says_what_looking_at_each_microsecond_says(
    timing: Timing, line: list[Stretch]
) -> None:
    assert played(timing, *line) == looked_at(timing, *line)


@settings(deadline=None)
@given(timings, st.lists(stretches, min_size=1, max_size=10), st.data())
def test_holding_in_between_changes_nothing(
    timing: Timing, line: list[Stretch], data: st.DataObject
) -> None:
    episode, changes, at = Episode(at_us=0), list[Change](), 0
    for stretch in line:
        changes += episode.turn(
            at, stretch.level, timing, figure=1.0, ticks_us=[at] * stretch.ticks
        )
        for pause in sorted(data.draw(st.lists(st.integers(0, stretch.lasts), max_size=3))):
            changes += episode.hold(at + pause, timing)
            episode = Episode.from_dict(episode.as_dict())
        at += stretch.lasts
    assert changes + episode.hold(at, timing) == played(timing, *line)


def test_an_alert_opens_when_the_condition_has_lasted_and_not_before() -> None:
    assert played(PLAIN, Stretch(OVER, 2), Stretch(CLEAN, 1)) == []
    assert played(PLAIN, Stretch(OVER, 3), Stretch(CLEAN, 1)) == [Opened(3, 0)]


def test_a_moment_below_the_threshold_starts_the_count_again() -> None:
    line = (Stretch(OVER, 2), Stretch(BETWEEN, 1), Stretch(OVER, 4))
    assert played(PLAIN, *line) == [Opened(6, 3)]


def test_it_waits_for_enough_ticks() -> None:
    timing = Timing(persistence_us=3, min_ticks=3, clear_us=2, close_us=5, forget_us=20)
    assert played(timing, Stretch(OVER, 9, ticks=2)) == []
    assert played(timing, Stretch(OVER, 6, ticks=2), Stretch(OVER, 4)) == [Opened(6, 0)]


def test_flapping_is_counted_in_one_alert() -> None:
    line = (Stretch(OVER, 4), Stretch(CLEAN, 3), Stretch(OVER, 1), Stretch(CLEAN, 6))
    assert played(PLAIN, *line) == [
        Opened(3, 0),
        Ended(0, 4, 1.0),
        Began(7),
        Ended(7, 8, 1.0),
        Closed(13, forgotten=False),
    ]


def test_hovering_between_the_thresholds_keeps_it_open() -> None:
    assert played(PLAIN, Stretch(OVER, 4), Stretch(BETWEEN, 100)) == [Opened(3, 0)]


def test_not_knowing_neither_clears_nor_keeps_clearing() -> None:
    line = (Stretch(OVER, 4), Stretch(CLEAN, 4), Stretch(UNKNOWN, 10), Stretch(CLEAN, 1))
    assert played(PLAIN, *line)[-1] == Closed(19, forgotten=False)


def test_it_closes_when_nothing_has_been_known_for_long() -> None:
    changes = played(PLAIN, Stretch(OVER, 4), Stretch(UNKNOWN, 30))
    assert changes[-1] == Closed(24, forgotten=True)


def test_the_longest_stretch_is_measured_from_tick_to_tick() -> None:
    episode = Episode(at_us=0)
    episode.turn(0, OVER, PLAIN, figure=1.0, ticks_us=[0, 4_000_000])
    episode.turn(6_000_000, UNKNOWN, PLAIN)
    episode.turn(7_000_000, OVER, PLAIN, figure=1.0, ticks_us=[7_000_000])
    assert episode.longest_seen_us == 7_000_000


@pytest.mark.parametrize("figures", [(1.5, -2.5, 2.0), (-2.5, 1.0, 2.4)])
def test_the_worst_figure_keeps_its_side(figures: tuple[float, ...]) -> None:
    episode = Episode(at_us=0)
    for at, figure in enumerate(figures):
        episode.turn(at, OVER, PLAIN, figure=figure, ticks_us=[at])
    assert episode.worst == -2.5
