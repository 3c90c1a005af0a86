"""`python -m tests.browser.screenshots`: every page, light and dark, wide and narrow.

Without `--base` a demonstration is started for it, with faults enough to have something to show.
With `--base` the pictures show a bridge that runs already, and nothing on it is touched.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page

from agent.client import Client
from agent.protocol import Identity
from agent.simulate.terminals import PROFILES
from agent.transport import TcpEndpoint
from tests.browser.chromium import chromium
from tests.browser.demo import demo
from tests.browser.people import Person, sign_in
from tests.browser.scene import link
from tests.browser.windows import NARROW, PATIENCE_MS, WIDE
from tests.e2e.bridge import LiveBridge

SETTLE_MS = 700
TALLEST_PX = 5000
OPENS = {
    "palette": "Control+k",
    "keyboard": "?",
}
"""Overlays: the key that opens each over the overview."""


class Shot(NamedTuple):
    name: str
    path: str
    press: str = ""


def main() -> int:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    with bridge(options) as (base, person), chromium() as browser:
        taken = take_all(browser, base, person, options.out)
    sys.stdout.write(f"{taken} pictures are in {options.out}.\n")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("--base", help="address of a bridge that runs already")
    parser.add_argument("--name", default="operator", help="who signs in there (operator)")
    parser.add_argument("--password", help="with which password")
    parser.add_argument("--out", type=Path, default=Path("screenshots"), help="(screenshots)")
    options = parser.parse_args()
    if bool(options.base) != bool(options.password):
        parser.error("--base and --password go together")
    return options


@contextmanager
def bridge(options: argparse.Namespace) -> Iterator[tuple[str, Person]]:
    """The address to look at, and who looks."""
    if options.base:
        yield options.base.rstrip("/"), Person(options.name, options.password)
        return
    with demo() as (live, person):
        signal = ("--symbol", "EURUSD", "--action", "BUY", "--expires", "3600")
        prices = ("--entry", "1.0850", "--stop-loss", "1.0830", "--take-profit", "1.0890")
        live.manage("push_signal", "--client", "ICM-LIVE", "CQG", *signal, *prices)
        live.manage("push_signal", "--client", "FTMO-DEMO", *signal, "--execute")
        import_history(live)
        refuse_alert(live)
        asyncio.run(trade(live))
        yield f"http://127.0.0.1:{live.http_port}", person


def import_history(live: LiveBridge) -> None:
    """Some minutes of history, one of them damaged."""
    rows = [f"2026.11.02,{8 + n // 60:02}:{n % 60:02},1.08,1.082,1.079,1.081,7" for n in range(90)]
    rows[40] = rows[40].replace("1.082", "1.070")
    file = live.folder / "EURUSD1.csv"
    file.write_text("\r\n".join(rows) + "\r\n")
    of = ("--client", "ICM-LIVE", "--symbol", "EURUSD", "--zone", "Europe/Athens")
    live.manage("import_history", str(file), *of)


def refuse_alert(live: LiveBridge) -> None:
    """An alert whose placeholders were never filled in."""
    of = ("--client", "TV-ALERTS", "--platform", "tradingview", "--scopes", "webhook")
    token = live.manage("issue_key", *of)["key"]
    live.post(f"/api/bridge/{token}", b'{"symbol": "EURUSD", "price": "{{close}}"}')


async def trade(live: LiveBridge) -> None:
    """What a terminal states of its account: one position, one order, one that is gone."""
    key, ahead_s = live.issue_key("OANDA-MT4", "mt4"), PROFILES["mt4"].utc_offset_s or 0
    identity = Identity("OANDA-MT4", key, "mt4", instance="trades", utc_offset_s=ahead_s)
    async with Client(TcpEndpoint("127.0.0.1", live.tcp_port), identity) as terminal:
        now = time.time_ns() // 1_000_000 + 1000 * ahead_s
        about = {"account": "5001", "magic": 77, "time_ms": now}
        ours = {"symbol": "EURUSD", "side": "buy", "volume": 0.25, "price": 1.0814, **about}
        theirs = {"symbol": "GBPUSD", "side": "sell", "kind": "limit", "price": 1.262, **about}
        terminal.message("position", {"ticket": "81203", **ours, "stop_loss": 1.0790})
        terminal.message("order", {"ticket": "81207", **theirs, "volume": 0.5, "volume_left": 0.5})
        terminal.message("order", {"ticket": "81199", **theirs, "volume": 0.1, "volume_left": 0.1})
        money = {"currency": "EUR", "balance": 10_412.80, "equity": 10_431.05, "margin": 903.40}
        lists = {"orders": [81207], "positions": [81203]}
        terminal.message("account", {"login": 5001, **money, **lists, "time_ms": now})
        await terminal.all_acked()


def take_all(browser: Browser, base: str, person: Person, out: Path) -> int:
    """Every page and overlay, in both themes and both widths; returns how many pictures."""
    context = browser.new_context(base_url=base, viewport=WIDE, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    take(page, Shot("sign-in", "/sign-in"), out)
    sign_in(page, base, person)
    shots = all_shots(page)
    for shot in shots:
        take(page, shot, out)
    context.close()
    return (1 + len(shots)) * 4


def all_shots(page: Page) -> list[Shot]:
    """What there is to see; one of everything that there are many of."""
    alert = link(page, "/alerts?rule=deviation", ".alert-row .title").partition("?")[0]
    first_client = "#client-list a[href^='/clients/']"
    client = link(page, "/clients", first_client)
    return [
        Shot("overview", "/"),
        Shot("instruments", "/instruments"),
        Shot("instrument", "/instruments/EURUSD"),
        Shot("alert", alert),
        Shot("alerts", "/alerts"),
        Shot("signals", "/signals"),
        Shot("signal", link(page, "/signals", ".signal-item .cell-link")),
        Shot("clients", "/clients"),
        Shot("client", client),
        Shot("client-account", link(page, "/clients?q=OANDA-MT4", first_client)),
        Shot("client-symbols", f"{client}/symbols"),
        Shot("client-clock", f"{client}/clock/set"),
        Shot("client-register", "/clients/register"),
        Shot("webhooks", f"{link(page, '/clients?q=TV-ALERTS', first_client)}/webhooks"),
        Shot("symbols", "/symbols"),
        Shot("imports", "/imports"),
        Shot("import", link(page, "/imports", "#import-list a[href^='/imports/']")),
        Shot("import-upload", "/imports/upload"),
        Shot("key-issue", f"{client}/keys/issue"),
        Shot("session", link(page, client, "#client-traffic a[href^='/sessions/']")),
        Shot("health", "/health"),
        Shot("audit", "/audit"),
        Shot("settings", "/settings"),
        Shot("settings-rule", "/settings/rules/deviation"),
        Shot("settings-people", "/settings/people"),
        Shot("settings-limits", "/settings/limits"),
        Shot("settings-bridge", "/settings/bridge"),
        Shot("about", "/about"),
        Shot("styleguide", "/styleguide"),
        *(Shot(name, "/", key) for name, key in OPENS.items()),
    ]


def take(page: Page, shot: Shot, out: Path) -> None:
    """One page, four pictures: `overview-dark-390.png`."""
    page.set_viewport_size(WIDE)
    page.goto(shot.path)
    page.wait_for_timeout(2 * SETTLE_MS)
    if shot.press:
        page.keyboard.press(shot.press)
    for size in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size)
            page.wait_for_timeout(SETTLE_MS)
            # What is fixed to the window's edge is then at the page's, not across its middle.
            height = page.evaluate("document.documentElement.scrollHeight")
            height = min(TALLEST_PX, max(height, size["height"]))
            page.set_viewport_size({"width": size["width"], "height": height})
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=out / f"{shot.name}-{scheme}-{size['width']}.png")


if __name__ == "__main__":
    sys.exit(main())
