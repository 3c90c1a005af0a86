"""Chromium, a web process, and pages of it whose every misdeed fails the test."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import redis
from django.conf import settings
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from pytest_django import DjangoDbBlocker

from tests.browser.chromium import chromium
from tests.browser.watch import Watch
from tests.dashboard import world
from tests.dashboard.screen.web import web_process

Scheme = Literal["dark", "light"]
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def base(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with django_db_blocker.unblock(), web_process(port) as address:
        yield address


# For a module and not for the run: asyncio tests of other rooms run in this thread too.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    with pytest.MonkeyPatch.context() as patch:
        # Playwright keeps a loop in this thread, in which Django would refuse plain queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        with chromium() as started:
            yield started


@pytest.fixture
def trading(transactional_db: None, redis_client: redis.Redis) -> Iterator[None]:
    """Two brokers that quote, one feed off, one silent, one alert taken, one closed."""
    off = world.feed("ICM-LIVE", "EURUSD")
    world.feed("OANDA", "EURUSD", bid=1.08155, ask=1.08163)
    world.feed("ICM-LIVE", "BTCUSD", bid=64_214.31, ask=64_215.12)
    silent = world.feed("OANDA", "BTCUSD", bid=64_213.9, ask=64_215.0, age_s=75)
    world.connected("ICM-LIVE")
    world.connected("OANDA")
    world.alert(off)
    world.alert(silent, severity="look", rule="mute", title="OANDA BTCUSD is silent for 75 s")
    yield
    connections.close_all()


class Pages:
    """Opens pages as a signed-in operator, and keeps a watch on each."""

    def __init__(self, browser: Browser, base: str) -> None:
        self._browser = browser
        self._base = base
        self._cookie = session_cookie(base)
        self._watches: dict[BrowserContext, Watch] = {}

    def open(self, path: str, viewport: ViewportSize = WIDE, scheme: Scheme = "dark") -> Page:
        context = self._browser.new_context(
            viewport=viewport, color_scheme=scheme, base_url=self._base, reduced_motion="reduce"
        )
        context.add_cookies([self._cookie])
        self._watches[context] = Watch(context, self._base)
        page = context.new_page()
        page.goto(path)
        return page

    def expect_refusal(self, page: Page, path: str, status: int) -> None:
        self._watches[page.context].expect(path, status)

    def close(self) -> None:
        trouble = [line for watch in self._watches.values() for line in watch.finish()]
        for context in self._browser.contexts:
            context.close()
        assert not trouble, "\n".join(trouble)


@pytest.fixture
def pages(browser: Browser, base: str, trading: None) -> Iterator[Pages]:
    opened = Pages(browser, base)
    yield opened
    opened.close()


@pytest.fixture
def open_page(pages: Pages) -> Open:
    return pages.open


def session_cookie(base: str) -> Any:
    """What a browser holds after signing in."""
    signed_in = Client()
    signed_in.force_login(world.person("olga", "operator"))
    value = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
    return {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": base}
