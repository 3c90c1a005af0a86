"""Alerts are found and handled without a mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.scene import MIDS, Scene

pytestmark = [pytest.mark.requires("chromium"), pytest.mark.timeout(180)]


def test_alerts_are_walked_acknowledged_silenced_and_noted_by_single_keys(
    operator: Page, scene: Scene
) -> None:
    operator.goto("/alerts?q=Astray")
    rows = operator.locator(".alert-row")
    expect(rows).to_have_count(len(MIDS))
    first, second = rows.nth(0), rows.nth(1)
    for key, row in (("j", first), ("j", second), ("j", second), ("k", first)):
        operator.keyboard.press(key)
        expect(row).to_be_focused()
    operator.keyboard.press("a")
    expect(first).to_contain_text("acknowledged by browser-operator")
    second.focus()
    operator.keyboard.press("s")
    dialog = operator.get_by_role("dialog", name="Silence")
    expect(dialog).to_be_visible()
    with operator.expect_response("**/alerts?*"):  # the list comes anew behind the dialog
        operator.evaluate("document.body.dispatchEvent(new Event('alerts:changed'))")
    operator.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(second).to_be_focused()
    operator.keyboard.press("Enter")
    expect(operator.locator("#alert-live")).to_be_visible()
    operator.keyboard.press("n")
    expect(operator.locator("#note-text")).to_be_focused()
    operator.keyboard.type("Called the broker.")
    operator.keyboard.press("Tab")
    operator.keyboard.press("Enter")
    note = operator.locator(".timeline li", has_text="Called the broker.")
    expect(note).to_contain_text("by browser-operator")


@pytest.mark.parametrize("template", ["/", "{client}", "{alert}", "/signals"])
def test_help_search_and_pages_are_a_key_away_from_anywhere(
    template: str, operator: Page, scene: Scene
) -> None:
    operator.goto(scene.path(template))
    search = operator.get_by_role("combobox", name="Search")
    for key, opened in (
        ("?", operator.get_by_role("dialog", name="Keyboard")),
        ("/", search),
        ("Control+k", search),
    ):
        operator.keyboard.press(key)
        expect(opened).to_be_visible()
        operator.keyboard.press("Escape")
        expect(opened).to_be_hidden()
    operator.keyboard.press("g")
    operator.keyboard.press("h")
    operator.wait_for_url("**/health")
    operator.keyboard.press("g")
    operator.keyboard.press("a")
    operator.wait_for_url("**/alerts")


def test_a_key_that_still_reaches_the_closed_search_counts_as_the_page_s(
    operator: Page, scene: Scene
) -> None:
    """Chromium hands the focus back a moment after Escape; until then keys go to the input."""
    operator.goto("/")
    operator.keyboard.press("/")
    search = operator.locator("#palette input")
    expect(search).to_be_visible()
    operator.keyboard.press("Escape")
    expect(search).to_be_hidden()
    search.dispatch_event("keydown", {"key": "g", "bubbles": True})
    operator.keyboard.press("h")
    operator.wait_for_url("**/health")
