"""Something of everything on the bridge, so that no page is empty while it is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, expect

from tests.browser.market import Market
from tests.browser.people import People
from tests.browser.windows import PATIENCE_MS

BROKERS = ("Upper", "Lower", "Astray")
MIDS = {"GBPCHF": 1.1240, "EURNZD": 1.8210}
OFF_PIPS = 4


@dataclass(frozen=True)
class Scene:
    """Paths of one of everything that a page can be about."""

    instrument: str
    alert: str
    client: str
    session: str
    signal: str
    key: str
    person: str

    def path(self, template: str) -> str:
        """`{client}/edit` with this scene's client."""
        return template.format(**vars(self))


@contextmanager
def busy_bridge(people: People, browser: Browser) -> Iterator[Scene]:
    """Three brokers that quote two symbols, one of them off, for as long as the block lasts."""
    bridge = people.bridge
    keys = {name: bridge.issue_key(name) for name in BROKERS}
    with Market(bridge.tcp_port, keys, MIDS) as market:
        for symbol in MIDS:
            market.put_off("Astray", symbol, OFF_PIPS)
        words = ("--client", "Astray", "--symbol", "GBPCHF", "--action", "BUY", "--entry", "1.124")
        bridge.manage("push_signal", *words)
        context = browser.new_context(
            storage_state=people.cookies("admin", browser), base_url=people.base
        )
        context.set_default_timeout(PATIENCE_MS)
        yield look_around(context.new_page())
        context.close()


def look_around(page: Page) -> Scene:
    """Find the way to everything by its links, as a person would."""
    alert = link(page, "/alerts?q=Astray", ".alert-row .title")
    client = link(page, "/clients?q=Astray", "#client-list a[href^='/clients/']")
    session = link(page, client, "#client-traffic a[href^='/sessions/']")
    return Scene(
        instrument="/instruments/GBPCHF",
        alert=alert.partition("?")[0],
        client=client,
        session=session,
        signal=link(page, "/signals?q=GBPCHF", ".signal-item .cell-link"),
        key=link(page, client, "#client-keys a[href$='/revoke']").removesuffix("/revoke"),
        person=link(page, "/settings/people", "a[href$='/role']").removesuffix("/role"),
    )


def link(page: Page, path: str, selector: str) -> str:
    """The address of the first such link, once the page shows one."""
    page.goto(path)
    found = page.locator(selector).first
    expect(found).to_be_visible(timeout=2 * PATIENCE_MS)
    address = found.get_attribute("href")
    assert address is not None
    return address
