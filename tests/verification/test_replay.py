"""Feeds of a replay that arrive at unequal speed are judged side by side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_ingest.journal.layout import RECORD, Records
from tests.verification.feeds import records
from verification import replay
from verification.replay import Alignment, Release

START_US = 1_400_000_000_000_000
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
WALL_US = 1_800_000_000_000_000


def one_feed(number: int, offsets_ms: list[int], start_us: int = START_US) -> Records:
    """Ticks of a feed at these milliseconds after the start."""
    moments = start_us + 1_000 * np.array(sorted(offsets_ms), dtype=np.int64)
    return records(moments, [1.1] * len(moments), [1.1] * len(moments), source=number)


def tick_numbers(releases: list[Release]) -> list[tuple[int, int, int]]:
    """(received, feed, number) in order of release."""
    columns = ("received_us", "source", "seq")
    return [tuple(row[name].item() for name in columns) for r in releases for row in r.records]


def in_order(*feeds: Records) -> list[tuple[int, int, int]]:
    columns = ("received_us", "source", "seq")
    return sorted(tuple(row[name].item() for name in columns) for f in feeds for row in f)


class Stage:
    """An alignment, a wall clock, and all that was let through."""

    def __init__(self) -> None:
        self.alignment = Alignment()
        self.wall_us = WALL_US
        self.releases: list[Release] = []

    def deliver(self, ticks: Records, passed_us: int = 1_000) -> list[Release]:
        self.wall_us += passed_us
        self.alignment.accept(ticks, self.wall_us)
        return self.look()

    def wait(self, passed_us: int = replay.HOLD_US) -> list[Release]:
        self.wall_us += passed_us
        return self.look()

    def look(self) -> list[Release]:
        new = list(self.alignment.release(self.wall_us))
        self.releases += new
        return new

    def crash(self, stored: Records) -> None:
        """Start again from the state and from what is stored, as a new process does."""
        state, frontier_us = self.alignment.state(), self.alignment.frontier_us
        self.alignment = Alignment.restored(state, frontier_us)
        for feed, held in Alignment.missing(state):
            mine = (stored["source"] == feed) & (stored["stream"] == held.stream)
            mine &= (stored["seq"] >= held.first) & (stored["seq"] <= held.last)
            mine &= (stored["event_us"] >= held.earliest_us) & (
                stored["event_us"] <= held.latest_us
            )
            self.alignment.take_back(stored[mine])


offsets = st.lists(st.integers(0, 30_000), min_size=1, max_size=40)
ORDER = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 12), st.booleans()), max_size=60)


def play(stage: Stage, feeds: list[Records], order: list[tuple[int, int, bool]]) -> None:
    """Deliver pieces of the feeds in that order, crashing where told; then what is left."""
    stored = np.concatenate(feeds)
    left = list(feeds)
    for number, size, crash in order:
        feed = number % len(left)
        piece, left[feed] = left[feed][:size], left[feed][size:]
        if len(piece):
            stage.deliver(piece)
        if crash:
            stage.crash(stored)
    for rest in left:
        if len(rest):
            stage.deliver(rest)
    stage.look()  # after a crash, waiting counts from the first look
    stage.wait()


@settings(max_examples=200, deadline=None)
@given(st.lists(offsets, min_size=1, max_size=3), ORDER)
def test_any_speeds_and_crashes_give_the_same_order(
    moments: list[list[int]], order: list[tuple[int, int, bool]]
) -> None:
    feeds = [one_feed(number, each) for number, each in enumerate(moments, 1)]
    stage = Stage()
    play(stage, feeds, order)
    assert tick_numbers(stage.releases) == in_order(*feeds)
    ends = [release.until_us for release in stage.releases]
    assert ends == sorted(ends)
    for before, after in zip(stage.releases, stage.releases[1:], strict=False):
        assert not len(after.records) or after.records["received_us"][0] >= before.until_us
    assert stage.alignment.held == stage.alignment.skipped == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(offsets, min_size=2, max_size=3), ORDER)
def test_two_days_one_after_the_other_are_two_recordings(
    moments: list[list[int]], order: list[tuple[int, int, bool]]
) -> None:
    days = [
        [one_feed(number, each, START_US + day * DAY_US) for number, each in enumerate(moments, 1)]
        for day in (0, 5)
    ]
    feeds = []
    for first, second in zip(*days, strict=True):
        second["seq"] += len(first)
        feeds.append(np.concatenate([first, second]))
    stage = Stage()
    play(stage, feeds, order)
    stage.wait()
    stage.wait()
    assert tick_numbers(stage.releases) == in_order(*feeds)
    assert [release.new_recording for release in stage.releases].count(True) == 1


def test_nothing_is_let_through_before_the_others_may_have_come() -> None:
    stage = Stage()
    assert stage.deliver(one_feed(1, [0, 1_000])) == []
    (release,) = stage.wait()
    assert len(release.records) == 2


def test_the_slowest_sender_sets_the_pace() -> None:
    stage = Stage()
    stage.deliver(one_feed(1, [0, 10_000]))
    stage.deliver(one_feed(2, [0, 4_000]))
    stage.wait(2_000_000)
    stage.deliver(one_feed(1, [20_000]))
    (release,) = stage.deliver(one_feed(2, [5_000]), 1_500_000)
    assert release.until_us == START_US + 5_000_000
    assert tick_numbers([release]) == in_order(one_feed(1, [0]), one_feed(2, [0, 4_000]))


def test_a_sender_with_nothing_more_to_come_holds_nobody_back() -> None:
    stage = Stage()
    stage.deliver(one_feed(2, [0, 4_000]))
    stage.deliver(one_feed(1, [0, 10_000]))
    stage.wait(2_999_000)
    assert stage.alignment.held > 0
    for later in (12_000, 14_000):
        stage.deliver(one_feed(1, [later]), 100_000)
    assert stage.alignment.frontier_us >= START_US + 12_000_000


def test_ticks_that_the_frontier_has_passed_are_left_out_and_counted() -> None:
    stage = Stage()
    stage.deliver(one_feed(1, [0, 10_000]))
    stage.wait()
    stage.deliver(one_feed(1, [10_500]))
    stage.deliver(one_feed(2, [3_000, 9_400, 9_600, 25_000]))
    stage.wait()
    assert stage.alignment.skipped == 2
    moments = [row[0] - START_US for row in tick_numbers(stage.releases)]
    assert moments == [0, 10_000_000, 9_600_000, 10_500_000, 25_000_000]


def test_the_same_day_again_is_a_new_recording() -> None:
    stage = Stage()
    day = one_feed(1, [0, 1_000, 2_000])
    stage.deliver(day)
    stage.wait()
    again = day.copy()
    again["seq"] += 3
    stage.deliver(again)
    stage.wait()
    assert [release.new_recording for release in stage.releases] == [False, True, False]
    assert tick_numbers(stage.releases) == [*in_order(day), *in_order(again)]


def test_a_feed_that_comes_when_all_others_are_done_starts_its_own_recording() -> None:
    stage = Stage()
    stage.deliver(one_feed(1, [0, 10_000_000]))
    stage.wait()
    stage.wait()
    stage.deliver(one_feed(2, [0, 5_000]))
    stage.wait()
    assert stage.releases[-1].new_recording
    assert len(stage.releases[-1].records) == 2


def test_small_steps_back_are_evened_out() -> None:
    ticks = one_feed(1, [0, 500, 900])
    ticks["received_us"][2] -= 700_000
    stage = Stage()
    stage.deliver(ticks)
    stage.wait()
    assert [row[0] - START_US for row in tick_numbers(stage.releases)] == [0, 500_000, 500_000]
    assert not stage.releases[0].new_recording


def test_memory_is_bounded_whoever_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MOST_HELD", 100)
    stage = Stage()
    stage.deliver(one_feed(2, [0, 1]))
    fast = one_feed(1, list(range(0, 50_000, 100)))
    for start in range(0, 500, 20):
        stage.deliver(fast[start : start + 20])
        stage.deliver(one_feed(2, [2]))
        assert stage.alignment.held <= 120
    stage.wait()
    released = np.concatenate([r.records for r in stage.releases] or [np.zeros(0, RECORD)])
    assert (released["source"] == 1).sum() == 500


def test_the_next_days_feeds_wait_for_each_other_too() -> None:
    """Other clients replay another day: the first to speak must not run ahead of the second."""
    stage = Stage()
    stage.deliver(one_feed(1, [0, 1_000]))
    stage.wait()
    stage.wait()
    early = one_feed(2, [0, 10_000], START_US + DAY_US)
    late = one_feed(3, [5_000, 11_000], START_US + DAY_US)
    stage.deliver(early)
    stage.deliver(late)
    stage.wait()
    assert stage.releases[1].new_recording
    assert tick_numbers(stage.releases[1:]) == in_order(early, late)
    assert stage.alignment.skipped == 0


def test_the_next_hours_of_the_same_feeds_wait_for_each_other_too() -> None:
    stage = Stage()
    first, second = one_feed(1, [0, 1_000]), one_feed(2, [0, 1_000])
    stage.deliver(first)
    stage.deliver(second)
    stage.wait()
    stage.wait()
    later = one_feed(1, [3_600_000, 3_700_000]), one_feed(2, [3_650_000, 3_800_000])
    stage.deliver(later[0])
    stage.deliver(later[1])
    stage.wait()
    assert tick_numbers(stage.releases) == in_order(first, second, *later)
    assert stage.alignment.skipped == 0
    assert not any(release.new_recording for release in stage.releases)
