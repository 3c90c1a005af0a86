"""One alert: what is shown of it."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.reading import episode
from dashboard.templatetags.acting import stop_watch
from market.models import Feed
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx
from verification import actions
from verification.models import Alert, AlertEvent, DeviationPoint, Discrepancy

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def feed() -> Feed:
    return world.feed("ICM-LIVE", "EURUSD")


def opened(feed: Feed, **given: Any) -> Alert:
    """An episode from 12:00:00 to 12:00:42, opened after 3 s."""
    facts = {
        "threshold": 1.0, "mid": 1.08154, "consensus": 1.08123, "persistence_s": 3.0,
        "deviation_pips": 3.1, "spread_pips": 0.8, "longest_s": 42.0,
        "compared_with": [{"feed": 2, "name": "OANDA EURUSD", "mid": 1.08123}],
        "only_two": "With two feeds nobody can tell which one is wrong.",
    }  # fmt: skip
    defaults: dict[str, Any] = {
        "started_at": NOON, "opened_at": NOON + timedelta(seconds=3), "facts": facts,
        "condition_ended_at": NOON + timedelta(seconds=42),
        "resolved_at": NOON + timedelta(seconds=52),
    }  # fmt: skip
    return world.alert(feed, **(defaults | given))


def points(feed: Feed, start: datetime, values: list[float]) -> None:
    DeviationPoint.objects.bulk_create(
        DeviationPoint(
            feed=feed, second=start + timedelta(seconds=n), deviation=value * 0.0001,
            consensus=1.08, peers=2,
        )
        for n, value in enumerate(values)
    )  # fmt: skip


def page(browser: Client, alert: Alert, **how: Any) -> str:
    text: str = browser.get(reverse("dashboard:alert", args=[alert.pk]), **how).content.decode()
    return text


def test_the_plot_shows_the_episode_and_a_while_around_it_in_the_alerts_unit(feed: Feed) -> None:
    points(feed, NOON - timedelta(seconds=200), [0.1] * 200 + [3.1] * 42 + [0.1] * 200)
    alert = opened(feed)
    Discrepancy.objects.create(
        alert=alert, rule="deviation", feed=feed, started_at=NOON,
        ended_at=NOON + timedelta(seconds=42), worst=3.1, unit="pips",
    )  # fmt: skip
    plot = episode.plot(alert)
    assert plot is not None
    start_ms = int((NOON - episode.AROUND).timestamp() * 1000)
    assert plot["points"][0] == [start_ms, 0.1]
    assert len(plot["points"]) == 90 + 42 + 91
    assert [value for _, value in plot["points"]].count(3.1) == 42
    noon_ms = int(NOON.timestamp() * 1000)
    assert plot["bands"] == [[noon_ms, noon_ms + 42_000]]
    assert plot["moments"] == [
        {"at": noon_ms + 3_000, "label": "opened"}, {"at": noon_ms + 52_000, "label": "resolved"},
    ]  # fmt: skip
    assert (plot["limit"], plot["unit"]) == (1.0, "pips")


def test_a_long_episode_is_drawn_with_the_worst_of_each_step(feed: Feed) -> None:
    values = [0.1] * 7200
    values[3601] = -9.0
    points(feed, NOON, values)
    alert = opened(feed, condition_ended_at=NOON + timedelta(hours=2), resolved_at=None)
    plot = episode.plot(alert)
    assert plot is not None
    assert len(plot["points"]) <= episode.POINTS_SHOWN + 1
    assert min(value for _, value in plot["points"]) == -9.0


def test_an_open_episode_is_drawn_to_its_last_compared_second(feed: Feed) -> None:
    points(feed, NOON, [2.0] * 30)
    alert = opened(feed, condition_ended_at=None, resolved_at=None)
    plot = episode.plot(alert)
    assert plot is not None
    assert plot["points"][-1][0] == int((NOON + timedelta(seconds=29)).timestamp() * 1000)


def test_bps_are_taken_of_the_consensus(feed: Feed) -> None:
    points(feed, NOON, [10.0])
    plot = episode.plot(opened(feed, unit="bps"))
    assert plot is not None
    assert plot["points"][0][1] == pytest.approx(10 * 0.0001 / 1.08 * 1e4, abs=1e-3)


@pytest.mark.parametrize("rule", ["mute", "clock", "gap", "crossed", "latency"])
def test_a_rule_without_a_deviation_has_no_plot(feed: Feed, rule: str) -> None:
    assert episode.plot(opened(feed, rule=rule)) is None


def test_the_page_says_what_was_compared_with_what(feed: Feed, as_viewer: Client) -> None:
    text = page(as_viewer, opened(feed))
    assert "ICM-LIVE EURUSD" in text
    assert "OANDA EURUSD" in text
    assert "Consensus of the others" in text
    assert "With two feeds nobody can tell" in text
    assert "+3.1 pips" in text


def test_the_plots_data_can_not_break_out_of_its_attribute(feed: Feed, as_viewer: Client) -> None:
    points(feed, NOON, [1.0] * 5)
    text = page(as_viewer, opened(feed, unit='"><script>'))
    found = re.search('<deviation-plot plot="([^"]*)"', text)
    assert found is not None
    assert json.loads(html.unescape(found.group(1)))["unit"] == '"><script>'
    assert "<script>" not in text


def test_the_timeline_tells_who_did_what(feed: Feed, as_operator: Client, operator: User) -> None:
    alert = world.alert(feed)
    AlertEvent.objects.create(alert=alert, at=alert.opened_at, kind="opened", text="it began")
    actions.acknowledge(alert, actor=operator, source="page")
    actions.add_note(alert, "called <them>", actor=None, source="command")
    text = page(as_operator, alert)
    assert 'Acknowledged <span class="muted">by olga</span>' in text
    assert 'Note <span class="muted">by the command line</span>' in text
    assert "called &lt;them&gt;" in text
    entries = episode.episode(alert).timeline
    assert [entry.text for entry in entries] == ["Opened", "Acknowledged", "Note"]


def test_similar_episodes_are_those_of_the_same_rule_on_the_same_subject(feed: Feed) -> None:
    first = opened(feed, fingerprint="deviation:1:1")
    second = world.alert(feed, fingerprint="deviation:1:1")
    world.alert(feed, fingerprint="mute:1:1", rule="mute")
    assert episode.similar(second) == [first]
    assert episode.similar(first) == [second]


def test_htmx_gets_the_moving_part_or_the_alert_alone(feed: Feed, as_viewer: Client) -> None:
    alert = opened(feed)
    live = page(as_viewer, alert, headers=htmx("alert-live"))
    whole = page(as_viewer, alert, headers=htmx("alert"))
    assert "Timeline" in live
    assert "Similar episodes" not in live
    assert "Similar episodes" in whole
    assert "<html" not in live + whole


def test_while_the_condition_holds_resolving_is_not_offered(
    feed: Feed, as_operator: Client
) -> None:
    text = page(as_operator, world.alert(feed))
    assert re.search(r'<button class="button" type="submit" disabled[^>]*>Resolve', text)
    over = world.alert(feed, condition_ended_at=timezone.now())
    assert re.search(r'<button class="button" type="submit">Resolve', page(as_operator, over))


def test_an_unknown_alert_is_not_found(as_viewer: Client) -> None:
    assert as_viewer.get("/alerts/424242").status_code == 404


def test_facts_of_each_rule_are_put_in_words(feed: Feed) -> None:
    mute = opened(feed, rule="mute", facts={
        "last_tick_us": 1_700_000_000_000_000, "limit_s": 300.0, "others_tick": True,
        "broker_connected": None,
    })  # fmt: skip
    assert episode.facts_of(mute) == [
        ("Last tick", "2023-11-14 22:13:20 UTC"), ("Silence allowed", "5 min"),
        ("Others go on ticking", "yes"),
    ]  # fmt: skip
    gap = opened(feed, rule="gap", facts={"numbers": 1180, "gaps": 2})
    assert episode.facts_of(gap) == [("Numbers lost", "1\u202f180"), ("In gaps", "2")]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (42, "0:42"), (396, "6:36"), (7510, "2:05:10"), (90_000, "1 d 1 h")],
)
def test_how_long_it_went_on_reads_like_a_stop_watch(seconds: float, shown: str) -> None:
    assert stop_watch(seconds) == shown
