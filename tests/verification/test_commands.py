"""The commands of this room, for those who automate."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.verification.test_actions import make_alert  # noqa: F401  (a fixture)
from verification.models import Alert, DeviationPoint, Discrepancy, RuleSetting

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def as_json(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def test_open_alerts_are_listed_the_newest_first(make_alert: MakeAlert) -> None:  # noqa: F811
    first, second = make_alert("A"), make_alert("B")
    Alert.objects.filter(pk=first.pk).update(resolved_at=first.opened_at)
    (listed,) = as_json("list_alerts", "--open")
    assert (listed["id"], listed["client"], listed["rule"]) == (second.pk, "B", "deviation")
    assert listed["opened_at"] == "2026-01-07T12:00:03Z"
    assert [each["id"] for each in as_json("list_alerts")] == [second.pk, first.pk]
    assert [each["id"] for each in as_json("list_alerts", "--client", "A")] == [first.pk]


def test_alerts_are_listed_for_people_too(make_alert: MakeAlert) -> None:  # noqa: F811
    assert run("list_alerts", "--open") == "No open alert.\n"
    alert = make_alert("A")
    assert alert.title in run("list_alerts", "--open")


def test_an_alert_is_acknowledged_by_command(make_alert: MakeAlert) -> None:  # noqa: F811
    alert = make_alert("A")
    shown = as_json("ack_alert", str(alert.pk), "--note", "On it")
    assert shown["acknowledged_at"] is not None
    assert alert.events.get().text == "On it"
    with pytest.raises(CommandError, match="acknowledged by somebody at the command line"):
        run("ack_alert", str(alert.pk))
    with pytest.raises(CommandError, match="There is no alert 999999"):
        run("ack_alert", "999999")


def test_a_rule_is_set_by_command(make_alert: MakeAlert) -> None:  # noqa: F811
    make_alert("A")
    shown = as_json("set_rule", "deviation", "threshold_pips=2.5", "min_ticks=4")
    assert shown == {
        "rule": "deviation", "instrument": None, "enabled": True,
        "parameters": {"threshold_pips": 2.5, "min_ticks": 4},
    }  # fmt: skip
    shown = as_json("set_rule", "deviation", "--instrument", "EURUSD", "threshold_pips=5")
    assert shown["instrument"] == "EURUSD"
    assert run("set_rule", "mute", "--disable") == "mute on all instruments is off: defaults\n"
    text = run("set_rule", "deviation", "min_ticks=")
    assert text == "deviation on all instruments is on: threshold_pips=2.5\n"
    assert RuleSetting.objects.count() == 3


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["threshold_pips"], "not of the form name=value"),
        (["threshold_pips=wide"], "must be a number, not wide"),
        (["threshold_pips=0"], "must lie between"),
        (["--instrument", "XXXYYY"], "There is no instrument XXXYYY"),
    ],
)
def test_a_rule_that_cannot_be_set_says_why(words: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        run("set_rule", "deviation", *words)


def test_old_deviations_are_forgotten_and_alerts_stay(make_alert: MakeAlert) -> None:  # noqa: F811
    alert = make_alert("A")
    now, old = timezone.now(), timezone.now() - timedelta(days=40)
    for moment in (now, old):
        DeviationPoint.objects.create(
            feed_id=alert.feed_id or 0, second=moment, deviation=0.0, consensus=1.1, peers=1
        )
        for owner in (None, alert):
            Discrepancy.objects.create(
                alert=owner, rule="deviation", feed=alert.feed, started_at=moment, worst=2.0,
                unit="pips",
            )  # fmt: skip
    text = run("prune_deviations", "--keep-days", "30")
    assert text == "Removed 1 seconds and 1 excursions.\n"
    assert DeviationPoint.objects.get().second == now
    assert Discrepancy.objects.filter(alert=alert).count() == 2
    with pytest.raises(CommandError, match="1 or more"):
        run("prune_deviations", "--keep-days", "0")
