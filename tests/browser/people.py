"""Who looks at the pages: a person of each role, and how one signs in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e.bridge import LiveBridge


@dataclass(frozen=True)
class Person:
    name: str
    password: str


@dataclass
class People:
    """One person of each role, made when they are first asked for: both steps take their time."""

    bridge: LiveBridge
    base: str
    _made: dict[str, Person] = field(default_factory=dict)
    _cookies: dict[str, Any] = field(default_factory=dict)

    def person(self, role: str) -> Person:
        if role not in self._made:
            name = f"browser-{role}"
            made = self.bridge.manage("create_operator", name, "--role", role, "--random")
            self._made[role] = Person(name, made["password"])
        return self._made[role]

    def cookies(self, role: str, browser: Browser) -> Any:
        """What a browser remembers once this person has signed in."""
        if role not in self._cookies:
            context = browser.new_context()
            sign_in(context.new_page(), self.base, self.person(role))
            self._cookies[role] = context.storage_state()
            context.close()
        return self._cookies[role]


def sign_in(page: Page, base: str, person: Person) -> None:
    """Through the page, as people do."""
    page.goto(f"{base}/sign-in")
    page.get_by_label("Name").fill(person.name)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base}/")
