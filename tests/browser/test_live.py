"""A tick moves its cell on a real screen, at once, and also after the link was lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.bridge import LiveBridge, Terminal

pytestmark = [pytest.mark.requires("chromium"), pytest.mark.timeout(180)]

SYMBOL = "NZDCAD"
BID = f"#board [data-href$='{SYMBOL}'] [part=bid]"
WITHIN_S = 1.0
SHOWS = "([selector, text]) => document.querySelector(selector).textContent === text"
# So that a test can cut what only the page holds.
KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    sockets.push(this);
  }
};
"""


class Ticker:
    """A terminal whose every tick has a price that it never had before."""

    def __init__(self, terminal: Terminal, first: int) -> None:
        self._terminal = terminal
        self._numbers = count(first)

    def tick(self) -> str:
        """Send one; returns its bid as the board writes it."""
        seq = next(self._numbers)
        bid = 0.81 + seq * 0.00001
        quote = {"symbol": SYMBOL, "bid": round(bid, 5), "ask": round(bid + 0.0001, 5)}
        now_ms = time.time_ns() // 1_000_000
        self._terminal.send({"type": "tick", "seq": seq, "time_ms": now_ms, **quote})
        return f"{bid:.5f}"


@pytest.fixture
def ticker(bridge: LiveBridge) -> Iterator[Ticker]:
    key = bridge.issue_key("Ticker")
    with Terminal(bridge) as terminal:
        yield Ticker(terminal, terminal.hello("Ticker", key, "only")["resume"])


@pytest.fixture
def overview(operator: Page, ticker: Ticker) -> Page:
    """With a cell that has shown a first tick."""
    operator.add_init_script(KEEP_SOCKETS)
    operator.goto("/")
    expect(operator.locator(BID)).to_have_text(ticker.tick())
    return operator


def test_a_tick_is_on_the_screen_within_a_second(overview: Page, ticker: Ticker) -> None:
    took_s = []
    for _ in range(10):
        sent = time.monotonic()
        overview.wait_for_function(SHOWS, arg=[BID, ticker.tick()])
        took_s.append(time.monotonic() - sent)
    assert max(took_s) < WITHIN_S


def test_a_page_whose_socket_was_cut_goes_on_by_itself(overview: Page, ticker: Ticker) -> None:
    for cut in (1, 2):
        overview.evaluate("sockets.at(-1).close()")
        expect(overview.locator(BID)).to_have_text(ticker.tick())  # sent while it was away
        expect(overview.locator(BID)).to_have_text(ticker.tick())
        assert overview.evaluate("sockets.length") == 1 + cut
