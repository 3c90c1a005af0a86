"""What a person does with the bridge, from signing in to seeing a revoked key's session end."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.market import Market
from tests.browser.people import People, sign_in
from tests.browser.windows import Windows
from tests.e2e.bridge import LiveBridge, Terminal

pytestmark = [pytest.mark.requires("chromium"), pytest.mark.timeout(180)]

SYMBOL = "AUDNZD"
BROKERS = ("North", "South", "Stray")
REVOKED_WITHIN_S = 1.0


@pytest.fixture
def page(windows: Windows, people: People) -> Page:
    """The overview, right after signing in through the page."""
    opened = windows.open()
    sign_in(opened, people.base, people.person("operator"))
    return opened


def test_a_live_discrepancy_is_seen_acknowledged_and_remembered(
    page: Page, bridge: LiveBridge
) -> None:
    keys = {name: bridge.issue_key(name) for name in BROKERS}
    page.evaluate("window.neverReloaded = true")
    with Market(bridge.tcp_port, keys, {SYMBOL: 1.0850}) as market:
        row = page.locator("#board tr[data-row]", has_text=SYMBOL)
        expect(row.locator("[data-fresh=live]")).to_have_count(len(BROKERS))
        market.put_off("Stray", SYMBOL, 3)
        item = page.locator("#alerts li", has_text=re.compile(f"Stray {SYMBOL} is .* pips above"))
        expect(row).to_have_attribute("data-state", re.compile("look|act"))
        item.get_by_role("button", name="Acknowledge").click()
        expect(item).to_contain_text("acknowledged by browser-operator")
        assert page.evaluate("window.neverReloaded")
        item.get_by_role("link").click()
        taken = page.locator(".timeline li", has_text="Acknowledged")
        expect(taken).to_contain_text("by browser-operator")
        expect(page.locator(".compared")).to_contain_text("North")


def test_a_registered_client_connects_obeys_a_signal_and_is_shut_out(
    page: Page, bridge: LiveBridge
) -> None:
    register(page, "Newcomer")
    client_page = page.url
    key = issue_key(page)
    page.reload()
    assert key not in page.content()
    with Terminal(bridge) as terminal:
        assert terminal.hello("Newcomer", key, "first")["type"] == "welcome"
        session = page.locator("#client-traffic tr[data-row]")
        expect(session).to_contain_text("open")
        push_signal(page, "Newcomer")
        answer_signal(page, terminal)
        page.goto(client_page)
        revoke_key(page, terminal)
        expect(session).to_contain_text("revoked")
        expect(page.locator("#client-keys")).to_contain_text("revoked")


def register(page: Page, name: str) -> None:
    """Through the form in the dialog; ends on the new client's page."""
    page.get_by_role("link", name="Clients", exact=True).click()
    page.locator(".page-head").get_by_role("link", name="Register a client").click()
    dialog = page.get_by_role("dialog", name="Register a client")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Platform").select_option(label="MetaTrader 5")
    dialog.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def issue_key(page: Page) -> str:
    """The key, which the dialog shows this once."""
    page.get_by_role("link", name="Issue a key").click()
    page.get_by_role("button", name="Issue the key").click()
    key = page.locator("#new-key").inner_text()
    page.get_by_role("button", name="I have kept it").click()
    return key


def push_signal(page: Page, client: str) -> None:
    page.get_by_role("link", name="Signals", exact=True).click()
    ticket = page.locator("#ticket")
    ticket.get_by_label("Symbol").fill(SYMBOL)
    for name, price in (("Entry", "1.0850"), ("Stop loss", "1.0830"), ("Take profit", "1.0890")):
        ticket.get_by_label(name).fill(price)
    expect(ticket.locator("[data-ratio]")).to_contain_text("(1 : 2.0)")
    ticket.get_by_label(client).check()
    ticket.get_by_role("button", name="Push").click()


def answer_signal(page: Page, terminal: Terminal) -> None:
    """The terminal gets it and draws it; the page shows each step without being asked."""
    signal = terminal.read_until("signal", symbol=SYMBOL, action="BUY")
    assert (signal["entry"], signal["stop_loss"], signal["take_profit"]) == (1.085, 1.083, 1.089)
    here = page.locator(f"#signal-{signal['id']} [data-here]")
    for state in ("received", "shown"):
        terminal.send({"type": "signal_ack", "id": signal["id"], "state": state})
        expect(here).to_have_text(state)


def revoke_key(page: Page, terminal: Terminal) -> None:
    """The terminal must hear of it at once."""
    page.get_by_role("link", name="Revoke").click()
    button = page.get_by_role("button", name="Revoke the key")
    button.wait_for()
    clicked = time.monotonic()
    button.click()
    assert terminal.read_until("error")["code"] == "revoked"
    assert time.monotonic() - clicked < REVOKED_WITHIN_S
