"""The operator's pages as a browser draws them: accessible, within their width, by every theme."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from bridge_ingest.models import Client, Gap, Refusal, Stream, StreamCursor
from signals.actions import push, set_strategy
from tests.browser.looks import faults, inaccessible
from tests.dashboard import world
from tests.dashboard.acting.screen.conftest import Windows
from tests.signals.builders import make_key
from verification import actions
from verification.models import Alert

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requires("chromium")]

PAGES = (
    "/alerts",
    "/alerts/{alert}",
    "/alerts?state=resolved",
    "/signals",
    "/signals/{signal}",
    "/clients",
    "/clients/{client}",
    "/clients/{client}/webhooks",
    "/sessions/{session}",
    "/audit",
    "/settings",
    "/settings/people",
    "/settings/bridge",
)


@pytest.fixture
def full(trading: None) -> dict[str, Any]:
    """Something of everything that the pages show."""
    alert = Alert.objects.get(severity="act")
    feed = alert.feed
    assert feed is not None
    start = alert.started_at - timedelta(seconds=60)
    for second in range(90):
        world.deviation(feed, 3.1 if second > 50 else 0.1, start + timedelta(seconds=second))
    Alert.objects.filter(pk=alert.pk).update(
        facts={
            "threshold": 1.0, "mid": 1.08154, "consensus": 1.08123, "deviation_pips": 3.1,
            "compared_with": [{"feed": 2, "name": "OANDA EURUSD", "mid": 1.08123}],
        }
    )  # fmt: skip
    by: dict[str, Any] = {"actor": None, "source": "command"}
    actions.add_note(alert, "called the broker", **by)
    until = timezone.now() + timedelta(hours=1)
    actions.silence(Alert.objects.get(rule="mute"), until=until, reason="known", **by)
    world.alert(feed, fingerprint=alert.fingerprint, resolved_at=timezone.now())
    client = Client.objects.get(name="ICM-LIVE")
    for scopes in (["ingest", "signals"], ["ingest"]):
        make_key(client, scopes)  # type: ignore[arg-type]
    session = client.sessions.get()
    stream = Stream.objects.get(sessions=session)
    StreamCursor.objects.create(shard="0", stream_id=stream.pk, seq=9, stored=9)
    Gap.objects.create(stream=stream, from_seq=1, to_seq=2, at=timezone.now(), reason="full")
    stored = b'{"symbol":"EURUSD","price":1.085,"token":"hush"}'
    world.posted(client, b"id7,long,EURUSD,1.085", stored)
    Refusal.objects.create(
        client=client, session_id=session.pk, at=timezone.now(), transport="tcp", peer="p",
        code="not_finite", field="bid", reason="bid must be finite", body="{" + "x" * 500,
    )  # fmt: skip
    signal = push(
        symbol="EURUSD", action="BUY", entry=1.08125, stop_loss=1.0802, take_profit=1.0823,
        note="after the news", clients=[client], execute=True,
        expires_at=timezone.now() + timedelta(minutes=5), **by,
    ).signal  # fmt: skip
    set_strategy(name="tight_spread", enabled=True, parameters={}, **by)
    actions.set_rule("deviation", feed.instrument, {"threshold_pips": 2.0}, **by)
    return {
        "alert": alert.pk, "client": client.pk, "session": session.pk, "signal": signal.pk
    }  # fmt: skip


def settled(page: Page) -> Page:
    expect(page.locator("utc-clock")).to_have_attribute("data-link", "live")
    return page


# Every page of a running bridge: tests/browser/test_pages.py. Here with more to show.
def test_every_page_fits_reads_well_and_shows_the_focus_in_both_themes(
    windows: Windows, full: dict[str, Any]
) -> None:
    page = windows.open("/about", "admin")
    for path in PAGES:
        page.goto(path.format(**full))
        assert faults(settled(page)) == [], path


DIALOGS = {
    "/clients": "Register a client",
    "/clients/{client}": "Issue a key",
    "/alerts/{alert}": "Silence",
    "/settings": "Change",
    "/settings/people": "Let somebody in",
}


def test_every_dialog_is_accessible_takes_the_focus_and_goes(
    windows: Windows, full: dict[str, Any]
) -> None:
    page = windows.open("/about", "admin")
    for path, link in DIALOGS.items():
        page.goto(path.format(**full))
        settled(page)
        part = page.locator("#alert" if "alert" in path else "main")
        part.get_by_role("link", name=link).first.click()
        dialog = page.locator("#dialog-slot dialog")
        expect(dialog).to_be_visible()
        assert page.evaluate("document.activeElement.closest('dialog') !== null"), path
        assert inaccessible(page) == [], path
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)


def test_what_opens_in_place_is_accessible(windows: Windows, full: dict[str, Any]) -> None:
    page = windows.open("/about", "admin")
    for path in ("/audit", "/settings", "/signals", f"/clients/{full['client']}"):
        page.goto(path)
        for summary in settled(page).locator("main details > summary").all():
            summary.click()
        assert inaccessible(page) == [], path


def test_the_lists_are_walked_by_keyboard(windows: Windows, full: dict[str, Any]) -> None:
    page = settled(windows.open("/alerts"))
    page.keyboard.press("j")
    first = page.locator("#alert-list [data-row]").first
    expect(first).to_be_focused()
    page.keyboard.press("x")
    expect(first.locator(".tick")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#alert h2")).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator("#note-text")).to_be_focused()
    page.keyboard.type("snag")
    expect(page.locator("#note-text")).to_have_value("snag")
