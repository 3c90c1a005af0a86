"""What charts and pages read: bars from ticks or terminals, quotes, ticks, sparklines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from bridge_ingest.clock import from_us
from bridge_ingest.events import dispatch
from bridge_ingest.protocol.messages import PERIODS_S
from market import adopt, directory, queries, store
from market.queries import BarColumns, Window
from tests.market.conftest import NOON_US, Terminal

pytestmark = pytest.mark.django_db
MINUTE_US = 60_000_000


def write(batch: Any) -> None:
    with transaction.atomic():
        store.write_ticks(batch, adopt.feeds_for(batch), "0")


def terminal_bar(source: int, start_us: int, price: float, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "bar", "source": source, "stream": 1, "seq": 1, "period": "M1",
        "event_us": start_us, "open": price, "high": price + 2, "low": price - 1,
        "close": price + 1, "volume": 3.0, "stamp": "close", "closed": True,
        "received_us": start_us + MINUTE_US, "flags": 0,
    } | changes  # fmt: skip


def minutes(found: BarColumns) -> list[int]:
    return [(start_us - NOON_US) // MINUTE_US for start_us in found.start_us.tolist()]


def at(minute: int) -> int:
    return NOON_US + minute * MINUTE_US


@pytest.fixture
def feed(oanda: Terminal) -> int:
    """A tick in each of the minutes 0, 1, 2 and 5."""
    for minute in (0, 1, 2, 5):
        write(oanda.ticks("EURUSD", [float(minute + 1)], start_us=at(minute), spread=0.5))
    return oanda.source("EURUSD")


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(), [0, 1, 2, 5]),
        (Window(at(1), at(5)), [1, 2]),
        (Window(at(1), at(5) + 1), [1, 2, 5]),
        (Window(at(0) + 1, at(2)), [1]),
        (Window(0, at(5), 2), [1, 2]),
        (Window(at(2), at(6), 3), [2, 5]),
        (Window(at(3), at(5)), []),
        (Window(at(5), at(0)), []),
        (Window(-5, -1), []),
        (Window(0, 2**62, 1), [5]),
    ],
)
def test_a_window_begins_inclusive_ends_exclusive_and_keeps_the_newest(
    feed: int, window: Window, expected: list[int]
) -> None:
    assert minutes(queries.bars(feed, 60, window)) == expected


def test_bars_carry_prices_in_rising_order(feed: int) -> None:
    found = queries.bars(feed, 300, Window())
    assert [column.tolist() for column in found[1:]] == [
        [1.25, 6.25], [3.25, 6.25], [1.25, 6.25], [3.25, 6.25], [3.0, 1.0],
    ]  # fmt: skip


def test_a_terminals_bars_stand_before_the_first_tick_only(feed: int) -> None:
    dispatch([terminal_bar(feed, at(minute), 50.0) for minute in (-2, -1, 0, 3)])
    assert minutes(queries.bars(feed, 60, Window())) == [-2, -1, 0, 1, 2, 5]
    assert minutes(queries.bars(feed, 60, Window(0, at(2), 3))) == [-1, 0, 1]
    assert minutes(queries.bars(feed, 60, Window(at(-1), at(1)))) == [-1, 0]
    assert queries.bars(feed, 60, Window(at(0), at(1))).close.tolist() == [1.25]


def test_a_feed_of_bars_has_all_longer_periods(oanda: Terminal) -> None:
    source = oanda.source("BTCUSDT")
    dispatch([terminal_bar(source, at(minute), minute) for minute in (0, 1, 4, 5, 14, 61)])
    five = queries.bars(source, 300, Window())
    assert minutes(five) == [0, 5, 10, 60]
    assert [column.tolist()[0] for column in five[1:]] == [0.0, 6.0, -1.0, 5.0, 9.0]
    assert minutes(queries.bars(source, 3600, Window(most=1))) == [60]
    assert queries.bars(source, 1, Window()).size == 0


def test_the_longest_of_a_terminals_periods_is_taken(oanda: Terminal) -> None:
    source = oanda.source("BTCUSDT")
    dispatch([terminal_bar(source, at(0), 1.0), terminal_bar(source, at(0), 9.0, period="H1")])
    assert queries.bars(source, 3600, Window()).open.tolist() == [9.0]
    assert queries.bars(source, 14_400, Window()).open.tolist() == [9.0]
    assert queries.bars(source, 900, Window()).open.tolist() == [1.0]


class AnyTerminalBars(TestCase):
    """Longer bars made from the terminal's, cut at any count, are those made from all of them."""

    @settings(max_examples=40, deadline=None)
    @given(
        at_minutes=st.sets(st.integers(0, 400), min_size=1, max_size=60),
        end=st.integers(0, 420),
        most=st.integers(1, 12),
        period=st.sampled_from(["M5", "M15", "H1"]),
    )
    def test_a_count_is_exact(self, at_minutes: set[int], end: int, most: int, period: str) -> None:
        adopt.forget()
        source = Terminal("OANDA").source("BTCUSDT")
        dispatch([terminal_bar(source, at(minute), minute) for minute in at_minutes])
        whole = queries.bars(source, PERIODS_S[period], Window())
        before = np.flatnonzero(whole.start_us < at(end))[-most:]
        found = queries.bars(source, PERIODS_S[period], Window(0, at(end), most))
        for column, expected in zip(found, whole, strict=True):
            np.testing.assert_array_equal(column, expected[before])


