"""Browser windows in which tests look at the bridge, each with a watch on what its pages do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.people import People
from tests.browser.watch import Watch

WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
PATIENCE_MS = 15_000
"""A busy machine of two cores may take its time; what must be fast is measured where it matters."""


@dataclass
class Windows:
    """`open` as many as a test needs; `close` tells what their pages should not have done."""

    browser: Browser
    people: People
    _watches: dict[BrowserContext, Watch] = field(default_factory=dict)

    def open(self, role: str | None = None, **how: Any) -> Page:
        """A page, still blank, in a browser of its own; without a role nobody is signed in."""
        given = {"viewport": WIDE, "reduced_motion": "reduce", "base_url": self.people.base}
        state = self.people.cookies(role, self.browser) if role else None
        context = self.browser.new_context(storage_state=state, **given | how)
        context.set_default_timeout(PATIENCE_MS)
        self._watches[context] = Watch(context, self.people.base)
        return context.new_page()

    def expect_refusal(self, page: Page, path: str, status: int) -> None:
        """This page will be refused this address, and is meant to be."""
        self._watches[page.context].expect(path, status)

    def close(self) -> None:
        """Close all. Raises AssertionError with everything that a page did and should not have."""
        trouble = [line for watch in self._watches.values() for line in watch.finish()]
        for context in self._watches:
            context.close()
        assert not trouble, "\n".join(trouble)
