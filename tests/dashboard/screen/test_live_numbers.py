"""Numbers on the screen move with what is published, and say so when they can't."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import redis
from django.utils import timezone
from playwright.sync_api import Page, expect

from bridge_ingest import names
from market.models import Feed
from tests.dashboard import world
from tests.dashboard.screen.conftest import Open, Pages
from verification.models import Alert

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requires("chromium")]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def feed_of(client: str, symbol: str) -> Feed:
    return Feed.objects.get(source__client__name=client, instrument__symbol=symbol)


class Wire:
    """Publishes as gateways and workers do."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def publish(self, channel: str, **payload: Any) -> None:
        self._redis.publish(channel, json.dumps({"at_ms": now_ms()} | payload))

    def quote(self, feed: int, bid: float, ask: float, age_ms: int = 0) -> None:
        received = now_ms() - age_ms
        self.publish(names.LIVE_QUOTES, quotes=[[feed, bid, ask, received - 5, received, 9]])

    def verify(self, feed: Feed, pips: float | None, state: str) -> None:
        price = None if pips is None else pips * feed.instrument.pip_size
        self.publish(
            names.LIVE_VERIFY,
            feeds=[[feed.pk, price, pips, state]],
            instruments=[[feed.instrument.pk, pips, 1.0, state]],
        )

    def event(self, **event: Any) -> None:
        self._redis.publish(names.LIVE_EVENT, json.dumps(event))

    def health(self, process: str, **figures: Any) -> None:
        self.publish(names.LIVE_HEALTH, process=process, figures=figures)


@pytest.fixture
def wire(redis_client: redis.Redis) -> Wire:
    return Wire(redis_client)


def live(page: Page) -> Page:
    """The page once its socket is open: the clock then shows a lag and no longer `connecting`."""
    expect(page.locator("utc-clock")).to_have_attribute("data-link", "live")
    return page


def cell(page: Page, feed: Feed) -> Any:
    return page.locator(f'.board .cell[data-feed="{feed.pk}"]')


def test_a_quote_moves_its_cell_and_leaves_the_others(open_page: Open, wire: Wire) -> None:
    page = live(open_page("/"))
    mine, other = feed_of("ICM-LIVE", "EURUSD"), feed_of("OANDA", "EURUSD")
    before = cell(page, other).locator("[part=bid]").text_content()
    wire.quote(mine.pk, 1.09001, 1.09012)
    expect(cell(page, mine).locator("[part=bid]")).to_have_text("1.09001")
    expect(cell(page, mine).locator("[part=bid] b")).to_have_text("00")
    expect(cell(page, mine).locator("[part=bid] sup")).to_have_text("1")
    expect(cell(page, other).locator("[part=bid]")).to_have_text(str(before))


def test_nothing_reflows_when_numbers_change(open_page: Open, wire: Wire) -> None:
    page = live(open_page("/"))
    mine = feed_of("ICM-LIVE", "EURUSD")
    boxes = (
        "JSON.stringify([...document.querySelectorAll('.board td, .board th, .stat, .alert-item')]"
        ".map(e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }))"
    )
    page.wait_for_function("document.fonts.status === 'loaded'")
    before = page.evaluate(boxes)
    wire.quote(mine.pk, 1.11111, 1.11112)
    wire.verify(mine, 7.3, "act")
    wire.health("gateway", ticks_per_s=12_480.0, ack_p50_ms=0.31, ack_p99_ms=0.42, sessions=5)
    expect(cell(page, mine).locator("[part=deviation]")).to_have_text("+7.3")
    expect(page.locator(".stat live-total[name=ticks_per_s]")).to_have_text("12\u202f480")
    assert page.evaluate(boxes) == before


def test_a_verdict_changes_shape_word_and_bullet_together(open_page: Open, wire: Wire) -> None:
    page = live(open_page("/"))
    mine = feed_of("OANDA", "EURUSD")
    row = page.locator("tr", has_text="EURUSD").first
    wire.verify(mine, -1.4, "look")
    expect(row).to_have_attribute("data-state", "look")
    expect(row.locator(".instrument .shape")).to_have_attribute("data-state", "look")
    expect(row.locator(".instrument .word")).to_have_text("look")
    expect(cell(page, mine).locator("[part=deviation]")).to_have_text("\u22121.4")
    expect(row.locator(".bullet .value")).to_have_attribute("width", "46.7")
    wire.verify(mine, 0.1, "verified")
    expect(row.locator(".instrument .word")).to_have_text("verified")


def test_ages_tick_and_what_is_stale_greys_out_until_it_ticks_again(
    open_page: Open, wire: Wire
) -> None:
    page = live(open_page("/"))
    mine = feed_of("ICM-LIVE", "EURUSD")
    wire.quote(mine.pk, 1.09, 1.0901, age_ms=3_200)
    age = cell(page, mine).locator("[part=age]")
    expect(age).to_have_text(re.compile(r"^[34]\.\d s$"))
    expect(cell(page, mine)).to_have_attribute("data-fresh", "live")
    expect(cell(page, mine)).to_have_attribute("data-fresh", "stale", timeout=8_000)
    wire.quote(mine.pk, 1.0902, 1.0903)
    expect(cell(page, mine)).to_have_attribute("data-fresh", "live")


