"""The list of alerts: filters that combine, order, pages, and what a line says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.reading.alert_list import AlertFilter, AlertLine, alerts
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx
from verification import actions
from verification.models import Alert, Silence

pytestmark = pytest.mark.django_db
URL = "/alerts"


@pytest.fixture
def six(operator: User, viewer: User) -> dict[str, Alert]:
    """One alert of each sort, over two clients and two instruments."""
    icm, oanda = world.feed("ICM-LIVE", "EURUSD"), world.feed("OANDA", "USDJPY")
    now = timezone.now()
    made = {
        "fresh": world.alert(icm, title="fresh", opened_at=now),
        "taken": world.alert(icm, title="taken", opened_at=now - timedelta(minutes=1)),
        "given": world.alert(oanda, title="given", opened_at=now - timedelta(minutes=2)),
        "quiet": world.alert(oanda, title="quiet", rule="mute", feed=None, instrument=None,
                             opened_at=now - timedelta(minutes=3)),
        "quiet and taken": world.alert(oanda, title="quiet and taken", rule="clock",
                                       opened_at=now - timedelta(minutes=4)),
        "over": world.alert(icm, title="over", opened_at=now - timedelta(days=1),
                            condition_ended_at=now, resolved_at=now),
    }  # fmt: skip
    by: dict[str, Any] = {"actor": operator, "source": "page"}
    actions.acknowledge(made["taken"], **by)
    actions.acknowledge(made["quiet and taken"], actor=viewer, source="page")
    actions.assign(made["given"], operator, **by)
    for name in ("quiet", "quiet and taken"):
        until = now + timedelta(hours=1)
        actions.silence(made[name], until=until, reason="known", **by)
    actions.add_note(made["given"], "called the broker", **by)
    return made


def titles(query: str, user: User) -> list[str]:
    chosen = AlertFilter.read(QueryDict(query))
    return [alert.title for alert in alerts(chosen, user)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["fresh", "taken", "given", "quiet", "quiet and taken"]),
        ("state=waiting", ["fresh", "given"]),
        ("state=acknowledged", ["taken", "quiet and taken"]),
        ("state=acknowledged&silenced=yes", ["quiet and taken"]),
        ("state=acknowledged&silenced=no", ["taken"]),
        ("state=resolved", ["over"]),
        ("state=all", ["fresh", "taken", "given", "quiet", "quiet and taken", "over"]),
        ("silenced=yes", ["quiet", "quiet and taken"]),
        ("rule=mute", ["quiet"]),
        ("rule=mute&silenced=no", []),
        ("mine=1", ["taken", "given"]),
        ("mine=1&state=acknowledged", ["taken"]),
        ("q=broker", ["given"]),
        ("q=ICM", ["fresh", "taken"]),
        ("q=usdjpy&rule=deviation", ["given"]),
        ("state=nonsense&rule=nonsense&silenced=maybe&client=x", [
            "fresh", "taken", "given", "quiet", "quiet and taken"]),
    ],
)  # fmt: skip
def test_filters_combine(
    query: str, expected: list[str], six: dict[str, Alert], operator: User
) -> None:
    assert titles(query, operator) == expected


def test_a_client_and_an_instrument_narrow(six: dict[str, Alert], operator: User) -> None:
    client, instrument = six["given"].client_id, six["given"].instrument_id
    assert titles(f"client={client}", operator) == ["given", "quiet", "quiet and taken"]
    assert titles(f"client={client}&instrument={instrument}", operator) == [
        "given", "quiet and taken",
    ]  # fmt: skip
    assert titles("client=99999999999", operator) == titles("", operator)


def test_the_filter_lives_in_the_address_and_the_page_repeats_it(
    six: dict[str, Alert], as_operator: Client
) -> None:
    text = as_operator.get(URL, {"state": "all", "q": "over", "mine": "1"}).content.decode()
    assert '<option value="all" selected>' in text
    assert 'value="over"' in text
    assert "No alert fits this filter" in text


def test_htmx_gets_the_list_alone_and_a_browser_the_page(
    six: dict[str, Alert], as_operator: Client
) -> None:
    part = as_operator.get(URL, headers=htmx("alert-list"))
    whole = as_operator.get(URL)
    assert "<html" not in part.content.decode()
    assert "<html" in whole.content.decode()
    assert "HX-Request" in part["Vary"]


def test_a_line_says_who_has_it_what_was_noted_and_that_it_is_silenced(
    six: dict[str, Alert], as_operator: Client
) -> None:
    text = as_operator.get(URL).content.decode()
    assert "acknowledged by olga" in text
    assert "called the broker" in text
    assert text.count("silenced</span>") == 2
    assert "olga has it" in text


def test_only_what_calls_offers_to_be_acknowledged(six: dict[str, Alert], operator: User) -> None:
    lines = [AlertLine(alert) for alert in alerts(AlertFilter(state="all"), operator)]
    assert [line.alert.title for line in lines if line.calls] == ["fresh", "given"]
    states = {line.alert.title: line.state for line in lines}
    assert (states["fresh"], states["quiet"], states["over"]) == ("act", "closed", "verified")


def test_a_silence_that_is_over_silences_nothing(six: dict[str, Alert], operator: User) -> None:
    Silence.objects.filter(fingerprint=six["quiet"].fingerprint).update(until=timezone.now())
    assert "quiet" not in titles("silenced=yes", operator)


def test_a_long_list_comes_in_pages_that_keep_the_filter(as_operator: Client) -> None:
    feed = world.feed()
    for number in range(31):
        world.alert(feed, title=f"alert {number:02}")
    first = as_operator.get(URL, {"rule": "deviation"}).content.decode()
    assert "1\u201330 of 31" in first
    assert "?rule=deviation&amp;page=2" in first
    second = as_operator.get(URL, {"rule": "deviation", "page": "2"}).content.decode()
    assert "31\u201331 of 31" in second
    beyond = as_operator.get(URL, {"page": "nonsense"}).status_code
    assert beyond == 200


def test_an_empty_list_says_that_all_is_well(as_viewer: Client) -> None:
    assert "Every feed agrees" in as_viewer.get(URL).content.decode()


def test_a_line_links_to_its_alert_with_the_filter(
    six: dict[str, Alert], as_operator: Client
) -> None:
    url = reverse("dashboard:alert", args=[six["fresh"].pk])
    assert (
        f'href="{url}?state=waiting"' in as_operator.get(URL, {"state": "waiting"}).content.decode()
    )
