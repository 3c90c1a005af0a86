"""How far a terminal's clock stands from UTC: what fresh ticks say, and what others don't."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_ingest.clocks import REAL_OFFSETS_S
from bridge_ingest.protocol.offset_meter import OffsetMeter, nearest_quarter

HOUR_S = 3600
START_US = 1_795_235_490_000_000
offsets = st.sampled_from(sorted(REAL_OFFSETS_S))


@dataclass
class Clock:
    """A terminal: what its meter sees when it sends a tick a second with this latency."""

    meter: OffsetMeter = field(default_factory=OffsetMeter)
    now_us: int = START_US
    said: list[int | None] = field(default_factory=list)

    def live(self, offset_s: float, latencies_s: Iterable[float], symbol: int = 1) -> None:
        for latency_s in latencies_s:
            self.now_us += 1_000_000
            raw_us = self.now_us + round((offset_s - latency_s) * 1e6)
            self.meter.note(symbol, raw_us, self.now_us)
            self.said.append(self.meter.offset_s)

    def sends_again(self, raw_us: int, seconds: int) -> None:
        """The last quote, once more each second, as polling terminals do over a weekend."""
        for _ in range(seconds):
            self.now_us += 1_000_000
            self.meter.note(1, raw_us, self.now_us)

    @property
    def changes(self) -> list[int | None]:
        """What was said, each once for as long as it was said."""
        return [after for before, after in pairwise([None, *self.said]) if before != after]


@st.composite
def latencies(draw: st.DrawFn, seconds: int = 120) -> list[float]:
    """Some 5 to 900 ms of noise; in at most one of ten seconds a spike of up to ten minutes."""
    seed = draw(st.integers(0, 2**32 - 1))
    dice = np.random.default_rng(seed)
    spiky = np.zeros(seconds, dtype=bool)
    spiky[draw(st.integers(0, 9)) :: 10] = draw(st.booleans())
    noise, spikes = dice.uniform(0.005, 0.9, seconds), dice.uniform(1, 600, seconds)
    return [float(latency_s) for latency_s in np.where(spiky, spikes, noise)]


@settings(deadline=None, max_examples=60)
@given(offsets, latencies())
def test_an_offset_is_measured_through_noise_and_spikes(offset_s: int, noise: list[float]) -> None:
    clock = Clock()
    clock.live(offset_s, noise)
    assert clock.changes == [offset_s]


@settings(deadline=None, max_examples=60)
@given(offsets, st.sampled_from([-HOUR_S, HOUR_S]), latencies())
def test_daylight_saving_is_one_step_seen_within_half_a_minute(
    offset_s: int, step_s: int, noise: list[float]
) -> None:
    clock = Clock()
    clock.live(offset_s, noise)
    clock.live(offset_s + step_s, noise[:30])
    if abs(offset_s + step_s) <= 14 * HOUR_S:
        assert clock.changes == [offset_s, offset_s + step_s]


@settings(deadline=None, max_examples=30)
@given(offsets, st.integers(1, 3 * 24 * HOUR_S), latencies(60))
def test_a_quiet_weekend_changes_nothing(offset_s: int, quiet_s: int, noise: list[float]) -> None:
    clock = Clock()
    clock.live(offset_s, noise)
    last_raw_us = clock.now_us + offset_s * 1_000_000
    clock.now_us += quiet_s * 1_000_000
    clock.sends_again(last_raw_us, 300)
    assert clock.meter.offset_s == offset_s
    clock.live(offset_s, noise)
    assert clock.changes == [offset_s]


def test_a_weekend_before_the_first_tick_says_nothing() -> None:
    clock = Clock()
    clock.sends_again(START_US - 30 * HOUR_S * 1_000_000, 1000)
    assert clock.meter.offset_s is None


def test_symbols_that_are_each_sent_again_say_nothing() -> None:
    """Another symbol's older time between them does not make a quote fresh."""
    clock = Clock()
    for _ in range(2000):
        for symbol in (1, 2, 3):
            clock.now_us += 400_000
            stale_us = START_US - symbol * 900 * 1_000_000
            clock.meter.note(symbol, stale_us, clock.now_us)
    assert clock.meter.offset_s is None


@pytest.mark.parametrize("speed", [2.5, 10.0, 1000.0])
def test_a_buffer_sent_after_an_outage_is_not_taken_for_a_clock(speed: float) -> None:
    """An hour of ticks, sent faster than they came: its delay passes every quarter on the way."""
    clock = Clock()
    clock.live(0, [0.1] * 30)
    raw_us = clock.now_us
    clock.now_us += HOUR_S * 1_000_000
    while raw_us < clock.now_us:
        clock.now_us += 1_000_000
        raw_us += round(speed * 1_000_000)
        clock.meter.note(1, min(raw_us, clock.now_us), clock.now_us)
        assert clock.meter.offset_s == 0


@pytest.mark.parametrize(
    ("off_s", "why"),
    [(127.0, "near no quarter"), (-400.0, "near no quarter"), (14.6 * HOUR_S, "no clock's")],
)
def test_a_clock_that_is_simply_wrong_has_no_offset(off_s: float, why: str) -> None:
    clock = Clock()
    clock.live(off_s, [0.05] * 60)
    assert clock.meter.offset_s is None, why


def test_what_ran_wild_is_not_measured() -> None:
    clock = Clock()
    dice = np.random.default_rng(7)
    clock.live(0, dice.uniform(0, 900, 600).tolist())
    assert clock.meter.offset_s is None


def test_many_ticks_within_a_second_weigh_as_one() -> None:
    meter = OffsetMeter()
    taken = [
        meter.note(1, START_US + 5 * HOUR_S * 1_000_000 + number, START_US + number * 1000)
        for number in range(5000)
    ]
    assert sum(taken) == 5
    assert meter.offset_s is None


def test_our_own_clock_set_back_begins_anew() -> None:
    clock = Clock()
    clock.live(0, [0.1] * 30)
    clock.now_us -= 6 * HOUR_S * 1_000_000
    clock.live(2 * HOUR_S, [0.1] * 9)
    assert clock.meter.offset_s == 0
    clock.live(2 * HOUR_S, [0.1] * 3)
    assert clock.meter.offset_s == 2 * HOUR_S


def test_news_is_told_once_and_again_when_it_was_measured_again_much_later() -> None:
    clock = Clock()
    assert clock.meter.news(300) is None
    clock.live(HOUR_S, [0.1] * 12)
    assert clock.meter.news(300) == (HOUR_S, clock.now_us)
    clock.live(HOUR_S, [0.1] * 200)
    assert clock.meter.news(300) is None
    clock.live(HOUR_S, [0.1] * 200)
    assert clock.meter.news(300) == (HOUR_S, clock.now_us)


def test_what_was_measured_before_a_restart_is_known_and_not_news() -> None:
    meter = OffsetMeter(7200)
    assert (meter.offset_s, meter.news(300)) == (7200, None)


@given(st.floats(-60_000, 60_000))
def test_the_nearest_quarter_is_at_most_half_a_quarter_away(seconds: float) -> None:
    quarter = nearest_quarter(seconds)
    assert quarter % 900 == 0
    assert abs(quarter - seconds) <= 450


def test_every_zone_of_the_world_is_an_offset_that_may_be_proposed() -> None:
    days = [datetime(year, month, 15, tzinfo=UTC) for year in (2024, 2026) for month in (1, 7)]
    zones = [ZoneInfo(name) for name in available_timezones()]
    found = {
        round((day.astimezone(zone).utcoffset() or timedelta()).total_seconds())
        for zone in zones
        for day in days
    }
    assert found - REAL_OFFSETS_S == set()
