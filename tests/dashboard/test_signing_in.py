"""Signing in, being turned away, and searching once inside."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from dashboard.roles import has_role, role_of
from tests.dashboard import world

pytestmark = pytest.mark.django_db

RIGHT = {"username": "vera", "password": "correct horse"}
WRONG = {"username": "vera", "password": "battery staple"}


def test_the_right_password_leads_to_the_page_that_was_asked_for(
    client: Client, viewer: User
) -> None:
    answer = client.post("/sign-in", RIGHT | {"next": "/health"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/health")


def test_nobody_is_sent_to_another_site_after_signing_in(client: Client, viewer: User) -> None:
    answer = client.post("/sign-in", RIGHT | {"next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_is_refused_without_saying_which_part_was_wrong(
    client: Client, viewer: User
) -> None:
    wrong = client.post("/sign-in", WRONG).content.decode()
    unknown = client.post("/sign-in", {"username": "nobody", "password": "x"}).content.decode()
    assert "Name and password do not match" in wrong
    assert "Name and password do not match" in unknown


def test_too_many_failures_lock_the_name_also_for_the_right_password(
    client: Client, viewer: User
) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post("/sign-in", WRONG)
    assert answer.status_code == 429
    assert "Wait 15 min" in answer.content.decode()
    assert client.post("/sign-in", RIGHT).status_code == 429


def test_signing_out_needs_a_post_and_ends_the_session(as_viewer: Client) -> None:
    assert as_viewer.get("/sign-out").status_code == 405
    assert as_viewer.post("/sign-out").status_code == 302
    assert as_viewer.get("/").status_code == 302


def test_roles_come_from_groups_and_the_highest_counts() -> None:
    both = world.person("both", "viewer")
    world.person("other", "admin").groups.get(name="admin").user_set.add(both)
    assert role_of(both) == "admin"
    assert role_of(world.person("nobody")) == "viewer"
    assert has_role(world.person("olga", "operator"), "viewer")
    assert not has_role(world.person("vera", "viewer"), "operator")


def test_the_palette_finds_instruments_clients_alerts_and_pages(as_viewer: Client) -> None:
    world.alert(world.feed("OANDA", "EURUSD"))
    found = as_viewer.get("/search", {"q": "oanda"}).context["groups"]
    assert [group.title for group in found] == ["Open alerts", "Clients"]
    found = as_viewer.get("/search", {"q": "eur"}).context["groups"]
    assert [group.title for group in found] == ["Instruments", "Open alerts"]
    found = as_viewer.get("/search", {"q": "heal"}).context["groups"]
    assert [hit.url for hit in found[0].hits] == ["/health"]


def test_a_search_without_result_says_what_is_searched(as_viewer: Client) -> None:
    html = as_viewer.get("/search", {"q": "zz<b>"}).content.decode()
    assert "zz&lt;b&gt;" in html
    assert "searched by name" in html