def test_a_closed_market_does_not_look_like_a_silent_feed(open_page: Open, wire: Wire) -> None:
    page = live(open_page("/"))
    closed, silent = feed_of("ICM-LIVE", "BTCUSD"), feed_of("OANDA", "BTCUSD")
    wire.verify(closed, None, "closed")
    wire.verify(silent, None, "stale")
    expect(cell(page, closed).locator("[part=deviation]")).to_have_text("market closed")
    expect(cell(page, silent).locator("[part=deviation]")).to_have_text("silent")


def test_pausing_holds_the_numbers_and_going_on_shows_the_present(
    open_page: Open, wire: Wire
) -> None:
    page = live(open_page("/"))
    mine = feed_of("ICM-LIVE", "EURUSD")
    bid = cell(page, mine).locator("[part=bid]")
    wire.quote(mine.pk, 1.09001, 1.09012)
    expect(bid).to_have_text("1.09001")
    page.keyboard.press("p")
    wire.quote(mine.pk, 1.09777, 1.09788)
    expect(page.locator("#link-note")).to_contain_text("Paused 1 s")
    expect(bid).to_have_text("1.09001")
    page.click("[data-pause]")
    expect(bid).to_have_text("1.09777")
    expect(page.locator("#link-note")).to_be_hidden()


def test_a_new_alert_appears_by_itself_and_is_acknowledged_with_a_key(
    open_page: Open, wire: Wire
) -> None:
    page = live(open_page("/"))
    alert = world.alert(
        feed_of("OANDA", "EURUSD"), title="OANDA EURUSD is 9.9 pips below the others for 3 s"
    )
    wire.event(kind="alert", id=alert.pk, change="opened", severity="act")
    item = page.locator(f"#alert-item-{alert.pk}")
    expect(item).to_contain_text("9.9 pips below")
    expect(page.locator("#open-alerts .figure")).to_have_text("3")
    expect(page.locator(".rail .badge-count")).to_contain_text("3")
    item.focus()
    page.keyboard.press("a")
    expect(item).to_contain_text("acknowledged by olga")
    alert.refresh_from_db()
    assert alert.acknowledged_by is not None


def test_a_refused_act_says_why_where_it_was_clicked(pages: Pages) -> None:
    page = live(pages.open("/"))
    alert = Alert.objects.filter(severity="act").get()
    pages.expect_refusal(page, f"/overview/alerts/{alert.pk}/acknowledge", 409)
    Alert.objects.filter(pk=alert.pk).update(acknowledged_at=timezone.now())
    page.click(f"#acknowledge-{alert.pk}")
    expect(page.locator("#alerts [data-refusal]")).to_contain_text("already")


def test_a_feed_that_is_new_to_the_page_gets_its_place(open_page: Open, wire: Wire) -> None:
    page = live(open_page("/"))
    new = world.feed("FTMO", "EURUSD")
    wire.quote(new.pk, 1.08, 1.0801)
    expect(cell(page, new)).to_be_visible(timeout=10_000)
    expect(page.locator(".board thead")).to_contain_text("FTMO")


def test_only_what_looks_wrong_is_shown_when_asked_for(open_page: Open) -> None:
    page = live(open_page("/"))
    page.click("[data-board-filter=act]")
    expect(page.locator(".board tbody tr:visible")).to_have_count(1)
    page.reload()
    expect(page.locator(".board tbody tr:visible")).to_have_count(1)
    Alert.objects.update(resolved_at=timezone.now())
    page.reload()
    expect(page.locator(".board tbody tr:visible")).to_contain_text("Nothing calls")


def test_health_shows_where_a_tick_is_and_which_room_is_silent(open_page: Open, wire: Wire) -> None:
    page = live(open_page("/health"))
    for _ in range(3):
        wire.health("gateway", ticks_per_s=12_480.0, ack_p50_ms=0.31, ack_p99_ms=0.42, sessions=5)
        wire.health("worker.0", ticks_per_s=6_000.0, lag_ms=2_500.0, pending=12)
        wire.health("worker.1", ticks_per_s=6_480.0, lag_ms=8.0, pending=3)
        page.wait_for_timeout(500)
    gateway, workers = page.locator("[name=gateway]"), page.locator("health-room[name=workers]")
    expect(gateway.locator("live-total[name=ticks_per_s]")).to_have_text("12\u202f480")
    expect(page.locator("health-room[name=store] live-total[name=stored_per_s]")).to_have_text(
        "12\u202f480"
    )
    expect(workers).to_have_attribute("data-state", "look")
    expect(workers.locator("[data-trouble]")).to_have_text("More than 1 s behind.")
    expect(gateway).to_have_attribute("data-state", "act", timeout=12_000)
    expect(gateway.locator("[data-trouble]")).to_contain_text("No gateway has shown life")


def test_the_chart_follows_the_last_quote(open_page: Open, wire: Wire) -> None:
    page = live(open_page("/instruments/EURUSD"))
    expect(page.locator("price-chart .message")).to_contain_text("no bars of this period yet")
    mine = feed_of("ICM-LIVE", "EURUSD")
    ladder = page.locator(f'.ladder tr[data-feed="{mine.pk}"]')
    wire.quote(mine.pk, 1.09001, 1.09013)
    expect(ladder.locator("[part=bid]")).to_have_text("1.09001")
    expect(ladder.locator("[part=spread]")).to_have_text("1.2")
    wire.verify(mine, 3.1, "act")
    expect(ladder.locator("[part=offset]")).to_have_text("+3.1")
    expect(ladder.locator(".word")).to_have_text("act")
