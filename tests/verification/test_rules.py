"""Clock, latency, crossed quotes and silence on one judge, without a database."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge_ingest.journal.layout import Records
from tests.verification.feeds import HOUR_US, records
from tests.verification.quiet import Bench, feed
from verification.checks.clock import nearest_shift, read_clock
from verification.checks.episode import Level, Opened
from verification.checks.mute import Connection, Silence, judge
from verification.findings import Finding
from verification.parameters import ClockParameters, MuteParameters, RuleBook, Setting

START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US


def steady(
    number: int,
    seconds: int,
    *,
    start_us: int = START_US,
    step_us: int = 500_000,
    mid: float = 1.1,
    spread: float = 0.0001,
    delay_us: Any = 20_000,
) -> Records:
    """Ticks of a feed at a steady pace."""
    moments = np.arange(start_us, start_us + seconds * SECOND_US, step_us)
    bid, ask = (np.full(len(moments), mid + half * spread) for half in (-0.5, 0.5))
    return records(moments, bid, ask, delay_us=delay_us, flags=0, source=number)


def together(*feeds: Records) -> Records:
    rows = np.concatenate(feeds)
    return rows[np.argsort(rows["received_us"], kind="stable")]


def of_rule(bench: Bench, rule: str) -> list[Finding]:
    return [each for each in bench.opened if each.subject.rule == rule]


# Clock and latency.


@pytest.mark.parametrize(
    ("delay_s", "shift_s"),
    [(0.2, 0), (-3600.1, -3600), (18_000.3, 18_000), (5.5 * 3600, 5.5 * 3600), (449, 0), (1700, 0)],
)
def test_only_whole_quarters_of_an_hour_are_a_shift(delay_s: float, shift_s: float) -> None:
    reading = read_clock([round(delay_s * SECOND_US)] * 20, ClockParameters())
    assert reading is not None
    assert reading.shift_us == shift_s * SECOND_US
    assert reading.wrong is (shift_s != 0)


def test_a_clock_is_not_judged_on_few_delays_or_unsteady_ones() -> None:
    assert read_clock([5 * HOUR_US] * 9, ClockParameters()) is None
    draining = [(1_000 - 10 * step) * SECOND_US for step in range(20)]  # a buffer being emptied
    assert read_clock(draining, ClockParameters()) is None


def test_a_receiver_behind_the_sender_by_a_second_is_no_fault() -> None:
    """Recorded from an exchange: every message arrives 1.2 s from the future."""
    reading = read_clock([-1_270_000] * 30, ClockParameters())
    assert reading is not None
    assert not reading.wrong


def test_the_nearest_shift_is_the_nearest_quarter_of_an_hour() -> None:
    assert [nearest_shift(m * MINUTE_US) // MINUTE_US for m in (7, 8, -8, 52, 53)] == [
        0, 15, -15, 45, 60,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("delay_us", "title"),
    [
        (-2 * HOUR_US, "The clock of BROKER1 is 2 h ahead"),
        (5 * HOUR_US + 30_000, "The clock of BROKER1 is 5 h behind"),
        (-(HOUR_US // 2), "The clock of BROKER1 is 30 min ahead"),
        (-7 * SECOND_US, "The clock of BROKER1 is 7.0 s ahead"),
    ],
)
def test_a_wrong_clock_is_one_clock_alert(delay_us: int, title: str) -> None:
    bench = Bench([feed(1), feed(2)])
    bench.take(together(steady(1, 60, delay_us=delay_us), steady(2, 60)))
    assert [finding.title for finding in bench.opened] == [title]


def test_quotes_under_a_wrong_clock_are_compared_all_the_same() -> None:
    bench = Bench([feed(1), feed(2)])
    bench.take(together(steady(1, 60, delay_us=5 * HOUR_US), steady(2, 60)))
    compared = np.concatenate([part.second for part in bench.points])
    assert len(np.unique(compared)) >= 45  # all but the seconds before the clock was known


def test_a_clock_put_right_closes_its_alert() -> None:
    bench = Bench([feed(1)])
    bench.take(steady(1, 90, delay_us=HOUR_US))
    bench.take(steady(1, 240, start_us=START_US + 90 * SECOND_US))
    assert len(of_rule(bench, "clock")) == 1
    assert [each.subject.rule for each in bench.closed] == ["clock"]
    assert bench.closed[0].title == "The clock of BROKER1 was up to 1 h behind"


def test_late_ticks_are_late_and_not_compared() -> None:
    bench = Bench([feed(1), feed(2)])
    bench.take(together(steady(1, 120, delay_us=8 * SECOND_US, mid=1.2), steady(2, 120)))
    (alert,) = bench.opened
    assert (alert.subject.rule, alert.title) == ("latency", "Ticks of BROKER1 arrive 8.0 s late")
    assert sum(len(part) for part in bench.points) == 0


def test_latency_is_judged_after_the_clock_is_taken_off() -> None:
    bench = Bench([feed(1)])
    bench.take(steady(1, 120, delay_us=2 * HOUR_US + 4 * SECOND_US))
    assert sorted(each.subject.rule for each in bench.opened) == ["clock", "latency"]
    (late,) = of_rule(bench, "latency")
    assert late.value == pytest.approx(4.0)


def test_latency_that_goes_away_closes_its_alert() -> None:
    bench = Bench([feed(1)])
    bench.take(steady(1, 120, delay_us=4 * SECOND_US))
    bench.take(steady(1, 240, start_us=START_US + 120 * SECOND_US))
    assert [each.subject.rule for each in bench.closed] == ["latency"]


def test_a_buffer_sent_after_an_outage_is_neither_clock_nor_price() -> None:
    """Twenty minutes of ticks in one burst; some are old by exactly a quarter of an hour."""
    bench = Bench([feed(1), feed(2)])
    bench.take(together(steady(1, 60), steady(2, 60)))
    back_us = START_US + 1_260 * SECOND_US
    events = np.arange(START_US + 60 * SECOND_US, back_us, 500_000)
    buffered = records(
        back_us + np.arange(len(events)) * 100,
        np.full(len(events), 1.2),
        np.full(len(events), 1.2),
        delay_us=back_us + np.arange(len(events)) * 100 - events,
        flags=0,
        source=1,
    )
    other = steady(2, 1_290, start_us=START_US + 60 * SECOND_US)
    after = steady(1, 90, start_us=back_us + SECOND_US)
    bench.take(together(buffered, other, after))
    assert bench.opened == []


def test_a_clients_silence_ends_what_was_known_of_its_clock() -> None:
    bench = Bench([feed(1)])
    bench.take(steady(1, 60, delay_us=HOUR_US))
    bench.wait(START_US + 3_600 * SECOND_US)
    assert [each.reason for each in bench.closed] == ["Nothing to judge by for 600 s."]


# Crossed quotes.


def crossing(number: int, seconds: int, share: float, **more: Any) -> Records:
    ticks = steady(number, seconds, **more)
    wide = np.arange(len(ticks)) % 100 < share * 100
    ticks["bid"][wide] = ticks["ask"][wide] + 0.00002
    ticks["flags"][wide] = 1
    return ticks


def test_some_crossed_quotes_are_normal() -> None:
    bench = Bench([feed(1)])
    bench.take(crossing(1, 3_600, 0.41))
    bench.wait(START_US + 3_700 * SECOND_US)
    assert bench.opened == []


@pytest.mark.parametrize("pieces", [1, 7, 300])
def test_mostly_crossed_quotes_are_one_alert_however_they_arrive(pieces: int) -> None:
    bench = Bench([feed(1)])
    ticks = crossing(1, 900, 0.8)
    for piece in np.array_split(ticks, pieces):
        bench.take(piece)
    (alert,) = bench.opened
    assert alert.title == "80% of the quotes of BROKER1 PAIR1 have the bid above the ask"
    assert alert.severity == "look"


def test_too_few_ticks_say_nothing_about_crossing() -> None:
    bench = Bench([feed(1)])
    bench.take(crossing(1, 3_600, 1.0, step_us=10 * SECOND_US))
    bench.wait(START_US + 3_700 * SECOND_US)
    assert bench.opened == []


def test_quotes_that_no_longer_cross_close_the_alert() -> None:
    bench = Bench([feed(1)])
    bench.take(crossing(1, 600, 1.0))
    bench.take(crossing(1, 1_200, 0.1, start_us=START_US + 600 * SECOND_US))
    assert len(bench.opened) == len(bench.closed) == 1
    assert bench.opened[0].severity == "act"


def test_a_feed_that_stops_crossing_because_it_stopped_is_forgotten() -> None:
    bench = Bench([feed(1)])
    bench.take(crossing(1, 600, 1.0))
    bench.wait(START_US + 7_200 * SECOND_US)
    assert [each.reason for each in bench.closed] == ["Nothing to judge by for 600 s."]


# Silence.

NOW_US = START_US + 10 * HOUR_US
HEARD = Connection(opened_us=START_US, heard_us=NOW_US - 20 * SECOND_US)
SILENT_US = NOW_US - 400 * SECOND_US


def silence(**changed: Any) -> Silence:
    """Everything that makes a feed mute, but for what is changed."""
    known: dict[str, Any] = {
        "now_us": NOW_US,
        "last_tick_us": SILENT_US,
        "others_us": (NOW_US - SECOND_US,),
        "open_since_us": START_US,
        "connection": HEARD,
    }
    return Silence(**(known | changed))


def test_a_connected_feed_that_is_silent_while_others_tick_is_mute() -> None:
    assert judge(silence(), MuteParameters()) is Level.OVER


@pytest.mark.parametrize(
    "reason",
    [
        {"connection": None},
        {"open_since_us": None},
        {"others_us": (NOW_US - 90 * SECOND_US,)},
        {"connection": Connection(START_US, NOW_US - 91 * SECOND_US)},
        {"connection": Connection(START_US, NOW_US, market_open=False)},
    ],
    ids=["not connected", "market closed", "others quiet too", "not heard", "terminal says closed"],
)
def test_silence_with_a_reason_is_no_fault(reason: dict[str, Any]) -> None:
    assert judge(silence(**reason), MuteParameters()) is Level.UNKNOWN


@pytest.mark.parametrize(
    "since",
    [
        {"last_tick_us": NOW_US - 258 * SECOND_US},
        {"connection": Connection(NOW_US - 60 * SECOND_US, NOW_US)},
        {"open_since_us": NOW_US - 60 * SECOND_US},
    ],
    ids=["ticked lately", "connected lately", "opened lately"],
)
def test_silence_counts_from_when_there_was_something_to_hear(since: dict[str, Any]) -> None:
    assert judge(silence(**since), MuteParameters()) is Level.CLEAN


def test_an_only_feed_may_be_quiet_for_longer() -> None:
    alone: dict[str, Any] = {"others_us": (NOW_US - 25 * HOUR_US,)}
    assert judge(silence(**alone), MuteParameters()) is Level.CLEAN
    alone["last_tick_us"] = NOW_US - 1_801 * SECOND_US
    assert judge(silence(**alone), MuteParameters()) is Level.OVER


def look(bench: Bench, now_us: int, connection: Connection | None) -> None:
    found = {1: connection} if connection else {}
    bench.judge.silence.judge_live(now_us, lambda _: found)
    bench.found += bench.judge.cases.take()


def test_a_live_feed_goes_mute_and_speaks_again() -> None:
    bench = Bench([feed(1), feed(2)])
    bench.take(together(steady(1, 60), steady(2, 420)))
    now_us = START_US + 420 * SECOND_US
    look(bench, now_us, Connection(START_US, now_us))
    (alert,) = bench.opened
    assert alert.title.startswith("BROKER1 PAIR1 is connected but silent for 6 min")
    assert alert.change == Opened(START_US + 359_500_000, START_US + 59_500_000)
    for passed in range(40):
        at_us = now_us + passed * SECOND_US
        bench.take(together(steady(1, 1, start_us=at_us), steady(2, 1, start_us=at_us)))
        look(bench, at_us + SECOND_US, Connection(START_US, now_us))
    assert [each.subject.rule for each in bench.closed] == ["mute"]
    assert bench.closed[0].title.startswith("BROKER1 PAIR1 was connected but silent for 6 min")


def test_a_mute_feed_whose_terminal_leaves_is_no_longer_mute() -> None:
    bench = Bench([feed(1), feed(2)])
    bench.take(together(steady(1, 60), steady(2, 420)))
    now_us = START_US + 420 * SECOND_US
    look(bench, now_us, Connection(START_US, now_us))
    look(bench, now_us + SECOND_US, None)
    assert [each.reason for each in bench.closed] == ["No longer connected."]


@pytest.mark.parametrize("pieces", [1, 9])
def test_a_hole_in_recorded_data_is_mute_once_its_end_is_known(pieces: int) -> None:
    bench = Bench([feed(1), feed(2)], replayed=True)
    after = steady(1, 120, start_us=START_US + 500 * SECOND_US)
    ticks = together(steady(1, 60), after, steady(2, 620))
    for piece in np.array_split(ticks, pieces):
        bench.take(piece)
    (opened,) = bench.opened
    assert opened.change == Opened(START_US + 359_500_000, START_US + 59_500_000)
    assert len(bench.closed) == 1


def test_recorded_data_that_ends_is_not_mute() -> None:
    bench = Bench([feed(1), feed(2)], replayed=True)
    bench.take(together(steady(1, 60), steady(2, 3_600)))
    assert bench.opened == []


# Switching rules.


def test_a_rule_that_is_switched_off_closes_its_alerts_and_opens_none() -> None:
    bench = Bench([feed(1), feed(2)])
    off = together(steady(1, 30, mid=1.2), steady(2, 30))
    bench.take(off)
    assert [each.subject.rule for each in bench.opened] == ["deviation"]
    bench.judge.apply(RuleBook([Setting("deviation", None, enabled=False, parameters={})]))
    bench.found += bench.judge.cases.take()
    assert [each.reason for each in bench.closed] == ["The rule was switched off."]
    bench.take(together(steady(1, 30, start_us=START_US + 30 * SECOND_US, mid=1.2)))
    assert len(bench.opened) == 1


def test_an_instruments_own_threshold_overrides_the_one_for_all() -> None:
    wide = Setting("deviation", 2, enabled=True, parameters={"threshold_pips": 50})
    feeds = [feed(1, 1), feed(2, 1), feed(3, 2), feed(4, 2)]
    bench = Bench(feeds, RuleBook([wide]))
    apart = [steady(n, 30, mid=1.1 + 0.0005 * (n % 2)) for n in (1, 2, 3, 4)]
    bench.take(together(*apart))
    assert [each.subject.instrument_id for each in bench.opened] == [1]


def test_an_index_is_judged_in_basis_points() -> None:
    bench = Bench([feed(1, kind="index"), feed(2, kind="index"), feed(3, kind="index")])
    prices = {1: 5_000.0, 2: 5_001.0, 3: 5_008.0}
    bench.take(together(*(steady(n, 30, mid=mid) for n, mid in prices.items())))
    (alert,) = bench.opened
    assert alert.subject.feed_id == 3
    assert (alert.unit, round(alert.value, 2)) == ("bps", 14.0)
    assert alert.title.startswith("BROKER3 PAIR1 is 14.0 bps above the others for")
