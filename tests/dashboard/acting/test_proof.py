"""Proof besides the key: shown on the client's page, changed in its form, the secret shown once."""

from __future__ import annotations

import json

import pytest
from django.test import Client as Browser
from django.urls import reverse

from audit.models import AuditEntry
from bridge_ingest import sealing
from bridge_ingest.models import Client
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db
PUBLIC_KEY = "ab" * 32


@pytest.fixture
def icm() -> Client:
    return world.client("ICM-LIVE")


def page(browser: Browser, client: Client) -> str:
    text: str = browser.get(reverse("dashboard:client", args=[client.pk])).content.decode()
    return text


def edit(browser: Browser, client: Client, **changes: str) -> int:
    sent = {"platform": "mt5", "note": "", "plain_address": "", "public_key": ""} | changes
    url = reverse("dashboard:client-edit", args=[client.pk])
    return browser.post(url, sent, headers=htmx("dialog-slot")).status_code


def test_a_signing_secret_is_shown_once_and_lies_encrypted(
    icm: Client, as_operator: Browser
) -> None:
    url = reverse("dashboard:signing-secret", args=[icm.pk])
    answer = as_operator.post(url, headers=htmx("dialog-slot"))
    secret = answer.context["secret"]
    icm.refresh_from_db()
    assert "no-store" in answer["Cache-Control"]
    assert sealing.unseal(icm.signing_secret).decode() == secret
    assert secret not in icm.signing_secret
    assert secret not in page(as_operator, icm)
    assert secret not in json.dumps(list(AuditEntry.objects.values_list("after", flat=True)))
    assert AuditEntry.objects.filter(action="client.signing_secret").count() == 1


def test_a_new_secret_replaces_the_old_one_after_a_question(
    icm: Client, as_operator: Browser
) -> None:
    url = reverse("dashboard:signing-secret", args=[icm.pk])
    first = as_operator.post(url).context["secret"]
    assert "The one it has now ends at once" in as_operator.get(url).content.decode()
    assert as_operator.post(url).context["secret"] != first


def test_what_is_demanded_can_be_changed_and_is_seen(icm: Client, as_operator: Browser) -> None:
    assert "checked where there is one" in page(as_operator, icm)
    changes = {"needs_certificate": "on", "must_sign": "on", "public_key": PUBLIC_KEY}
    assert edit(as_operator, icm, **changes) < 400
    text = page(as_operator, icm)
    assert "needed, named ICM-LIVE" in text
    assert "needed on every message" in text


@pytest.mark.parametrize("changes", [{"must_sign": "on"}, {"public_key": "nonsense"}])
def test_what_nobody_could_prove_is_not_demanded(
    icm: Client, as_operator: Browser, changes: dict[str, str]
) -> None:
    assert edit(as_operator, icm, **changes) == 422
    icm.refresh_from_db()
    assert (icm.must_sign, icm.public_key) == (False, "")


def test_a_viewer_makes_no_secret(icm: Client, as_viewer: Browser) -> None:
    assert as_viewer.post(reverse("dashboard:signing-secret", args=[icm.pk])).status_code == 403
    icm.refresh_from_db()
    assert not icm.signing_secret
