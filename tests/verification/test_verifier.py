"""The verifier with its rows: live feeds, sessions, silences, several shards, restarts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import transaction

from bridge_ingest.clock import from_us
from bridge_ingest.events import dispatch
from bridge_ingest.journal.layout import BACKFILL, Records
from bridge_ingest.models import Client, Session, Stream
from market import adopt, store
from market.models import Feed, Instrument
from tests.verification.feeds import make_source, moment_us, records
from tests.verification.worker import Worker
from verification import actions, recorder
from verification.models import (
    Alert,
    AlertEvent,
    DeviationPoint,
    Discrepancy,
    RuleSetting,
    Silence,
    VerifierMemory,
)

pytestmark = pytest.mark.django_db
SECOND_US = 1_000_000
NOW_US = moment_us("2026-01-07T12:00:00")  # a Wednesday


class Terminal:
    """A client with a live feed of one symbol; its ticks go on from call to call."""

    def __init__(self, name: str, symbol: str = "EURUSD", shard: int = 0) -> None:
        self.source, self.stream = make_source(name, symbol, shard)
        self.client: Client = self.source.client
        self.seq = 0

    def ticks(
        self,
        start_us: int,
        seconds: float,
        mid: float = 1.1,
        *,
        step_us: int = 250_000,
        delay_us: int = 20_000,
        flags: int = 0,
    ) -> Records:
        moments = np.arange(start_us, start_us + round(seconds * SECOND_US), step_us)
        made = records(
            moments, np.full(len(moments), mid - 5e-5), np.full(len(moments), mid + 5e-5),
            delay_us=delay_us, flags=flags,
        )  # fmt: skip
        made["seq"] += self.seq
        made["source"], made["stream"] = self.source.pk, self.stream.pk
        self.seq += len(made)
        return made

    def connect(self, opened_us: int, heard_us: int, **status: Any) -> Session:
        return Session.objects.create(
            client=self.client,
            transport="tcp",
            peer="127.0.0.1",
            gateway="g",
            opened_at=from_us(opened_us),
            last_seen_at=from_us(heard_us),
            status=status,
        )


def together(*feeds: Records) -> Records:
    rows = np.concatenate(feeds)
    return rows[np.argsort(rows["received_us"], kind="stable")]


@pytest.fixture
def worker() -> Worker:
    return Worker(NOW_US)


@pytest.fixture
def oanda() -> Terminal:
    return Terminal("OANDA")


@pytest.fixture
def fxcm() -> Terminal:
    return Terminal("FXCM")


def agree(worker: Worker, oanda: Terminal, fxcm: Terminal, seconds: int = 10) -> None:
    batch = together(oanda.ticks(worker.now_us, seconds), fxcm.ticks(worker.now_us, seconds))
    worker.take(batch, passed_us=seconds * SECOND_US)


def disagree(worker: Worker, oanda: Terminal, fxcm: Terminal, seconds: float = 5) -> None:
    batch = together(
        oanda.ticks(worker.now_us, seconds), fxcm.ticks(worker.now_us, seconds, mid=1.1003)
    )
    worker.take(batch, passed_us=round(seconds * SECOND_US))


def test_a_live_deviation_becomes_an_alert_and_closes(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    start_us = worker.now_us
    disagree(worker, oanda, fxcm)
    alert = Alert.objects.get()
    assert alert.feed is not None
    assert alert.feed.pk == fxcm.source.pk
    assert alert.instrument == alert.feed.instrument
    assert alert.opened_at - alert.started_at == timedelta(seconds=3)
    assert alert.started_at == from_us(start_us)
    assert alert.severity == "act"
    assert alert.worst == pytest.approx(3.0)
    assert alert.facts["deviation_pips"] == pytest.approx(3.0)
    assert alert.facts["deviation_bps"] == pytest.approx(2.727, abs=0.001)
    assert alert.facts["deviation_spreads"] == pytest.approx(3.0)
    assert [other["name"] for other in alert.facts["compared_with"]] == ["OANDA EURUSD"]
    agree(worker, oanda, fxcm, 12)
    alert.refresh_from_db()
    assert alert.resolved_at == from_us(start_us + 15 * SECOND_US)
    assert alert.condition_ended_at == from_us(start_us + 5 * SECOND_US)
    kinds = list(alert.events.values_list("kind", flat=True))
    assert kinds == ["opened", "cleared", "resolved"]
    excursion = Discrepancy.objects.get()
    assert (excursion.started_at, excursion.ended_at) == (
        from_us(start_us),
        from_us(start_us + 5 * SECOND_US),
    )


def test_browsers_hear_of_an_alert_as_it_opens_and_closes(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm)
    agree(worker, oanda, fxcm, 12)
    assert [(event["change"], event["severity"]) for event in worker.events] == [
        ("opened", "act"),
        ("changed", "act"),
        ("resolved", "act"),
    ]
    assert {event["id"] for event in worker.events} == {Alert.objects.get().pk}


def test_persistence_runs_out_between_ticks(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm, 1)
    assert not Alert.objects.exists()
    worker.wait(3 * SECOND_US)
    assert Alert.objects.get().opened_at - Alert.objects.get().started_at == timedelta(seconds=3)


def test_a_killed_worker_goes_on_with_the_same_live_alert(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm, 2)
    worker.crash()
    disagree(worker, oanda, fxcm, 2)
    worker.crash()
    alert = Alert.objects.get()
    assert alert.opened_at - alert.started_at == timedelta(seconds=3)
    agree(worker, oanda, fxcm, 6)
    worker.crash()
    agree(worker, oanda, fxcm, 6)
    alert.refresh_from_db()
    assert alert.resolved_at == alert.started_at + timedelta(seconds=14)
    assert Discrepancy.objects.count() == 1


def test_what_was_rolled_back_is_found_when_it_comes_again(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    batch = together(oanda.ticks(worker.now_us, 5), fxcm.ticks(worker.now_us, 5, mid=1.1003))
    with transaction.atomic():
        feeds = adopt.feeds_for(batch)
        store.write_ticks(batch, feeds, "0")
        recorder.apply(worker.verifier.observe(batch, feeds, worker.now_us))
        assert Alert.objects.count() == 1
        transaction.set_rollback(True)
    assert not Alert.objects.exists()
    worker.crash()
    worker.take(batch)
    assert Alert.objects.count() == 1


def test_flapping_is_one_alert_with_a_count(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    for _ in range(3):
        disagree(worker, oanda, fxcm, 4)
        agree(worker, oanda, fxcm, 5)
    alert = Alert.objects.get()
    assert alert.discrepancies == 3
    assert alert.excursions.count() == 3
    assert list(alert.events.values_list("kind", flat=True)) == [
        "opened", "cleared", "again", "cleared", "again", "cleared",
    ]  # fmt: skip


def test_an_excursion_that_did_not_last_is_kept_without_an_alert(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm, 1)
    agree(worker, oanda, fxcm, 10)
    excursion = Discrepancy.objects.get()
    assert excursion.alert is None
    assert excursion.worst == pytest.approx(3.0)
    assert not Alert.objects.exists()


def test_a_silenced_alert_is_recorded_and_says_that_it_is_silenced(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    feed = Feed.objects.get(pk=fxcm.source.pk)
    Silence.objects.create(
        fingerprint=f"deviation:{fxcm.client.pk}:{feed.pk}",
        until=from_us(moment_us("2100-01-01T00:00:00")),
        reason="Broker is migrating",
        created_at=from_us(NOW_US),
    )
    disagree(worker, oanda, fxcm)
    assert worker.events[0]["silenced"] is True
    kinds = list(AlertEvent.objects.values_list("kind", "text"))
    assert kinds[1] == ("silenced", "Until 2100-01-01 00:00 UTC: Broker is migrating")


def test_an_alert_resolved_by_hand_opens_anew_when_the_condition_returns(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm)
    agree(worker, oanda, fxcm, 5)
    actions.resolve(Alert.objects.get(), actor=None, source="command")
    agree(worker, oanda, fxcm, 6)
    disagree(worker, oanda, fxcm)
    assert Alert.objects.count() == 2
    assert Alert.objects.filter(resolved_at=None).count() == 1


def test_it_returns_at_once_and_still_becomes_an_alert_of_its_own(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    """Resolved by hand while the verifier still counts the seconds of the old episode."""
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm)
    agree(worker, oanda, fxcm, 4)
    actions.resolve(Alert.objects.get(), actor=None, source="command")
    disagree(worker, oanda, fxcm)
    assert Alert.objects.count() == 2


def test_changed_parameters_hold_within_seconds(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    instrument = Instrument.objects.get()
    actions.set_rule("deviation", instrument, {"threshold_pips": 5}, actor=None, source="command")
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm, 10)
    assert not Alert.objects.exists()


def test_a_row_that_no_rule_can_read_stops_nothing(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    RuleSetting.objects.create(
        rule="deviation", parameters={"no": "such"}, updated_at=from_us(NOW_US)
    )
    worker.crash()
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm)
    assert Alert.objects.count() == 1


def test_history_and_ticks_of_nobody_are_not_judged(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    history = fxcm.ticks(worker.now_us, 5, mid=2.0, flags=BACKFILL)
    stranger = fxcm.ticks(worker.now_us, 5, mid=2.0)
    stranger["source"] = 1_000_000
    worker.take(together(oanda.ticks(worker.now_us, 5), history, stranger))
    assert not Alert.objects.exists()


def test_our_clock_set_back_starts_live_feeds_afresh(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    disagree(worker, oanda, fxcm)
    worker.now_us -= 3_600 * SECOND_US
    agree(worker, oanda, fxcm)
    assert Alert.objects.get().resolved_at is not None
    disagree(worker, oanda, fxcm)
    assert Alert.objects.filter(resolved_at=None).count() == 1


def test_a_feed_given_another_instrument_is_compared_there(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    old = Instrument.objects.get()
    other = Instrument.objects.create(
        symbol="EURUSD.X", kind="fx", pip_size=0.0001, digits=5, session="24x5",
        created_at=from_us(NOW_US),
    )  # fmt: skip
    Feed.objects.filter(pk=fxcm.source.pk).update(instrument=other)
    adopt.forget()
    disagree(worker, oanda, fxcm)
    assert not Alert.objects.exists()
    assert old.feeds.count() == other.feeds.count() == 1


def test_a_client_on_two_shards_has_one_clock_alert_until_both_are_right() -> None:
    """Two workers see the same terminal's wrong clock, each on its own instruments."""
    terminals = [
        Terminal("FXCM", symbol, shard) for shard, symbol in ((0, "EURUSD"), (1, "XAUUSD"))
    ]
    workers = [Worker(NOW_US, shard) for shard in (0, 1)]
    for own, terminal in zip(workers, terminals, strict=True):
        own.take(terminal.ticks(own.now_us, 30, delay_us=3_600 * SECOND_US), 30 * SECOND_US)
    alert = Alert.objects.get()
    assert (alert.rule, alert.holders) == ("clock", ["0", "1"])
    for own, terminal in zip(workers, terminals, strict=True):
        assert Alert.objects.get().resolved_at is None
        own.take(terminal.ticks(own.now_us, 200), 200 * SECOND_US)
    alert.refresh_from_db()
    assert alert.resolved_at is not None
    assert Discrepancy.objects.count() == 1


