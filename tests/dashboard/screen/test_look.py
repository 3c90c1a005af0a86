"""The pages of the live half, as a browser really draws them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.looks import against_guidelines
from tests.dashboard.screen.conftest import NARROW, WIDE, Open, Scheme

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requires("chromium")]

VECTORS = Path(__file__).parents[1] / "figure_vectors.json"
PAGES = ["/", "/instruments", "/instruments/EURUSD", "/health", "/about", "/styleguide"]
# What a page needs in every look: tests/browser/test_pages.py.


# Wide alone: axe knows no top layer, and takes the narrow page's bar to cover its menu.
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_what_floats_is_accessible_too(open_page: Open, scheme: Scheme) -> None:
    page = open_page("/", WIDE, scheme)
    expect(page.locator("utc-clock")).to_have_attribute("data-link", "live")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    faults = against_guidelines(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette [role=option]").first).to_be_visible()
    faults += against_guidelines(page)
    page.keyboard.press("Escape")
    page.click(".who[popovertarget]")
    faults += against_guidelines(page)
    assert faults == []


def test_the_browser_writes_figures_as_the_server_does(open_page: Open) -> None:
    page = open_page("/about")
    vectors = json.loads(VECTORS.read_text())
    found = page.evaluate(
        """async (vectors) => {
          const format = await import("/static/js/format.js");
          const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
          return Object.fromEntries(Object.entries(vectors).map(([name, cases]) =>
            [name, cases.map(([given]) => [given, format[camel(name)](...given)])]));
        }""",
        vectors,
    )
    assert found == vectors


def test_the_page_asks_nobody_else_for_anything(open_page: Open) -> None:
    page = open_page("/about")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        page.goto(path)
    origin = page.evaluate("location.origin")
    assert asked
    assert [url for url in asked if not url.startswith((origin, "data:", "blob:"))] == []


def test_the_theme_that_was_chosen_is_there_before_the_first_paint(open_page: Open) -> None:
    page = open_page("/about", WIDE, "dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(14, 17, 22)"
    page.click(".top [data-theme-toggle]")
    assert page.evaluate(ground) == "rgb(246, 247, 249)"
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { window.first = "
        "document.documentElement.dataset.theme; });"
    )
    page.reload()
    assert page.evaluate("window.first") == "light"
    page.click(".who[popovertarget]")
    page.click("[data-theme-set=system]")
    assert page.evaluate(ground) == "rgb(14, 17, 22)"


def test_the_rail_narrows_and_stays_so(open_page: Open) -> None:
    page = open_page("/about")
    width = "document.querySelector('.rail').offsetWidth"
    assert page.evaluate(width) == 208
    page.click("[data-rail-toggle]")
    assert page.evaluate(width) == 56
    page.reload()
    assert page.evaluate(width) == 56


def test_under_720_pixels_the_rail_is_a_bar_at_the_bottom(open_page: Open) -> None:
    page = open_page("/", NARROW)
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.locator(".bottom-bar")).to_be_visible()
    page.click("[popovertarget=more-menu]")
    page.click("#more-menu >> text=Health")
    page.wait_for_url("**/health")


def test_the_keyboard_alone_walks_the_pages(open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/instruments")
    page.keyboard.press("j")
    expect(page.locator("tr:focus")).to_contain_text("EURUSD")
    page.keyboard.press("j")
    expect(page.locator("tr:focus")).to_contain_text("BTCUSD")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/instruments/EURUSD")
    page.keyboard.press("/")
    page.keyboard.type("btc")
    expect(page.locator("#palette [role=option]").first).to_contain_text("BTCUSD")
    page.keyboard.press("Enter")
    page.wait_for_url("**/instruments/BTCUSD")


def test_letters_typed_into_a_field_are_text_and_not_commands(open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("/")
    page.keyboard.type("gi?tp")
    expect(page.locator("#palette input")).to_have_value("gi?tp")
    assert page.url.endswith("/")
    expect(page.locator("#keys")).to_be_hidden()


def test_the_tradingview_tab_says_plainly_when_it_cannot_load(open_page: Open) -> None:
    page = open_page("/instruments/EURUSD")
    page.clock.install()
    page.route("https://www.tradingview-widget.com/**", lambda route: route.abort())
    page.click("#tab-tradingview")
    expect(page.locator("[data-waiting]")).to_be_visible()
    page.clock.fast_forward(11_000)
    expect(page.locator("[data-failed]")).to_contain_text("can't be loaded")
    expect(page.locator("tradingview-widget iframe")).to_have_count(0)
    page.click("#tab-own")
    expect(page.locator("price-chart")).to_be_visible()
