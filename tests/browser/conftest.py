"""A browser, people of three roles, and windows whose pages are watched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import chromium
from tests.browser.people import People
from tests.browser.scene import Scene, busy_bridge
from tests.browser.windows import PATIENCE_MS, Windows
from tests.e2e.bridge import LiveBridge

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def people(bridge: LiveBridge) -> People:
    return People(bridge, f"http://127.0.0.1:{bridge.http_port}")


# For a module and not for the run: asyncio tests of other rooms run in this thread too.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def scene(people: People, browser: Browser) -> Iterator[Scene]:
    """A busy bridge, and where something of everything is found on it."""
    with busy_bridge(people, browser) as found:
        yield found


@pytest.fixture
def windows(browser: Browser, people: People) -> Iterator[Windows]:
    """Any number of windows; the test fails for anything that their pages should not have done."""
    opened = Windows(browser, people)
    yield opened
    opened.close()


@pytest.fixture
def viewer(windows: Windows) -> Page:
    return windows.open("viewer")


@pytest.fixture
def operator(windows: Windows) -> Page:
    return windows.open("operator")


@pytest.fixture
def admin(windows: Windows) -> Page:
    return windows.open("admin")
