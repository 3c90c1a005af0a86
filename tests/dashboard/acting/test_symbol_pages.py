"""Symbols on the pages: what may be another instrument's, and what operators decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest.models import Source
from market.models import Feed, FeedState, Instrument, SymbolMatch
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]


def spelt(client: str, symbol: str, price: float = 1.08128) -> Feed:
    """A feed that is an instrument of its own, because its name is nobody else's."""
    own = Instrument.objects.create(
        symbol=symbol, kind="fx", pip_size=0.0001, digits=5, session="24x5",
        created_at=timezone.now(),
    )  # fmt: skip
    source = Source.objects.create(client=world.client(client), symbol=symbol, shard=0)
    feed = Feed.objects.create(source=source, instrument=own, created_at=timezone.now())
    now = timezone.now()
    FeedState.objects.create(
        feed=feed, bid=price, ask=price, event_time=now, received_at=now, ticks=7, crossed=0
    )
    return feed


@pytest.fixture
def mini() -> Feed:
    """FXCM's EURUSD.m, beside ICM's EURUSD, at its price."""
    world.feed("ICM-LIVE", "EURUSD")
    return spelt("FXCM", "EURUSD.m")


def listed(browser: Browser, url: str = "/symbols") -> str:
    return str(browser.get(url, headers=htmx("symbol-list")).content.decode())


def post(browser: Browser, act: str, feed: Feed, **sent: str) -> Any:
    url = reverse(f"dashboard:symbol-{act}", args=[feed.pk])
    return browser.post(url, sent, headers=htmx("symbol-list"))


def now_is(feed: Feed) -> str:
    return Feed.objects.get(pk=feed.pk).instrument.symbol


def test_the_list_says_what_a_symbol_may_be_why_and_how_prices_compare(
    mini: Feed, as_viewer: Browser, as_operator: Browser
) -> None:
    text = listed(as_viewer)
    for said in ("EURUSD.m", ">EURUSD</a>", "it has .m behind the name", "apart at their last"):
        assert said in text
    assert "<form" not in text
    assert 'aria-label="Match EURUSD.m of FXCM with EURUSD"' in listed(as_operator)
    assert "ICM-LIVE" not in text


def test_a_suggestion_is_confirmed_with_one_click(mini: Feed, as_operator: Browser) -> None:
    answer = post(as_operator, "match", mini, target="EURUSD")
    assert (answer.status_code, now_is(mini)) == (200, "EURUSD")
    assert "Nothing to decide" in answer.content.decode()
    assert " by olga" in answer.content.decode()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.source) == ("symbol.match", "olga", "page")


def test_a_suggestion_is_refused_and_the_refusal_undone(mini: Feed, as_operator: Browser) -> None:
    assert '<span class="badge">apart</span>' in post(as_operator, "apart", mini).content.decode()
    assert SymbolMatch.objects.get().instrument is None
    again = post(as_operator, "undo", mini)
    assert "it has .m behind the name" in again.content.decode()
    assert not SymbolMatch.objects.exists()
    nothing = post(as_operator, "undo", mini)
    assert (nothing.status_code, b"Nothing was decided" in nothing.content) == (409, True)


def test_prices_that_differ_are_shown_and_refuse_the_click(as_operator: Browser) -> None:
    world.feed("ICM-LIVE", "EURUSD")
    cent = spelt("FXCM", "EURUSDc", 108.128)
    assert "100 times theirs" in listed(as_operator)
    answer = post(as_operator, "match", cent, target="EURUSD")
    assert (answer.status_code, now_is(cent)) == (409, "EURUSDc")
    assert "is not priced like EURUSD" in answer.content.decode()


def test_another_instrument_is_chosen_in_a_dialog(mini: Feed, as_operator: Browser) -> None:
    world.feed("ICM-LIVE", "USDJPY", bid=150.0, ask=150.02)
    url = reverse("dashboard:symbol-match", args=[mini.pk])
    form = as_operator.get(url, headers=htmx("dialog-slot")).content.decode()
    assert '<option value="USDJPY">' in form
    wrong = as_operator.post(url, {"target": "usdjpy"}, headers=htmx("dialog-slot"))
    assert (wrong.status_code, "names are case-sensitive" in wrong.content.decode()) == (422, True)
    off = as_operator.post(url, {"target": "USDJPY"}, headers=htmx("dialog-slot"))
    assert (off.status_code, "is not priced like" in off.content.decode()) == (422, True)
    done = as_operator.post(url, {"target": "USDJPY", "anyway": "on"}, headers=htmx("dialog-slot"))
    assert (done.status_code, now_is(mini)) == (204, "USDJPY")
    assert done["HX-Redirect"] == reverse("dashboard:client-symbols", args=[mini.source.client_id])


def test_everything_works_without_scripts(mini: Feed, as_operator: Browser) -> None:
    url = reverse("dashboard:symbol-match", args=[mini.pk])
    assert "<html" in as_operator.get(url).content.decode()
    assert as_operator.post(url, {"target": "EURUSD"}).status_code == 302
    page = reverse("dashboard:client-symbols", args=[mini.source.client_id])
    assert "EURUSD.m is EURUSD from now on." in as_operator.get(page).content.decode()


def test_a_clients_own_page_lists_all_its_symbols_and_no_others(
    mini: Feed, as_operator: Browser
) -> None:
    world.feed("FXCM", "USDJPY")
    spelt("ICM-LIVE", "GBPUSD.m")
    url = reverse("dashboard:client-symbols", args=[mini.source.client_id])
    whole = as_operator.get(url).content.decode()
    assert '<a href="' + url + '" aria-current="page">Symbols</a>' in whole
    assert "By their own names" in whole
    assert "USDJPY" in whole
    assert "GBPUSD.m" not in whole
    first = reverse("dashboard:client", args=[mini.source.client_id])
    assert url in as_operator.get(first).content.decode()


def test_after_a_click_on_a_clients_page_the_list_is_still_that_clients(
    mini: Feed, as_operator: Browser
) -> None:
    spelt("ICM-LIVE", "GBPUSD.m")
    url = reverse("dashboard:symbol-apart", args=[mini.pk])
    here = as_operator.post(f"{url}?of", {}, headers=htmx("symbol-list")).content.decode()
    assert "GBPUSD.m" not in here
    assert "GBPUSD.m" in listed(as_operator)


def test_an_instrument_that_lost_its_last_feed_still_has_its_page(
    mini: Feed, as_operator: Browser
) -> None:
    post(as_operator, "match", mini, target="EURUSD")
    answer = as_operator.get(reverse("dashboard:instrument", args=["EURUSD.m"]))
    assert answer.status_code == 200
    assert "EURUSD.m</a>" not in as_operator.get("/instruments").content.decode()


def test_a_suggestion_without_an_instrument_says_that_it_is_new(as_operator: Browser) -> None:
    spelt("FXCM", "GBPUSD.m")
    assert 'GBPUSD <span class="badge">new</span>' in listed(as_operator)
    assert "have not quoted at the same time yet" in listed(as_operator)
