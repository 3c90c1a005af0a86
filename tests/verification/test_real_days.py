"""Real days of two brokers, replayed: no false alarm, and nothing missed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.db import connection

from bridge_ingest.clock import from_us, to_us
from bridge_ingest.journal.layout import CROSSED, Records
from bridge_ingest.models import StreamCursor
from tests.verification.feeds import (
    HOUR_US,
    day_of,
    in_pieces,
    make_source,
    moment_us,
    second_of,
    shared,
    with_source,
)
from tests.verification.worker import Worker
from verification.checks import crossed
from verification.models import (
    Alert,
    AlertEvent,
    DeviationPoint,
    Discrepancy,
    ReplayFrontier,
    VerifierMemory,
)
from verification.parameters import CrossedParameters

pytestmark = pytest.mark.django_db
WALL_US = moment_us("2026-01-05T12:00:00")


def two_feeds(pair: str, day: str) -> tuple[Records, Records]:
    """OANDA's and FXCM's ticks of a day, as two clients' feeds of one instrument."""
    oanda, fxcm = (
        with_source(day_of(pair, broker, day), *make_source(broker.upper(), pair.upper()))
        for broker in ("oanda", "fxcm")
    )
    return oanda, fxcm


def mixed(seed: int, *feeds: Records, largest: int = 4_000) -> Iterator[Records]:
    """The feeds' ticks in batches of random size, any feed ahead of the others at random."""
    chance = np.random.default_rng(seed)
    queues = [in_pieces(feed, chance.integers(1, largest, 4_000)) for feed in feeds]
    while any(queues):
        number = int(chance.integers(len(queues)))
        if queues[number]:
            yield queues[number].pop(0)


def replay(worker: Worker, batches: Iterator[Records]) -> None:
    """150 ms of wall time a batch: judged on the way, by whoever is behind."""
    for batch in batches:
        worker.take(batch, passed_us=150_000)
    worker.wait()


def between(ticks: Records, start: str, end: str) -> Records:
    received_us = ticks["received_us"]
    return ticks[(received_us >= moment_us(start)) & (received_us < moment_us(end))]


@pytest.mark.parametrize(("day", "seed"), [("20140502", 1), ("20140507", 2)])
def test_an_honest_day_of_eurusd_raises_no_alert_whatever(day: str, seed: int) -> None:
    oanda, fxcm = two_feeds("eurusd", day)
    replay(Worker(WALL_US), mixed(seed, oanda, fxcm))
    assert list(Alert.objects.values_list("title", flat=True)) == []
    check_against_expected_facts(f"eurusd_{day}", oanda, fxcm)


def check_against_expected_facts(name: str, oanda: Records, fxcm: Records) -> None:
    """Second by second what the shared data's own computation says."""
    expected = json.loads(shared("expected_facts.json").read_text())[name]
    pips = deviations_in_pips(fxcm, expected["overlap"])
    assert len(pips) == expected["seconds_compared"]
    sizes = {second: abs(value) for second, value in pips.items()}
    over = expected["seconds_over"]
    assert {text: sum(s > float(text) for s in sizes.values()) for text in over} == over
    worst = {second_of(each["t"]): each["pips"] for each in expected["worst"]}
    assert {second: round(sizes[second], 3) for second in worst} == worst
    assert round(max(sizes.values()), 3) == expected["max"]
    other = deviations_in_pips(oanda, expected["overlap"])
    assert {second: -value for second, value in other.items()} == pips


def deviations_in_pips(feed: Records, overlap: list[str]) -> dict[int, float]:
    """By second, while both feeds were there."""
    last = moment_us(overlap[1])
    rows = DeviationPoint.objects.filter(feed_id=int(feed["source"][0]), second__lte=from_us(last))
    return {
        int(second.timestamp()): deviation / 0.0001
        for second, deviation in rows.values_list("second", "deviation")
    }


def test_the_excursion_of_nzdusd_after_the_close_is_found() -> None:
    oanda, fxcm = two_feeds("nzdusd", "20140515")
    replay(Worker(WALL_US), mixed(3, oanda, fxcm))
    check_against_expected_facts("nzdusd_20140515", oanda, fxcm)
    alert = Alert.objects.get(started_at=from_us(moment_us("2014-05-15T20:57:12.388")))
    assert alert.opened_at == from_us(moment_us("2014-05-15T20:57:15.388"))
    assert round(alert.worst, 2) == 2.9
    assert alert.facts["longest_s"] == pytest.approx(7.758)
    assert alert.resolved_at is not None
    assert alert.replayed
    assert alert.title == "OANDA NZDUSD was up to 2.9 pips above FXCM for 107 s"
    assert "nobody can tell which one is wrong" in alert.facts["only_two"]
    assert alert.discrepancies == alert.excursions.count() == 3
    first = alert.excursions.earliest("started_at")
    assert first.started_at == alert.started_at


def shifted_clock(ticks: Records, hours: int) -> Records:
    """The same ticks, received when they were, stamped by a clock that is wrong."""
    wrong = ticks.copy()
    wrong["event_us"] += hours * HOUR_US
    return wrong


