"""Bars and indicator values that terminals send, from the journal to rows."""

from __future__ import annotations

from typing import Any

import pytest

from bridge_ingest.clock import from_us
from bridge_ingest.events import dispatch
from bridge_ingest.journal.layout import REPLAY
from market.models import Feed, IndicatorValue, Instrument, TerminalBar
from tests.market.conftest import NOON_US, Terminal
from tests.market.test_queries import terminal_bar

pytestmark = pytest.mark.django_db


def indicator(source: int, value: float, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "indicator", "source": source, "stream": 1, "seq": 1, "name": "sma_14",
        "value": value, "period": "M1", "event_us": NOON_US, "received_us": NOON_US + 5,
        "flags": REPLAY,
    } | changes  # fmt: skip


def test_a_bar_is_kept_as_the_terminal_stated_it(oanda: Terminal) -> None:
    source = oanda.source("ES 12-26")
    dispatch([terminal_bar(source, NOON_US, 5120.25, flags=REPLAY)])
    bar = TerminalBar.objects.get()
    assert (bar.feed_id, bar.period_s, bar.start) == (source, 60, from_us(NOON_US))
    assert (bar.open, bar.high, bar.low, bar.close) == (5120.25, 5122.25, 5119.25, 5121.25)
    assert (bar.volume, bar.stamp, bar.closed, bar.flags) == (3.0, "close", True, REPLAY)


def test_a_bar_that_comes_again_replaces_itself(oanda: Terminal) -> None:
    source = oanda.source("BTCUSDT")
    growing = [terminal_bar(source, NOON_US, price, closed=False) for price in (1.0, 2.0)]
    dispatch(growing)
    assert TerminalBar.objects.get().open == 2.0
    dispatch([terminal_bar(source, NOON_US, 3.0)])
    assert TerminalBar.objects.get().open == 3.0


def test_a_growing_bar_that_comes_late_does_not_undo_the_final_one(oanda: Terminal) -> None:
    source = oanda.source("BTCUSDT")
    final = terminal_bar(source, NOON_US, 3.0)
    dispatch([final, terminal_bar(source, NOON_US, 1.0, closed=False)])
    assert TerminalBar.objects.get().open == 3.0


def test_a_client_that_sends_only_bars_gets_a_feed(oanda: Terminal) -> None:
    dispatch([terminal_bar(oanda.source("BINANCE:BTCUSDT"), NOON_US, 64000.0)])
    assert Feed.objects.get().instrument.symbol == "BINANCE:BTCUSDT"


def test_an_indicators_values_are_kept_one_by_one(oanda: Terminal) -> None:
    source = oanda.source("ES 12-26")
    dispatch([indicator(source, 5118.5), indicator(source, 5118.75)])
    first, second = IndicatorValue.objects.order_by("pk")
    assert (first.value, second.value, first.name, first.flags) == (
        5118.5,
        5118.75,
        "sma_14",
        REPLAY,
    )
    assert first.received_at == from_us(NOON_US + 5)


def test_an_indicators_value_says_nothing_of_the_decimals_of_prices(oanda: Terminal) -> None:
    dispatch([indicator(oanda.source("WIDGET"), 49.123456789)])
    assert Instrument.objects.get().digits == 5


def test_events_of_a_source_that_is_gone_are_passed_over(oanda: Terminal) -> None:
    dispatch([terminal_bar(0, NOON_US, 1.0), indicator(0, 1.0)])
    assert not TerminalBar.objects.exists()
    assert not IndicatorValue.objects.exists()
