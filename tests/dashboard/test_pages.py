"""Every page answers whom it should, as it should."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEntry
from market.models import TerminalBar
from tests.dashboard import world

pytestmark = pytest.mark.django_db

PAGES = [
    "/", "/overview/board", "/overview/alerts", "/overview/open-alerts", "/alert-count",
    "/instruments", "/instruments/EURUSD", "/health", "/health/services", "/imports", "/about",
    "/search", "/styleguide",
]  # fmt: skip


@pytest.fixture
def trading() -> None:
    world.feed("ICM-LIVE", "EURUSD")
    world.alert(world.feed("OANDA", "EURUSD"))


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_sign_in(path: str, client: Client) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in?next={path}")


@pytest.mark.parametrize("path", PAGES)
def test_everybody_who_is_signed_in_may_look(path: str, as_viewer: Client, trading: None) -> None:
    assert as_viewer.get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_every_page_stands_without_a_single_feed(path: str, as_viewer: Client) -> None:
    expected = 404 if path == "/instruments/EURUSD" else 200
    assert as_viewer.get(path).status_code == expected


@pytest.mark.parametrize("path", ["/sign-in", *PAGES])
def test_no_page_carries_what_the_policy_forbids(
    path: str, client: Client, viewer: User, trading: None
) -> None:
    if path != "/sign-in":
        client.force_login(viewer)
    answer = client.get(path)
    html = answer.content.decode()
    assert " style=" not in html
    assert "hx-on" not in html
    assert "javascript:" not in html
    for opening in html.split("<script")[1:]:
        head = opening.split(">", 1)[0]
        assert "src=" in head or "application/json" in head
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_overview_teaches_what_to_do_when_it_is_empty(as_viewer: Client) -> None:
    assert "No feed yet" in as_viewer.get("/").content.decode()


def test_an_operator_acknowledges_in_place_and_the_list_comes_back_settled(
    as_operator: Client, operator: User
) -> None:
    alert = world.alert(world.feed())
    answer = as_operator.post(reverse("dashboard:overview-acknowledge", args=[alert.pk]))
    alert.refresh_from_db()
    assert answer.status_code == 200
    assert alert.acknowledged_by == operator
    assert "acknowledged by olga" in answer.content.decode()
    assert 'data-act="acknowledge"' not in answer.content.decode()
    assert AuditEntry.objects.filter(actor=operator, source="page").count() == 1


def test_acknowledging_twice_is_refused_with_the_reason(as_operator: Client) -> None:
    alert = world.alert(world.feed(), acknowledged_at=timezone.now())
    answer = as_operator.post(reverse("dashboard:overview-acknowledge", args=[alert.pk]))
    assert answer.status_code == 409
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "already" in answer.content.decode()


def test_a_viewer_is_offered_no_act_and_refused_one(as_viewer: Client) -> None:
    alert = world.alert(world.feed())
    assert 'data-act="acknowledge"' not in as_viewer.get("/").content.decode()
    answer = as_viewer.post(reverse("dashboard:overview-acknowledge", args=[alert.pk]))
    alert.refresh_from_db()
    assert answer.status_code == 403
    assert alert.acknowledged_at is None


def test_acknowledging_by_a_link_is_not_possible(as_operator: Client) -> None:
    alert = world.alert(world.feed())
    path = reverse("dashboard:overview-acknowledge", args=[alert.pk])
    assert as_operator.get(path).status_code == 405


def test_a_foreign_page_cannot_act_for_a_signed_in_operator(operator: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    alert = world.alert(world.feed())
    answer = browser.post(reverse("dashboard:overview-acknowledge", args=[alert.pk]))
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_the_rail_counts_alerts_that_nobody_has_taken(as_viewer: Client) -> None:
    feed = world.feed()
    world.alert(feed)
    world.alert(feed, acknowledged_at=timezone.now())
    html = as_viewer.get("/alert-count").content.decode()
    assert 'data-state="act"' in html
    assert "waiting: </span>1<" in html


def test_an_address_that_does_not_exist_says_so_kindly(as_viewer: Client) -> None:
    answer = as_viewer.get("/no/such/page")
    assert answer.status_code == 404
    assert "Nothing lives at this address" in answer.content.decode()


def test_a_fault_of_ours_shows_a_page_that_needs_nothing(
    viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("a fault that no page expects")

    monkeypatch.setattr("dashboard.views.overview.board", broken)
    browser = Client(raise_request_exception=False)
    browser.force_login(viewer)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "The bridge made a mistake" in answer.content.decode()
    assert "a fault that no page expects" not in answer.content.decode()


def test_the_style_guide_is_no_part_of_production(as_viewer: Client) -> None:
    import dataclasses

    with override_settings(FKS=dataclasses.replace(settings.FKS, env="production")):
        assert as_viewer.get("/styleguide").status_code == 404


def test_the_about_page_shows_the_notice_that_the_charts_ask_for(as_viewer: Client) -> None:
    html = as_viewer.get("/about").content.decode()
    assert "Copyright (\u0441) 2023 TradingView, Inc." in html
    assert 'href="https://www.tradingview.com/"' in html


def test_a_terminal_that_sends_bars_alone_is_neither_silent_nor_closed(as_viewer: Client) -> None:
    feed = world.feed("TV-ALERTS", "EURUSD")
    feed.state.delete()
    start = datetime(2026, 11, 29, 12, 41, tzinfo=UTC)
    prices = dict.fromkeys(("open", "high", "low", "close"), 1.08)
    TerminalBar.objects.create(
        feed=feed, period_s=60, start=start, **prices, volume=1, stamp="open", closed=True,
        received_at=start,
    )  # fmt: skip
    page = as_viewer.get("/instruments/EURUSD").content.decode()
    assert "bars only" in page
    assert "last bar of 11-29 12:41" in page
    assert "no tick yet" not in page