# Sessions and silence.


def mute_for(worker: Worker, speaking: Terminal, seconds: int) -> None:
    for _ in range(seconds // 10):
        worker.take(speaking.ticks(worker.now_us, 10, step_us=SECOND_US), 10 * SECOND_US)


def test_a_connected_feed_that_is_silent_is_mute(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    fxcm.connect(NOW_US - SECOND_US, NOW_US + 3_600 * SECOND_US, broker_connected=False)
    agree(worker, oanda, fxcm)
    mute_for(worker, oanda, 290)
    assert not Alert.objects.exists()
    mute_for(worker, oanda, 20)
    alert = Alert.objects.get()
    assert (alert.rule, alert.client) == ("mute", fxcm.client)
    assert alert.opened_at - alert.started_at == timedelta(seconds=300)
    assert alert.facts["broker_connected"] is False
    for _ in range(40):
        agree(worker, oanda, fxcm, 1)
    alert.refresh_from_db()
    assert alert.resolved_at is not None


@pytest.mark.parametrize("status", [{"market_open": False}, None])
def test_a_closed_market_or_a_lost_connection_is_not_mute(
    worker: Worker, oanda: Terminal, fxcm: Terminal, status: dict[str, Any] | None
) -> None:
    session = fxcm.connect(NOW_US - SECOND_US, NOW_US + 3_600 * SECOND_US, **(status or {}))
    if status is None:
        Session.objects.filter(pk=session.pk).update(closed_at=from_us(NOW_US))
    agree(worker, oanda, fxcm)
    mute_for(worker, oanda, 400)
    assert not Alert.objects.exists()


# Gaps.


def gap(client: Client, first: int, last: int, at_us: int) -> dict[str, Any]:
    stream, _ = Stream.objects.get_or_create(client=client, name="s")
    return {
        "kind": "gap", "client": client.pk, "stream": stream.pk, "from": first, "to": last,
        "reason": "The terminal no longer has them.", "received_us": at_us,
    }  # fmt: skip


def test_lost_numbers_are_one_alert_that_adds_them_up(worker: Worker, fxcm: Terminal) -> None:
    with transaction.atomic():
        dispatch([gap(fxcm.client, 5, 14, NOW_US), gap(fxcm.client, 20, 20, NOW_US + 1)])
    alert = Alert.objects.get()
    assert alert.title == "FXCM lost 11 messages for good, in 2 gaps"
    assert (alert.severity, alert.worst, alert.unit) == ("look", 11, "messages")
    with transaction.atomic():
        dispatch([gap(fxcm.client, 21, 120, NOW_US + SECOND_US)])
    alert.refresh_from_db()
    assert alert.title == "FXCM lost 111 messages for good, in 3 gaps"
    assert (alert.severity, alert.discrepancies) == ("act", 2)
    worker.wait(590 * SECOND_US, 10 * SECOND_US)
    alert.refresh_from_db()
    assert alert.resolved_at is None
    worker.wait(20 * SECOND_US, 10 * SECOND_US)
    alert.refresh_from_db()
    assert alert.resolved_at is not None


def test_gaps_raise_nothing_when_their_rule_is_off(fxcm: Terminal) -> None:
    actions.set_rule("gap", None, {}, enabled=False, actor=None, source="command")
    with transaction.atomic():
        dispatch([gap(fxcm.client, 5, 14, NOW_US)])
    assert not Alert.objects.exists()


# The picture for the screens.


def rows(picture: dict[str, Any]) -> tuple[dict[int, Any], dict[int, Any]]:
    return (
        {row[0]: row[1:] for row in picture["feeds"]},
        {row[0]: row[1:] for row in picture["instruments"]},
    )


def test_the_picture_shows_each_feed_as_it_stands(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    feeds, instruments = rows(worker.verifier.picture())
    assert feeds[fxcm.source.pk] == (pytest.approx(0), pytest.approx(0), "verified")
    assert list(instruments.values()) == [(pytest.approx(0), 1.0, "verified")]
    disagree(worker, oanda, fxcm, 2)
    feeds, instruments = rows(worker.verifier.picture())
    assert feeds[fxcm.source.pk] == (pytest.approx(0.0003), pytest.approx(3.0), "look")
    assert feeds[oanda.source.pk][2] == "verified"
    disagree(worker, oanda, fxcm, 2)
    feeds, instruments = rows(worker.verifier.picture())
    assert feeds[fxcm.source.pk][2] == "act"
    assert list(instruments.values()) == [(pytest.approx(3.0), 1.0, "act")]
    worker.wait(7 * SECOND_US)
    feeds, instruments = rows(worker.verifier.picture())
    assert feeds[oanda.source.pk] == (None, None, "stale")


def test_a_clients_clock_calls_at_its_feeds_and_not_at_the_instruments_that_they_quote(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    for _ in range(30):
        ticks = oanda.ticks(worker.now_us, 1)
        off = fxcm.ticks(worker.now_us, 1, delay_us=3_600 * SECOND_US)
        worker.take(np.concatenate([ticks, off]), SECOND_US)
    assert Alert.objects.get().rule == "clock"
    feeds, instruments = rows(worker.verifier.picture())
    assert feeds[fxcm.source.pk][2] == "act"
    assert feeds[oanda.source.pk][2] == "verified"
    assert [row[2] for row in instruments.values()] == ["verified"]


def test_the_picture_holds_only_what_changed(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    assert len(worker.verifier.picture()["feeds"]) == 2
    again = worker.verifier.picture()
    assert (again["feeds"], again["instruments"]) == ([], [])


def test_a_lonely_feed_has_nothing_to_be_compared_with(worker: Worker, oanda: Terminal) -> None:
    worker.take(oanda.ticks(worker.now_us, 5), 5 * SECOND_US)
    feeds, instruments = rows(worker.verifier.picture())
    assert feeds[oanda.source.pk] == (None, None, "alone")
    assert list(instruments.values()) == [(None, 1.0, "alone")]


def test_a_closed_market_looks_closed(oanda: Terminal) -> None:
    saturday = Worker(moment_us("2026-01-10T12:00:00"))
    friday_us = moment_us("2026-01-09T20:00:00")
    saturday.take(oanda.ticks(friday_us, 5))
    saturday.wait(SECOND_US)
    feeds, _ = rows(saturday.verifier.picture())
    assert feeds[oanda.source.pk] == (None, None, "closed")


# What is kept.


def test_nothing_is_remembered_while_nothing_is_wrong(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm)
    assert not VerifierMemory.objects.exists()
    disagree(worker, oanda, fxcm)
    assert len(VerifierMemory.objects.get().memory["live"]["cases"]) == 1
    agree(worker, oanda, fxcm, 12)
    assert VerifierMemory.objects.get().memory["live"]["cases"] == []


def test_points_are_kept_by_the_second_and_only_once(
    worker: Worker, oanda: Terminal, fxcm: Terminal
) -> None:
    agree(worker, oanda, fxcm, 10)
    worker.crash()
    worker.wait(2 * SECOND_US)
    seconds = DeviationPoint.objects.filter(feed_id=oanda.source.pk).order_by("second")
    first = from_us(NOW_US)
    assert [point.second for point in seconds] == [
        first + timedelta(seconds=passed) for passed in range(12)
    ]
    assert {point.peers for point in seconds} == {1}
