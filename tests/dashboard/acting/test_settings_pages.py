"""Settings: rules for all and for one instrument, and what holds on this bridge."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEntry
from dashboard.reading import rules as reading
from market.models import Instrument
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx
from verification.models import RuleSetting
from verification.parameters import RULES

pytestmark = pytest.mark.django_db


@pytest.fixture
def eurusd() -> Instrument:
    return world.instrument("EURUSD")


def set_rule(browser: Client, rule: str, query: str = "", **sent: Any) -> Any:
    url = f"{reverse('dashboard:rule', args=[rule])}{query}"
    return browser.post(url, {"enabled": "on", **sent}, headers=htmx("dialog-slot"))


def in_force(rule: str, instrument: Instrument | None = None) -> dict[str, float]:
    view = reading.rule(rule, instrument)
    return {each.name: each.value for each in view.parameters}


def test_every_rule_is_shown_with_its_parameters_and_their_meaning(as_viewer: Client) -> None:
    text = as_viewer.get("/settings").content.decode()
    for name in RULES:
        assert f'id="rule-{name}"' in text
    assert "Threshold, pips" in text
    assert "For FX and metals, in their pips." in text


def test_a_rule_is_set_for_all(as_admin: Client) -> None:
    answer = set_rule(as_admin, "deviation", threshold_pips="1.5", min_ticks="5")
    row = RuleSetting.objects.get()
    assert (row.instrument, row.parameters) == (None, {"threshold_pips": 1.5, "min_ticks": 5})
    assert 'id="rules" hx-swap-oob="true"' in answer.content.decode()
    assert AuditEntry.objects.get().action == "rule.set"
    assert in_force("deviation")["threshold_pips"] == 1.5


def test_an_empty_field_follows_what_lies_below(as_admin: Client, eurusd: Instrument) -> None:
    set_rule(as_admin, "deviation", threshold_pips="2")
    set_rule(as_admin, "deviation", f"?instrument={eurusd.pk}", persistence_s="9")
    assert in_force("deviation", eurusd)["threshold_pips"] == 2
    assert in_force("deviation", eurusd)["persistence_s"] == 9
    assert in_force("deviation")["persistence_s"] == 3
    set_rule(as_admin, "deviation")
    assert in_force("deviation", eurusd)["threshold_pips"] == 1


def test_an_instrument_is_chosen_and_later_follows_the_rule_for_all_again(
    as_admin: Client, eurusd: Instrument
) -> None:
    asks = as_admin.get("/settings/rules/deviation?one", headers=htmx()).content.decode()
    assert 'name="instrument"' in asks
    set_rule(as_admin, "deviation", "?one", instrument=eurusd.pk, threshold_pips="0.5")
    page = as_admin.get("/settings").content.decode()
    assert "<b>EURUSD</b>" in page
    url = f"{reverse('dashboard:rule-follow', args=['deviation'])}?instrument={eurusd.pk}"
    as_admin.post(url, headers=htmx())
    assert in_force("deviation", eurusd)["threshold_pips"] == 1
    assert "<b>EURUSD</b>" not in as_admin.get("/settings").content.decode()


def test_a_rule_is_switched_off(as_admin: Client) -> None:
    url = reverse("dashboard:rule", args=["mute"])
    as_admin.post(url, {}, headers=htmx())
    assert not RuleSetting.objects.get().enabled


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"threshold_pips": "0"}, "greater than or equal to 0.01"),
        ({"threshold_pips": "much"}, "Enter a number."),
        ({"min_ticks": "2.5"}, "Enter a whole number."),
        ({"threshold_pips": "nan"}, "Enter a number."),
        ({"close_after_s": "1", "clear_after_s": "2"}, "close_after_s must not be below"),
    ],
)
def test_a_parameter_that_can_not_be_is_refused_with_the_reason(
    as_admin: Client, sent: dict[str, str], reason: str
) -> None:
    answer = set_rule(as_admin, "deviation", **sent)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not RuleSetting.objects.exists()


def test_a_rule_by_client_can_not_be_set_for_an_instrument(
    as_admin: Client, eurusd: Instrument
) -> None:
    answer = set_rule(as_admin, "clock", f"?instrument={eurusd.pk}", ahead_s="3")
    assert answer.status_code == 422
    assert "judged by client" in answer.content.decode()
    assert "For one instrument" not in _section(as_admin, "clock")
    assert "For one instrument" in _section(as_admin, "deviation")


def _section(browser: Client, rule: str) -> str:
    text: str = browser.get("/settings").content.decode()
    start = text.index(f'id="rule-{rule}"')
    return text[start : text.index("</article>", start)]


def test_unknown_rules_and_instruments_are_not_found(as_admin: Client) -> None:
    assert as_admin.get("/settings/rules/luck").status_code == 404
    assert as_admin.get("/settings/rules/deviation?instrument=4242").status_code == 404
    assert as_admin.post("/settings/rules/deviation/follow").status_code == 404


def test_the_bridge_page_says_what_durability_means_and_shows_no_secret(
    as_viewer: Client, settings: Any
) -> None:
    text = as_viewer.get("/settings/bridge").content.decode()
    assert "Durability: process." in text
    assert "FKS_TCP_PORT" in text
    for secret in (settings.SECRET_KEY, settings.FKS.database_url, settings.FKS.redis_url):
        assert secret not in text
    for pepper in settings.FKS.key_peppers.values():
        assert pepper not in text


def test_the_people_tab_is_for_admins(as_viewer: Client, as_admin: Client) -> None:
    assert "/settings/people" not in as_viewer.get("/settings").content.decode()
    assert "/settings/people" in as_admin.get("/settings").content.decode()
