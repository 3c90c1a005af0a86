"""Acts on alerts: each answers where it was clicked, with its reason when it fails."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEntry
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx
from verification import actions
from verification.models import Alert, AlertEvent, Silence

pytestmark = pytest.mark.django_db


@pytest.fixture
def alert() -> Alert:
    return world.alert(world.feed())


def url(name: str, alert: Alert, *more: str) -> str:
    return reverse(f"dashboard:{name}", args=[alert.pk, *more])


def act(browser: Client, alert: Alert, name: str, target: str = "alert-live") -> Any:
    return browser.post(url("alert-act", alert, name), headers=htmx(target))


def toast(answer: Any) -> str:
    text: str = json.loads(answer["HX-Trigger"])["toast"]["text"]
    return text


def test_acknowledging_answers_with_the_alert_and_a_word(
    alert: Alert, as_operator: Client, operator: User
) -> None:
    answer = act(as_operator, alert, "acknowledge")
    alert.refresh_from_db()
    assert alert.acknowledged_by == operator
    assert toast(answer) == "It is acknowledged."
    assert "alerts:changed" in json.loads(answer["HX-Trigger"])
    assert "Take back" in answer.content.decode()
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.source) == ("olga", "page")


def test_acknowledging_in_the_list_answers_with_the_line(alert: Alert, as_operator: Client) -> None:
    answer = act(as_operator, alert, "acknowledge", f"alert-row-{alert.pk}")
    text = answer.content.decode()
    assert text.count("<li") == 1
    assert "acknowledged by olga" in text


def test_without_scripts_an_act_leads_back_with_a_message(
    alert: Alert, as_operator: Client
) -> None:
    answer = as_operator.post(f"{url('alert-act', alert, 'acknowledge')}?state=waiting")
    assert answer.status_code == 302
    assert answer["Location"] == f"{url('alert', alert)}?state=waiting"
    assert [str(m) for m in get_messages(answer.wsgi_request)] == ["It is acknowledged."]


def test_a_second_acknowledgement_is_refused_with_the_name_of_the_first(
    alert: Alert, as_operator: Client, as_admin: Client
) -> None:
    act(as_admin, alert, "acknowledge")
    answer = act(as_operator, alert, "acknowledge")
    assert answer.status_code == 409
    reason = answer.content.decode()
    assert "acknowledged by ada" in reason
    plain = as_operator.post(url("alert-act", alert, "acknowledge"), follow=True)
    assert reason in plain.content.decode()


def test_an_acknowledgement_can_be_taken_back(alert: Alert, as_operator: Client) -> None:
    act(as_operator, alert, "acknowledge")
    act(as_operator, alert, "unacknowledge")
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


def test_what_still_holds_can_not_be_resolved_by_hand(alert: Alert, as_operator: Client) -> None:
    answer = act(as_operator, alert, "resolve")
    assert answer.status_code == 409
    assert "The condition still holds" in answer.content.decode()
    alert.refresh_from_db()
    assert alert.is_open
    Alert.objects.update(condition_ended_at=timezone.now())
    assert act(as_operator, alert, "resolve").status_code == 200
    alert.refresh_from_db()
    assert not alert.is_open


def test_an_act_that_does_not_exist_is_not_found(alert: Alert, as_operator: Client) -> None:
    assert act(as_operator, alert, "explode").status_code == 404


def test_a_note_is_kept_in_the_timeline(alert: Alert, as_operator: Client) -> None:
    answer = as_operator.post(
        url("alert-note", alert), {"text": "called the broker"}, headers=htmx("alert-live")
    )
    assert "called the broker" in answer.content.decode()
    assert AlertEvent.objects.get(kind="note").text == "called the broker"


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001])
def test_a_note_without_words_or_with_too_many_is_refused(
    alert: Alert, as_operator: Client, text: str
) -> None:
    answer = as_operator.post(url("alert-note", alert), {"text": text}, headers=htmx())
    assert answer.status_code == 409
    assert not AlertEvent.objects.exists()


def test_an_alert_is_given_to_somebody_and_to_nobody(
    alert: Alert, as_operator: Client, viewer: User
) -> None:
    answer = as_operator.post(
        url("alert-assign", alert), {"assignee": viewer.pk}, headers=htmx("alert-live")
    )
    alert.refresh_from_db()
    assert alert.assignee == viewer
    assert toast(answer) == "Given to vera."
    as_operator.post(url("alert-assign", alert), {"assignee": ""})
    alert.refresh_from_db()
    assert alert.assignee is None


@pytest.mark.parametrize("stranger", ["999999", "x", "-1"])
def test_an_alert_can_not_be_given_to_a_stranger(
    alert: Alert, as_operator: Client, stranger: str
) -> None:
    assert as_operator.post(
        url("alert-assign", alert), {"assignee": stranger}
    ).status_code == 404  # fmt: skip


def test_silencing_asks_until_when_and_why(alert: Alert, as_operator: Client) -> None:
    form = as_operator.get(url("alert-silence", alert), headers=htmx("dialog-slot"))
    assert "<dialog" in form.content.decode()
    whole = as_operator.get(url("alert-silence", alert)).content.decode()
    assert "<html" in whole
    answer = as_operator.post(
        url("alert-silence", alert), {"span": "3600", "reason": "known issue"},
        headers=htmx("dialog-slot"),
    )  # fmt: skip
    made = Silence.objects.get()
    assert made.reason == "known issue"
    assert timedelta(minutes=59) < made.until - timezone.now() <= timedelta(hours=1)
    assert "alerts:changed" in json.loads(answer["HX-Trigger"])


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"span": "3600", "reason": ""}, "This field is required"),
        ({"span": "until", "reason": "why"}, "Say until when."),
        ({"span": "until", "until": "2020-01-01T00:00", "reason": "why"}, "must end in the future"),
        ({"span": "7", "reason": "why"}, "Select a valid choice"),
    ],
)
def test_a_silence_that_lacks_something_comes_back_with_what(
    alert: Alert, as_operator: Client, sent: dict[str, str], reason: str
) -> None:
    answer = as_operator.post(url("alert-silence", alert), sent, headers=htmx("dialog-slot"))
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not Silence.objects.exists()


def test_a_silence_until_a_given_moment_is_taken_as_utc(alert: Alert, as_operator: Client) -> None:
    until = (timezone.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    sent = {"span": "until", "until": f"{until:%Y-%m-%dT%H:%M}", "reason": "holiday"}
    as_operator.post(url("alert-silence", alert), sent, headers=htmx())
    assert Silence.objects.get().until == until


def test_a_silence_is_lifted_and_one_that_is_not_there_is_refused(
    alert: Alert, as_operator: Client, operator: User
) -> None:
    missing = as_operator.post(url("alert-lift", alert), headers=htmx("alert-live"))
    assert (missing.status_code, missing.content) == (409, b"This alert is not silenced.")
    until = timezone.now() + timedelta(hours=1)
    actions.silence(alert, until=until, reason="known", actor=operator, source="page")
    shown = as_operator.get(url("alert", alert)).content.decode()
    assert "Lift the silence" in shown
    answer = as_operator.post(url("alert-lift", alert), headers=htmx("alert-live"))
    assert answer.status_code == 200
    assert Silence.objects.get().ended_at is not None


def bulk(browser: Client, alerts: list[Alert], headers: Any = None, **sent: str) -> Any:
    ids = [str(alert.pk) for alert in alerts]
    return browser.post(
        reverse("dashboard:alerts-bulk"), {"ids": ids, **sent},
        headers=htmx("alert-list") if headers is None else headers,
    )  # fmt: skip


@pytest.fixture
def three() -> list[Alert]:
    feed = world.feed()
    return [world.alert(feed, title=f"alert {n}") for n in range(3)]


def test_one_request_acknowledges_all_that_are_ticked(
    three: list[Alert], as_operator: Client
) -> None:
    answer = bulk(as_operator, three, act="acknowledge")
    assert toast(answer) == "3 of 3 acknowledged."
    assert Alert.objects.filter(acknowledged_at=None).count() == 0
    assert AuditEntry.objects.count() == 3


def test_each_line_of_a_bulk_act_has_its_own_outcome(
    three: list[Alert], as_operator: Client, admin: User
) -> None:
    actions.acknowledge(three[1], actor=admin, source="page")
    answer = bulk(as_operator, three, act="acknowledge")
    text = answer.content.decode()
    assert toast(answer) == "2 of 3 acknowledged."
    assert "alert 0: acknowledged" in text
    assert re.search("alert 1: [^<]*by ada already", text)
    assert 'id="bulk-outcome" hx-swap-oob="true"' in text


def test_a_bulk_act_without_scripts_leads_back_with_the_reasons(
    three: list[Alert], as_operator: Client, admin: User
) -> None:
    actions.acknowledge(three[1], actor=admin, source="page")
    answer = bulk(as_operator, three, headers={}, act="acknowledge")
    assert answer.status_code == 302
    (message,) = get_messages(answer.wsgi_request)
    assert re.fullmatch("2 of 3 acknowledged. .* by ada already.", str(message))


def test_many_are_silenced_and_given_away_at_once(
    three: list[Alert], as_operator: Client, viewer: User
) -> None:
    bulk(as_operator, three, act="silence", span="900", reason="maintenance")
    assert Silence.objects.filter(reason="maintenance").count() == 3
    bulk(as_operator, three, act="assign", assignee=str(viewer.pk))
    assert Alert.objects.filter(assignee=viewer).count() == 3


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"act": "silence", "span": "900", "reason": ""}, "Say for how long, and why"),
        ({"act": "explode"}, "Choose what to do"),
        ({}, "Choose what to do"),
    ],
)
def test_a_bulk_act_that_lacks_something_changes_nothing(
    three: list[Alert], as_operator: Client, sent: dict[str, str], reason: str
) -> None:
    answer = bulk(as_operator, three, **sent)
    assert answer.status_code == 409
    assert reason in answer.content.decode()
    assert not AuditEntry.objects.exists()


def test_nothing_ticked_is_said(as_operator: Client) -> None:
    answer = bulk(as_operator, [], act="acknowledge")
    assert answer.content.decode() == "Tick the alerts first."


def test_an_alert_that_is_gone_is_reported(three: list[Alert], as_operator: Client) -> None:
    gone = three.pop()
    numbers = [*three, Alert(pk=gone.pk)]
    gone.delete()
    answer = bulk(as_operator, numbers, act="acknowledge")
    assert toast(answer) == "2 of 3 acknowledged."
    assert "There is no such alert." in answer.content.decode()
