"""Pages of a real web process, opened by people of each role and watched until the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client as Browser
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.browser.watch import Watch
from tests.dashboard import world
from tests.dashboard.screen.conftest import WIDE, base, browser, trading  # noqa: F401

expect.set_options(timeout=10_000)

NAMES = {"viewer": "vera", "operator": "olga", "admin": "ada"}


class Windows:
    """`open(path, role)`: a page; `refuses(page, path, status)`: this answer is meant."""

    def __init__(self, chromium: Chromium, base: str) -> None:  # noqa: F811
        self._chromium, self._base = chromium, base
        self._watches: list[Watch] = []

    def open(self, path: str, role: str = "operator", **how: Any) -> Page:
        options: dict[str, Any] = {"viewport": WIDE, "color_scheme": "dark"} | how
        context = self._chromium.new_context(
            base_url=self._base, reduced_motion="reduce", **options
        )
        self._watches.append(Watch(context, self._base))
        context.add_cookies([self._cookie(role)])
        page = context.new_page()
        page.goto(path)
        return page

    def refuses(self, path: str, status: int) -> None:
        for watch in self._watches:
            watch.expect(path, status)

    def close(self) -> None:
        trouble = [line for watch in self._watches for line in watch.finish()]
        for context in self._chromium.contexts:
            context.close()
        assert not trouble, "\n".join(trouble)

    def _cookie(self, role: str) -> Any:
        name = NAMES[role]
        user = User.objects.filter(username=name).first() or world.person(name, role)
        signed_in = Browser()
        signed_in.force_login(user)
        value = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
        return {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": self._base}


@pytest.fixture
def windows(browser: Chromium, base: str, trading: None) -> Iterator[Windows]:  # noqa: F811
    opened = Windows(browser, base)
    yield opened
    opened.close()


Open = Callable[..., Page]