def test_a_clock_five_hours_off_is_one_clock_alert_and_no_price_alert() -> None:
    oanda, fxcm = two_feeds("eurusd", "20140502")
    replay(Worker(WALL_US), mixed(5, oanda, shifted_clock(fxcm, -5)))
    alert = Alert.objects.get()
    assert (alert.rule, alert.client.name, alert.feed) == ("clock", "FXCM", None)
    assert alert.title == "The clock of FXCM is 5 h behind"
    assert alert.severity == "act"
    assert alert.resolved_at is None
    overlap = ["", "2014-05-02T20:59:11.909"]
    assert len(deviations_in_pips(fxcm, overlap)) == pytest.approx(32_038, abs=20)


@pytest.mark.parametrize("seed", [7, 8])
def test_three_pips_for_a_minute_are_one_price_alert(seed: int) -> None:
    hours = ("2014-05-07T12:30:00", "2014-05-07T13:30:00")
    oanda, fxcm = (between(feed, *hours) for feed in two_feeds("eurusd", "20140507"))
    start, end = moment_us("2014-05-07T13:05:00"), moment_us("2014-05-07T13:06:00")
    off = (fxcm["received_us"] >= start) & (fxcm["received_us"] < end)
    fxcm["bid"][off] += 0.0003
    fxcm["ask"][off] += 0.0003
    replay(Worker(WALL_US), mixed(seed, oanda, fxcm, largest=400))
    alert = Alert.objects.get()
    first_off = int(fxcm["received_us"][off][0])
    assert (alert.rule, alert.client.name) == ("deviation", "FXCM")
    assert 3_000_000 <= to_us(alert.opened_at) - to_us(alert.started_at) <= 4_000_000
    assert 0 <= to_us(alert.started_at) - first_off <= 1_000_000
    assert alert.resolved_at is not None
    assert from_us(end) < alert.resolved_at < from_us(end + 60_000_000)
    assert alert.facts["against"] == "OANDA"
    assert 2.5 < alert.worst < 4


def test_a_killed_worker_finds_nothing_twice_and_misses_nothing() -> None:
    """Killed and started again between any two transactions, it finds what one left alone finds."""
    oanda, fxcm = two_feeds("nzdusd", "20140515")
    feeds = [between(f, "2014-05-15T20:50:00", "2014-05-16T05:00:00") for f in (oanda, fxcm)]
    replay(Worker(WALL_US), mixed(9, *feeds))
    expected = found_so_far()
    forget_everything()
    worker = Worker(WALL_US)
    for batch in mixed(10, *feeds, largest=900):
        worker.take(batch, passed_us=150_000)
        worker.crash()
    worker.wait()
    found = found_so_far()
    for kind in expected:
        assert found[kind] == expected[kind], kind
    assert len(expected["alerts"]) == 2


@pytest.mark.parametrize(
    ("pair", "day", "largest"),
    [("eurusd", "20140502", 0.35), ("eurusd", "20140507", 0.41), ("nzdusd", "20140515", 0.23)],
)
def test_the_worst_window_of_a_broker_that_crosses_is_still_no_alert(
    pair: str, day: str, largest: float
) -> None:
    """12.5 % of a day's quotes are crossed, up to 41 % of one window; the rule begins at 50 %."""
    ticks = day_of(pair, "fxcm", day)
    rule = CrossedParameters()
    step_us = crossed.step_us(rule)
    step = ticks["received_us"] // step_us
    counted = np.bincount(step - step[0])
    crossing = np.bincount(step - step[0], ticks["flags"] & CROSSED)
    window, shares = crossed.CrossedWindow(), []
    for number, (total, bad) in enumerate(zip(counted, crossing, strict=True)):
        window.add(number, int(total), int(bad))
        shares.append(window.share(number, rule) or 0.0)
    assert max(shares) == pytest.approx(largest, abs=0.03)
    assert max(shares) < rule.share


def found_so_far() -> dict[str, list[Any]]:
    """Everything that the rules have found, in a form that can be compared."""
    alert = ("fingerprint", "started_at", "opened_at", "resolved_at", "worst", "discrepancies")
    excursion = ("rule", "feed_id", "started_at", "ended_at", "worst", "alert__started_at")
    line = ("alert__started_at", "at", "kind", "text")
    point = ("feed_id", "second", "deviation", "consensus", "peers")
    return {
        "alerts": list(Alert.objects.order_by("started_at").values_list(*alert)),
        "excursions": list(Discrepancy.objects.order_by("started_at").values_list(*excursion)),
        "lines": list(AlertEvent.objects.order_by("at", "id").values_list(*line)),
        "points": list(DeviationPoint.objects.order_by("second", "feed_id").values_list(*point)),
    }


def forget_everything() -> None:
    """As before the first tick, but for the clients and their sources."""
    for model in (Alert, Discrepancy, DeviationPoint, ReplayFrontier, VerifierMemory):
        model.objects.all().delete()
    StreamCursor.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_tick")
