"""Keys: shown once, rotated with an overlap, revoked after a question."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest import keys, names
from bridge_ingest.keys import KeyRefused
from bridge_ingest.models import ApiKey, Client
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db


@pytest.fixture
def icm() -> Client:
    return world.client("ICM-LIVE")


def issue(browser: Browser, client: Client, **changes: Any) -> Any:
    sent = {"scopes": ["ingest", "signals"], "lifetime": "never"} | changes
    url = reverse("dashboard:key-issue", args=[client.pk])
    return browser.post(url, sent, headers=htmx("dialog-slot"))


def page(browser: Browser, client: Client) -> str:
    text: str = browser.get(reverse("dashboard:client", args=[client.pk])).content.decode()
    return text


def test_a_new_key_is_shown_once_and_opens_the_door(icm: Client, as_operator: Browser) -> None:
    answer = issue(as_operator, icm)
    secret = answer.context["secret"]
    assert answer.content.decode().count(secret) >= 2  # the key, and the settings to paste
    assert "no-store" in answer["Cache-Control"]
    assert keys.authenticate(secret, "signals").client == icm
    assert secret not in page(as_operator, icm)
    assert ApiKey.objects.get().prefix in page(as_operator, icm)
    assert secret not in json.dumps(list(AuditEntry.objects.values_list("after", flat=True)))


def test_the_list_of_keys_is_renewed_beside_the_dialog(icm: Client, as_operator: Browser) -> None:
    text = issue(as_operator, icm).content.decode()
    assert 'id="client-keys" hx-swap-oob="true"' in text


def test_without_scripts_the_key_is_shown_on_a_page_of_its_own(
    icm: Client, as_operator: Browser
) -> None:
    url = reverse("dashboard:key-issue", args=[icm.pk])
    answer = as_operator.post(url, {"scopes": ["ingest"], "lifetime": "never"})
    assert answer.context["secret"] in answer.content.decode()
    assert "<html" in answer.content.decode()


def test_a_key_takes_its_lifetime_and_addresses(icm: Client, as_operator: Browser) -> None:
    issue(as_operator, icm, lifetime="30", allowed_addresses="10.0.0.0/8, 203.0.113.7")
    key = ApiKey.objects.get()
    assert key.allowed_addresses == ["10.0.0.0/8", "203.0.113.7"]
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["everything"]}, "Select a valid choice"),
        ({"allowed_addresses": "the office"}, "neither an address nor a network"),
        ({"lifetime": "31"}, "Select a valid choice"),
    ],
)
def test_a_key_that_lacks_something_is_not_made(
    icm: Client, as_operator: Browser, changes: dict[str, Any], reason: str
) -> None:
    answer = issue(as_operator, icm, **changes)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_webhook_key_is_offered_to_tradingview(as_operator: Browser) -> None:
    charts = world.client("TV", "tradingview")
    url = reverse("dashboard:key-issue", args=[charts.pk])
    form = as_operator.get(url, headers=htmx("dialog-slot")).context["form"]
    assert [str(scope) for scope in form["scopes"].value()] == ["webhook"]
    shown = issue(as_operator, charts, scopes=["webhook"])
    assert f"/api/bridge/{shown.context['secret']}" in shown.content.decode()


def test_a_rotated_key_goes_on_for_the_overlap(icm: Client, as_operator: Browser) -> None:
    first = issue(as_operator, icm).context["secret"]
    old = ApiKey.objects.get()
    url = reverse("dashboard:key-rotate", args=[old.pk])
    second = as_operator.post(url, {"overlap": "3600"}, headers=htmx()).context["secret"]
    assert keys.authenticate(first, "ingest").pk == old.pk
    assert keys.authenticate(second, "ingest").rotated_from.pk == old.pk
    text = page(as_operator, icm)
    assert "being replaced" in text
    old.refresh_from_db()
    assert old.expires_at is not None
    assert abs(old.expires_at - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)


def test_a_key_is_rotated_only_once(icm: Client, as_operator: Browser) -> None:
    issue(as_operator, icm)
    url = reverse("dashboard:key-rotate", args=[ApiKey.objects.get().pk])
    as_operator.post(url, {"overlap": "3600"}, headers=htmx())
    again = as_operator.post(url, {"overlap": "3600"}, headers=htmx())
    assert again.status_code == 409
    assert "rotate its successor" in again.content.decode()


def test_a_revoked_key_opens_nothing_and_the_gateways_hear_of_it(
    icm: Client, as_operator: Browser, redis_client: redis.Redis, commits: Any
) -> None:
    secret = issue(as_operator, icm).context["secret"]
    key = ApiKey.objects.get()
    url = reverse("dashboard:key-revoke", args=[key.pk])
    asks = as_operator.get(url, headers=htmx("dialog-slot")).content.decode()
    assert "This can&#x27;t be taken back." in asks
    with redis_client.pubsub() as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(names.CONTROL)
        listener.get_message(timeout=1)
        with commits():
            answer = as_operator.post(url, headers=htmx("dialog-slot"))
        heard = listener.get_message(timeout=2)
    assert json.loads(heard["data"]) == {"op": "revoke", "key": key.public_id}
    assert 'id="client-keys" hx-swap-oob="true"' in answer.content.decode()
    with pytest.raises(KeyRefused) as refused:
        keys.authenticate(secret, "ingest")
    assert refused.value.code == "revoked"


def test_a_key_is_revoked_only_once(icm: Client, as_operator: Browser) -> None:
    issue(as_operator, icm)
    url = reverse("dashboard:key-revoke", args=[ApiKey.objects.get().pk])
    as_operator.post(url, headers=htmx())
    again = as_operator.post(url, headers=htmx())
    assert again.status_code == 409
    assert "no longer active" in again.content.decode()


def test_keys_that_have_ended_stay_in_the_list_below_those_in_force(
    icm: Client, as_operator: Browser
) -> None:
    for _ in range(2):
        issue(as_operator, icm)
    newest = ApiKey.objects.first()
    assert newest is not None
    as_operator.post(reverse("dashboard:key-revoke", args=[newest.pk]))
    ApiKey.objects.exclude(pk=newest.pk).update(last_used_at=timezone.now())
    text = page(as_operator, icm)
    assert text.index("in force") < text.index("revoked ")
    assert "never used" in text
