"""Every page of a busy bridge, by everybody who may see it and by those who may not."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import faults
from tests.browser.scene import Scene
from tests.browser.windows import Windows

pytestmark = [pytest.mark.requires("chromium"), pytest.mark.timeout(180)]

EVERYBODYS = (
    "/",
    "/instruments",
    "{instrument}",
    "/alerts",
    "{alert}",
    "/signals",
    "{signal}",
    "/clients",
    "{client}",
    "{client}/symbols",
    "/symbols",
    "{session}",
    "/health",
    "/imports",
    "/audit",
    "/settings",
    "/settings/bridge",
    "/settings/password",
    "/about",
    "/styleguide",
)
OPERATORS = (
    "{alert}/silence",
    "/signals/push",
    "/clients/register",
    "/imports/upload",
    "{client}/edit",
    "{client}/disable",
    "{client}/clock/set",
    "{client}/keys/issue",
    "{client}/webhooks",
    "{key}/rotate",
    "{key}/revoke",
)
ADMINS = (
    "/settings/rules/deviation",
    "/settings/people",
    "/settings/people/new",
    "{person}/role",
    "{person}/password",
)
MAY_SEE = {
    "viewer": {*EVERYBODYS},
    "operator": {*EVERYBODYS, *OPERATORS},
    "admin": {*EVERYBODYS, *OPERATORS, *ADMINS},
}


@pytest.mark.timeout(400)
def test_every_page_fits_reads_well_and_shows_the_focus_in_both_themes(
    scene: Scene, admin: Page
) -> None:
    found = {}
    for template in (*EVERYBODYS, "{client}/webhooks", "/clients/register", "/settings/people"):
        admin.goto(scene.path(template))
        expect(admin.locator("utc-clock")).to_have_attribute("data-link", "live")
        found[template] = faults(admin)
    assert found == {template: [] for template in found}


@pytest.mark.parametrize("role", MAY_SEE)
def test_a_page_opens_to_those_who_may_see_it(role: str, scene: Scene, windows: Windows) -> None:
    browser = windows.open(role).request
    for template in MAY_SEE["admin"]:
        expected = 200 if template in MAY_SEE[role] else 403
        assert (template, browser.get(scene.path(template)).status) == (template, expected)


def test_a_stranger_sees_the_sign_in_alone(scene: Scene, windows: Windows) -> None:
    page = windows.open()
    for template in MAY_SEE["admin"]:
        answer = page.request.get(scene.path(template), max_redirects=0)
        assert answer.headers["location"] == f"/sign-in?next={scene.path(template)}"
    page.goto("/clients")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert faults(page) == []


def test_what_is_refused_or_not_there_is_said_on_a_page(scene: Scene, windows: Windows) -> None:
    page = windows.open("viewer")
    for path, status, words in (
        ("/settings/people", 403, "This needs the role admin."),
        ("/nowhere", 404, "Nothing lives at this address"),
    ):
        windows.expect_refusal(page, path, status)
        page.goto(path)
        expect(page.get_by_role("main")).to_contain_text(words)
        assert faults(page) == []
