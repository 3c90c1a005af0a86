"""Who gets in where: one line per view, each tried by nobody, by a viewer and by those who may."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest.models import ApiKey, Session
from dashboard.permissions import MATRIX, Act, may
from dashboard.roles import RANKS
from dashboard.views import (
    alert_acts,
    alerts,
    audit,
    clients,
    clocks,
    keys,
    people,
    settings,
    signals,
    symbols,
    webhooks,
)
from signals.models import Signal
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Door:
    """A view, the lowest role that it opens for, and what a harmless request sends."""

    name: str
    role: str
    method: str = "get"
    subject: str = ""
    extra: tuple[Any, ...] = ()
    sends: dict[str, str] = field(default_factory=dict, hash=False)


DOORS = (
    Door("alerts", "viewer"),
    Door("alert", "viewer", subject="alert"),
    Door("alerts-bulk", "operator", "post"),
    Door("alert-silence", "operator", subject="alert"),
    Door("alert-lift", "operator", "post", "alert"),
    Door("alert-note", "operator", "post", "alert"),
    Door("alert-assign", "operator", "post", "alert"),
    Door("alert-act", "operator", "post", "alert", ("acknowledge",)),
    Door("signals", "viewer"),
    Door("signal", "viewer", subject="signal"),
    Door("signal-push", "operator"),
    Door("signal-expire", "operator", "post", "signal"),
    Door("strategy", "admin", "post", extra=("tight_spread",)),
    Door("clients", "viewer"),
    Door("client", "viewer", subject="client"),
    Door("client-register", "operator"),
    Door("client-edit", "operator", subject="client"),
    Door("client-disable", "operator", subject="client"),
    Door("client-enable", "operator", "post", "client"),
    Door("client-clock", "operator", "post", "client"),
    Door("client-clock-set", "operator", subject="client"),
    Door("symbols", "viewer"),
    Door("client-symbols", "viewer", subject="client"),
    Door("symbol-match", "operator", subject="source"),
    Door("symbol-apart", "operator", "post", "source"),
    Door("symbol-undo", "operator", "post", "source"),
    Door("session", "viewer", subject="session"),
    Door("session-end", "operator", "post", "session"),
    Door("key-issue", "operator", subject="client"),
    Door("key-rotate", "operator", subject="key"),
    Door("key-revoke", "operator", subject="key"),
    Door("webhooks", "operator", subject="client"),
    Door("webhook-preview", "operator", "post", "client"),
    Door("webhooks-again", "operator", "post", "client"),
    Door("audit", "viewer"),
    Door("audit-chain", "viewer"),
    Door("settings", "viewer"),
    Door("settings-limits", "viewer"),
    Door("settings-bridge", "viewer"),
    Door("rule", "admin", extra=("deviation",)),
    Door("rule-follow", "admin", "post", extra=("deviation",)),
    Door("people", "admin"),
    Door("person-new", "admin"),
    Door("person-role", "admin", subject="user"),
    Door("person-active", "admin", "post", "user"),
    Door("person-password", "admin", subject="user"),
    Door("own-password", "viewer"),
)
every_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)


@pytest.fixture
def subjects(db: None) -> dict[str, Any]:
    """One of everything that an address can name."""
    feed = world.feed("ICM-LIVE", "EURUSD")
    client = feed.source.client
    now = timezone.now()
    return {
        "alert": world.alert(feed).pk,
        "client": client.pk,
        "source": feed.pk,
        "session": world.connected("ICM-LIVE").pk,
        "key": ApiKey.objects.create(
            client=client, public_id="abc", digest="0" * 64, pepper=1, scopes=["ingest"]
        ).pk,
        "signal": Signal.objects.create(
            symbol="EURUSD", action="CLOSE", source="manual", created_at=now,
            expires_at=now + timedelta(hours=1),
        ).pk,
        "user": User.objects.create_user("somebody").pk,
    }  # fmt: skip


def address(door: Door, subjects: dict[str, Any]) -> str:
    arguments = ([subjects[door.subject]] if door.subject else []) + list(door.extra)
    return reverse(f"dashboard:{door.name}", args=arguments)


def ask(browser: Client, door: Door, subjects: dict[str, Any], **how: Any) -> Any:
    return getattr(browser, door.method)(address(door, subjects), door.sends, **how)


@every_door
def test_nobody_gets_in_without_signing_in(door: Door, subjects: dict[str, Any]) -> None:
    answer = ask(Client(), door, subjects)
    assert answer.status_code == 302
    assert answer.url.startswith("/sign-in")


@every_door
def test_a_lower_role_is_refused_and_changes_nothing(door: Door, subjects: dict[str, Any]) -> None:
    for rank in RANKS[: RANKS.index(door.role)]:
        browser = Client()
        browser.force_login(world.person(f"a {rank}", rank))
        answer = ask(browser, door, subjects)
        assert answer.status_code == 403
        assert browser.post(address(door, subjects)).status_code in {403, 405}
        assert f"This needs the role {door.role}" in answer.content.decode()
        assert not AuditEntry.objects.exists()


@every_door
def test_the_role_it_is_for_gets_in(door: Door, subjects: dict[str, Any]) -> None:
    browser = Client()
    browser.force_login(world.person("just", door.role))
    assert ask(browser, door, subjects).status_code in {200, 302, 404, 409, 422}


def test_every_view_of_these_pages_stands_in_the_list() -> None:
    modules = (
        alerts, alert_acts, signals, clients, clocks, symbols, keys, webhooks, audit, settings,
        people,
    )  # fmt: skip
    named = {pattern.name for module in modules for pattern in module.urlpatterns}
    assert named == {door.name for door in DOORS}


@pytest.mark.parametrize("door", [d for d in DOORS if d.method == "post"], ids=lambda d: d.name)
def test_what_changes_something_does_not_answer_to_a_link(
    door: Door, subjects: dict[str, Any], as_admin: Client
) -> None:
    assert as_admin.get(address(door, subjects)).status_code == 405


def test_a_refusal_to_htmx_is_a_sentence_and_not_a_page(
    subjects: dict[str, Any], as_viewer: Client
) -> None:
    door = next(door for door in DOORS if door.name == "alert-act")
    answer = ask(as_viewer, door, subjects, headers=htmx())
    assert answer.status_code == 403
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content == b"This needs the role operator. Ask an admin for it."


@pytest.mark.parametrize(
    "path",
    ["alerts", "alert", "clients", "client", "symbols", "client-symbols", "signals", "settings"],
)
def test_a_viewer_is_offered_nothing_to_change(
    path: str, subjects: dict[str, Any], as_viewer: Client
) -> None:
    door = next(door for door in DOORS if door.name == path)
    text = ask(as_viewer, door, subjects).content.decode()
    main = text[text.index("<main") : text.index("</main>")]
    assert 'method="post"' not in main
    assert "hx-post" not in main


def test_keys_are_not_shown_to_viewers(
    subjects: dict[str, Any], as_viewer: Client, as_operator: Client
) -> None:
    url = reverse("dashboard:client", args=[subjects["client"]])
    assert "fks_abc" not in as_viewer.get(url).content.decode()
    assert "fks_abc" in as_operator.get(url).content.decode()


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        ("viewer", set()),
        (
            "operator",
            {
                Act.HANDLE_ALERTS,
                Act.PUSH_SIGNALS,
                Act.MANAGE_CLIENTS,
                Act.SEE_KEYS,
                Act.IMPORT_HISTORY,
            },
        ),
        ("admin", set(Act)),
    ],
)
def test_the_matrix_says_what_each_role_may(role: str, acts: set[Act]) -> None:
    allowed = may(world.person("p", role))
    assert {act for act in Act if allowed[act.value]} == acts
    assert set(MATRIX) == set(Act)


def test_a_superuser_without_a_group_is_an_admin() -> None:
    root = User.objects.create_superuser("root")
    assert all(may(root).values())


def test_an_unknown_session_is_not_found(as_viewer: Client, subjects: dict[str, Any]) -> None:
    gone = Session.objects.get().pk
    Session.objects.all().delete()
    assert as_viewer.get(reverse("dashboard:session", args=[gone])).status_code == 404
