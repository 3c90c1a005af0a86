"""A client's clock on its page: what is stated, measured and in force, and what people decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest.models import Client, ClientClock, ClockChange
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db
HOUR_S = 3600


@pytest.fixture
def icm() -> Client:
    """It says that it stands at UTC, and runs three hours ahead."""
    client = world.client("ICM-LIVE")
    now = timezone.now()
    ClientClock.objects.create(
        client=client, stated_s=0, measured_s=3 * HOUR_S, measured_at=now - timedelta(seconds=7)
    )
    ClockChange.objects.create(client=client, at=now, kind="measured", after_s=3 * HOUR_S)
    return client


def card(browser: Browser, client: Client) -> str:
    url = reverse("dashboard:client", args=[client.pk])
    return str(browser.get(url, headers=htmx("client-clock")).content.decode())


def choose(browser: Browser, client: Client, choice: str, **more: Any) -> Any:
    url = reverse("dashboard:client-clock", args=[client.pk])
    return browser.post(url, {"choice": choice, **more}, headers=htmx("client-clock"))


def test_the_card_proposes_what_was_measured_and_offers_it_to_operators(
    icm: Client, as_viewer: Browser, as_operator: Browser
) -> None:
    for text in (card(as_viewer, icm), card(as_operator, icm)):
        assert "runs at UTC+3, and is read as UTC." in text
        assert "<dt>Measured</dt><dd>UTC+3</dd>" in text
        assert "measured <b>UTC+3</b>" in text
    assert "Use UTC+3" not in card(as_viewer, icm)
    assert "Use UTC+3 and follow daylight saving" in card(as_operator, icm)


def test_the_whole_page_holds_the_card(icm: Client, as_viewer: Browser) -> None:
    text = as_viewer.get(reverse("dashboard:client", args=[icm.pk])).content.decode()
    assert text.count('id="client-clock"') == 1


@pytest.mark.parametrize(("choice", "mode"), [("use", "fixed"), ("follow", "auto")])
def test_what_was_measured_is_used_as_the_person_saw_it(
    choice: str, mode: str, icm: Client, as_operator: Browser
) -> None:
    answer = choose(as_operator, icm, choice, offset_s=3 * HOUR_S)
    assert answer.status_code == 200
    assert "runs at" not in answer.content.decode()
    assert 'in force UTC to <b>UTC+3</b> <span class="muted">by olga' in answer.content.decode()
    row = ClientClock.objects.get()
    assert (row.mode, row.in_force_s) == (mode, 3 * HOUR_S)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.source) == ("client.clock", "olga", "page")


def test_a_refused_proposal_says_where_the_clock_is_put_right(
    icm: Client, as_operator: Browser
) -> None:
    answer = choose(as_operator, icm, "refuse")
    assert "must be put right at the terminal" in answer.content.decode()
    again = choose(as_operator, icm, "refuse")
    assert (again.status_code, again.content) == (
        409, b"Nothing is proposed for the clock of ICM-LIVE.",
    )  # fmt: skip


def test_a_set_clock_can_go_by_what_is_stated_again(icm: Client, as_operator: Browser) -> None:
    assert "Go by what it states" not in card(as_operator, icm)
    choose(as_operator, icm, "use", offset_s=3 * HOUR_S)
    assert "Go by what it states" in card(as_operator, icm)
    choose(as_operator, icm, "stated")
    assert ClientClock.objects.get().in_force_s == 0


@pytest.mark.parametrize(
    ("sent", "status"), [({"choice": "guess"}, 422), ({"choice": "use"}, 409),
                         ({"choice": "use", "offset_s": 100}, 409)],
)  # fmt: skip
def test_a_choice_that_is_none_changes_nothing(
    sent: dict[str, Any], status: int, icm: Client, as_operator: Browser
) -> None:
    assert choose(as_operator, icm, **sent).status_code == status
    assert not AuditEntry.objects.exists()


def test_an_offset_is_set_by_hand(icm: Client, as_operator: Browser) -> None:
    url = reverse("dashboard:client-clock-set", args=[icm.pk])
    assert 'value="UTC"' in as_operator.get(url, headers=htmx("dialog-slot")).content.decode()
    wrong = as_operator.post(url, {"offset": "noon"}, headers=htmx("dialog-slot"))
    assert (wrong.status_code, "write it as UTC+3" in wrong.content.decode()) == (422, True)
    far = as_operator.post(url, {"offset": "UTC+5:10"}, headers=htmx("dialog-slot"))
    assert (far.status_code, "quarter of an hour" in far.content.decode()) == (422, True)
    done = as_operator.post(url, {"offset": "UTC-5", "follow": "on"}, headers=htmx("dialog-slot"))
    assert (done.status_code, 'hx-swap-oob="true"' in done.content.decode()) == (200, True)
    row = ClientClock.objects.get()
    assert (row.mode, row.in_force_s) == ("auto", -5 * HOUR_S)


@pytest.mark.parametrize(
    ("measured_s", "said"),
    [(None, "not measured yet"), (0, "as in force"), (-900, "No zone of the world")],
)
def test_the_card_says_what_a_measurement_means(
    measured_s: int | None, said: str, as_viewer: Browser
) -> None:
    client = world.client("X")
    ClientClock.objects.create(client=client, stated_s=0, measured_s=measured_s)
    assert said in card(as_viewer, client)


def test_a_client_that_never_spoke_has_an_empty_card(as_viewer: Browser) -> None:
    assert "not measured yet" in card(as_viewer, world.client("new"))