def test_quotes_of_an_instrument_name_each_client(oanda: Terminal, fxcm: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.1, 1.2]))
    write(fxcm.ticks("EUR/USD", [1.3], spread=-0.1))
    write(fxcm.ticks("NZDUSD", [0.8]))
    first, second = queries.quotes("EURUSD")
    assert (first.client, first.terminal_symbol, first.ticks) == ("FXCM", "EUR/USD", 1)
    assert (first.crossed, first.mid) == (1, 1.25)
    assert first.spread == pytest.approx(-0.1)
    assert (second.client, second.bid, second.ticks) == ("OANDA", 1.2, 2)
    assert second.event_time == from_us(NOON_US + 250_000)
    assert len(queries.quotes()) == 3
    assert [quote.symbol for quote in queries.quotes(feed_ids=[fxcm.source("NZDUSD")])] == [
        "NZDUSD"
    ]


def test_ticks_come_in_their_order_and_only_the_newest(oanda: Terminal, fxcm: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.1, 1.2, 1.3, 1.4], step_us=MINUTE_US))
    write(fxcm.ticks("EURUSD", [9.9]))
    late = oanda.ticks("EURUSD", [1.15], start_us=at(0))
    late["received_us"] = at(9)
    write(late)
    feed = oanda.source("EURUSD")
    assert queries.ticks(feed, at(0), at(3), 10).bid.tolist() == [1.1, 1.15, 1.2, 1.3]
    newest = queries.ticks(feed, at(0), at(4), 2)
    assert newest.event_us.tolist() == [at(2), at(3)]
    assert newest.received_us.tolist() == [at(2) + 1000, at(3) + 1000]
    assert newest.ask.tolist() == [1.3 + 0.0002, 1.4 + 0.0002]
    assert queries.ticks(feed, at(5), at(9), 5).bid.size == 0


def test_a_sparkline_is_the_quarter_of_an_hour_before_the_last_tick(oanda: Terminal) -> None:
    write(oanda.ticks("EURUSD", [0.5], start_us=at(-20)))
    write(oanda.ticks("EURUSD", [1.0, 2.0, 3.0, 4.0], step_us=10_000_000, spread=0.0))
    feed = oanda.source("EURUSD")
    second = NOON_US // 1_000_000
    assert queries.sparklines([feed]) == {
        feed: [(second, 2.0), (second + 15, 3.0), (second + 30, 4.0)]
    }


def test_a_feed_of_bars_has_its_sparkline_from_them(oanda: Terminal) -> None:
    source = oanda.source("BTCUSDT")
    dispatch([terminal_bar(source, at(minute), minute) for minute in range(20)])
    line = queries.sparklines([source])[source]
    assert len(line) == 15
    assert line[-1] == (at(19) // 1_000_000, 20.0)


def test_the_preferred_feed_is_the_one_with_most_ticks_of_an_enabled_client(
    oanda: Terminal, fxcm: Terminal
) -> None:
    fxcm.match("EURUSD.m", "EURUSD")
    write(oanda.ticks("EURUSD", [1.1, 1.2]))
    write(fxcm.ticks("EURUSD.m", [1.3]))
    assert [entry.client for entry in directory.feeds_of("EUR/USD")] == ["OANDA", "FXCM"]
    oanda.client.disabled_at = from_us(NOON_US)
    oanda.client.save()
    preferred = directory.find("EURUSD")
    assert preferred
    assert preferred.client == "FXCM"


def test_a_client_may_send_one_instrument_under_two_names(oanda: Terminal) -> None:
    oanda.match("EURUSD.m", "EURUSD")
    write(oanda.ticks("EURUSD.m", [1.1, 1.2]))
    write(oanda.ticks("EURUSD", [1.3]))
    found = [
        directory.find(f"OANDA:{name}") for name in ("EURUSD", "EURUSD.m", "eurusd.M", "EUR/USD")
    ]
    names = [entry.terminal_symbol for entry in found if entry]
    assert names == ["EURUSD", "EURUSD.m", "EURUSD.m", "EURUSD.m"]
