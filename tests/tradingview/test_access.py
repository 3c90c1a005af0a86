"""Who may read the datafeed, and what everybody else is told."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from bridge_ingest import keys
from bridge_ingest.models import ApiKey, Client, Scope
from tests.tradingview.conftest import Chart

STRANGER = "203.0.113.9"
pytestmark = pytest.mark.django_db


def issue(*scopes: str, **fields: object) -> str:
    client, _ = Client.objects.get_or_create(name="charts", platform="agent")
    key = keys.generate()
    ApiKey.objects.create(
        client=client, public_id=key.public_id, digest=key.digest, pepper=key.pepper,
        scopes=list(scopes), **fields,
    )  # fmt: skip
    return key.text


@pytest.fixture
def stranger() -> Chart:
    return Chart(address=STRANGER)


def test_a_stranger_is_told_to_sign_in(stranger: Chart) -> None:
    assert stranger.status() == 401
    assert stranger.get("config") == {
        "s": "error",
        "errmsg": "Sign in, or give a key of scope read.",
    }


@pytest.mark.parametrize("endpoint", ["config", "symbols", "search", "history", "time", "quotes"])
def test_every_endpoint_is_guarded(stranger: Chart, endpoint: str) -> None:
    assert stranger.status(endpoint) == 401


def test_a_signed_in_operator_reads(stranger: Chart) -> None:
    stranger.browser.force_login(User.objects.create_user("alice"))
    assert stranger.status() == 200


def test_a_key_of_scope_read_opens_as_bearer_and_in_the_path(stranger: Chart) -> None:
    key = issue(Scope.READ)
    assert stranger.status(authorization=f"Bearer {key}") == 200
    assert Chart(f"/api/v1/k/{key}", address=STRANGER).status("time") == 200


def test_a_key_of_another_scope_does_not_open(stranger: Chart) -> None:
    assert stranger.status(authorization=f"Bearer {issue(Scope.INGEST)}") == 403


@pytest.mark.parametrize(
    ("field", "reason"), [("revoked_at", "revoked"), ("expires_at", "expired")]
)
def test_a_dead_key_says_why(field: str, reason: str) -> None:
    key = issue(Scope.READ, **{field: timezone.now() - timedelta(minutes=1)})
    content = Chart(f"/api/v1/k/{key}", address=STRANGER).get("config")
    assert reason in content["errmsg"]


def test_a_key_bound_to_an_address_opens_only_from_there(stranger: Chart) -> None:
    key = issue(Scope.READ, allowed_addresses=["198.51.100.0/24"])
    assert stranger.status(authorization=f"Bearer {key}") == 403
    near = Chart(address="198.51.100.7")
    assert near.status(authorization=f"Bearer {key}") == 200


def test_a_wrong_key_is_refused_even_where_none_is_needed(chart: Chart) -> None:
    assert chart.status() == 200
    assert chart.status(authorization="Bearer fks_no_key") == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_forwarded_request_is_never_loopback(chart: Chart, header: str) -> None:
    assert chart.status(**{header: "127.0.0.1"}) == 401


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_needs_no_key(address: str) -> None:
    assert Chart(address=address).status() == 200


def test_this_machine_needs_a_key_where_the_plain_dialect_is_off(chart: Chart) -> None:
    with override_settings(FKS=dataclasses.replace(settings.FKS, plain_loopback=False)):
        assert chart.status() == 401


def test_only_get_is_answered(chart: Chart) -> None:
    response = chart.browser.post("/api/v1/config")
    assert response.status_code == 405
