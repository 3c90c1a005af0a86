"""What an instrument's chart fetches beside its bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from signals.models import Signal
from tests.dashboard import world

pytestmark = pytest.mark.django_db

START = datetime(2014, 5, 2, 12, 30, tzinfo=UTC)
START_S = int(START.timestamp())


def test_deviations_come_per_step_with_the_furthest_and_its_sign(as_viewer: Client) -> None:
    feed = world.feed()
    for second, pips in ((0, 0.4), (2, -4.2), (30, 1.1), (61, 0.3)):
        world.deviation(feed, pips, START + timedelta(seconds=second))
    path = f"/instruments/{feed.instrument.pk}/deviations"
    span = {"feed": feed.pk, "from": START_S, "to": START_S + 120, "step": 60}
    assert as_viewer.get(path, span).json() == {"t": [START_S, START_S + 60], "v": [-4.2, 0.3]}


def test_the_end_of_a_span_lies_outside_it(as_viewer: Client) -> None:
    feed = world.feed()
    world.deviation(feed, 1.0, START + timedelta(seconds=60))
    path = f"/instruments/{feed.instrument.pk}/deviations"
    span = {"feed": feed.pk, "from": START_S, "to": START_S + 60, "step": 60}
    assert as_viewer.get(path, span).json() == {"t": [], "v": []}


@pytest.mark.parametrize(
    "span",
    [
        {},
        {"from": "now", "to": "1"},
        {"from": 10, "to": 10},
        {"from": 10, "to": 5},
        {"from": 0, "to": 100, "step": 0},
        {"from": 0, "to": 10**9, "step": 1},
        {"from": 0, "to": 10**15},
    ],
)
def test_a_span_without_sense_is_refused_in_words(
    as_viewer: Client, span: dict[str, str | int]
) -> None:
    feed = world.feed()
    path = f"/instruments/{feed.instrument.pk}/deviations"
    answer = as_viewer.get(path, span | {"feed": feed.pk})
    assert answer.status_code == 400
    assert "Unix seconds" in answer.content.decode()


def test_a_feed_of_another_instrument_is_not_given_under_this_one(as_viewer: Client) -> None:
    mine, other = world.feed(symbol="EURUSD"), world.feed(symbol="BTCUSD")
    path = f"/instruments/{mine.instrument.pk}/deviations"
    span = {"feed": other.pk, "from": 0, "to": 10, "step": 10}
    assert as_viewer.get(path, span).status_code == 404


def test_markers_are_the_instruments_signals_and_alerts_of_the_span(as_viewer: Client) -> None:
    feed, other = world.feed(symbol="EURUSD"), world.feed(symbol="BTCUSD")
    alert = world.alert(feed, started_at=START + timedelta(seconds=9))
    world.alert(other, started_at=START)
    world.alert(feed, started_at=START - timedelta(days=1))
    signal = Signal.objects.create(
        symbol="EURUSD",
        action="BUY",
        source="manual",
        created_at=START,
        expires_at=START + timedelta(minutes=5),
    )
    path = f"/instruments/{feed.instrument.pk}/markers"
    found = as_viewer.get(path, {"from": START_S, "to": START_S + 60}).json()["markers"]
    assert [(marker["kind"], marker["id"], marker["time"]) for marker in found] == [
        ("signal", str(signal.pk), START_S),
        ("alert", alert.pk, START_S + 9),
    ]


def test_the_page_names_each_feed_as_the_history_endpoint_knows_it(as_viewer: Client) -> None:
    world.feed("OANDA", "EURUSD", terminal_symbol="EURUSD.m")
    page = as_viewer.get("/instruments/EURUSD")
    assert page.context["chart"]["feeds"][0]["ticker"] == "OANDA:EURUSD.m"
    asked = {"symbol": "OANDA:EURUSD.m", "resolution": "1", "from": "0", "to": "2000000000"}
    history = as_viewer.get("/api/v1/history", asked)
    assert history.json() == {"s": "no_data"}  # known, and without bars


def test_the_feed_that_is_asked_for_is_the_one_whose_candles_show(as_viewer: Client) -> None:
    world.feed("ICM-LIVE", "EURUSD")
    wanted = world.feed("OANDA", "EURUSD")
    page = as_viewer.get("/instruments/EURUSD", {"feed": wanted.pk})
    assert page.context["chosen"].feed == wanted


def test_a_feeds_share_is_of_the_seconds_in_which_it_could_be_compared(as_viewer: Client) -> None:
    feed = world.feed()
    now = timezone.now()
    for back, pips in ((10, 0.2), (20, 0.4), (30, 2.0), (40, -0.9)):
        world.deviation(feed, pips, now - timedelta(seconds=back))
    page = as_viewer.get("/instruments/EURUSD")
    assert page.context["shares"] == {feed.pk: 0.75}


@pytest.mark.parametrize(
    ("symbol", "name"), [("EURUSD", "FX:EURUSD"), ("BTCUSD", "BINANCE:BTCUSD")]
)
def test_the_widget_asks_for_the_same_market(as_viewer: Client, symbol: str, name: str) -> None:
    world.feed(symbol=symbol)
    assert as_viewer.get(f"/instruments/{symbol}").context["tradingview"] == name
