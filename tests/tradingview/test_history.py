"""`/history`: the points on which charts trip, one test each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tradingview.conftest import NOON_S, Chart, Feeds

MINUTE = 60


@pytest.fixture
def five_minutes(feeds: Feeds) -> Feeds:
    """A tick in each of five minutes from noon, but none in the fourth."""
    for minute in (0, 1, 2, 4):
        start_us = (NOON_S + minute * MINUTE) * 1_000_000
        feeds.ticks("OANDA", "EURUSD", [1.1 + minute / 100], start_us=start_us)
    return feeds


def ask(chart: Chart, start: int, end: int, **more: Any) -> Any:
    symbol = {"symbol": "OANDA:EURUSD", "resolution": "1"}
    times = {"from": NOON_S + start * MINUTE, "to": NOON_S + end * MINUTE}
    return chart.get("history", **{**symbol, **times, **more})


def minutes(content: Any) -> list[int]:
    return [(second - NOON_S) // MINUTE for second in content["t"]]


def test_bars_rise_and_the_end_is_not_included(chart: Chart, five_minutes: Feeds) -> None:
    content = ask(chart, 0, 2)
    assert content == {
        "s": "ok",
        "t": [NOON_S, NOON_S + MINUTE],
        "o": [1.1001, 1.1101],
        "h": [1.1001, 1.1101],
        "l": [1.1001, 1.1101],
        "c": [1.1001, 1.1101],
        "v": [1.0, 1.0],
    }


def test_an_end_inside_a_bar_includes_it(chart: Chart, five_minutes: Feeds) -> None:
    assert minutes(ask(chart, 0, 1, to=NOON_S + MINUTE + 1)) == [0, 1]


def test_countback_beats_from_and_reaches_behind_it(chart: Chart, five_minutes: Feeds) -> None:
    assert minutes(ask(chart, 4, 5, countback=3)) == [1, 2, 4]
    assert minutes(ask(chart, 0, 5, countback=2)) == [2, 4]
    assert minutes(ask(chart, 0, 4, countback=9)) == [0, 1, 2]


def test_in_a_gap_the_bar_before_it_is_given(chart: Chart, five_minutes: Feeds) -> None:
    assert minutes(ask(chart, 3, 4)) == [2]
    assert minutes(ask(chart, 3, 4, countback=1)) == [2]


def test_no_data_means_that_nothing_older_exists(chart: Chart, five_minutes: Feeds) -> None:
    assert ask(chart, -10, 0) == {"s": "no_data"}
    assert ask(chart, -10, 0, countback=5) == {"s": "no_data"}


@pytest.mark.parametrize(
    ("resolution", "opens_s", "count"),
    [
        ("1S", NOON_S, 4),
        ("S", NOON_S, 4),
        ("5", NOON_S, 1),
        ("15", NOON_S, 1),
        ("30", NOON_S, 1),
        ("60", NOON_S, 1),
        ("240", NOON_S, 1),
        ("1D", NOON_S - 12 * 3600, 1),
        ("D", NOON_S - 12 * 3600, 1),
        ("1W", NOON_S - 60 * 3600, 1),  # the 4th of March 2026 is a Wednesday
    ],
)
def test_every_resolution_has_bars(
    chart: Chart, five_minutes: Feeds, resolution: str, opens_s: int, count: int
) -> None:
    content = ask(chart, 0, 5, resolution=resolution, countback=10)
    assert (content["t"][0], len(content["t"])) == (opens_s, count)


def test_a_feed_without_ticks_is_charted_from_its_own_bars(chart: Chart, feeds: Feeds) -> None:
    feeds.minute_bars("Pine", "BINANCE:BTCUSDT", [10.0, 11.0, 12.0], NOON_S * 1_000_000)
    content = chart.get("history", symbol="Pine:BINANCE:BTCUSDT", resolution="5", countback=5)
    assert content["t"] == [NOON_S]
    prices = {name: content[name] for name in "ohlcv"}
    assert prices == {"o": [9.999], "h": [12.002], "l": [9.997], "c": [12.0], "v": [6.0]}


@pytest.mark.parametrize(
    ("changed", "status", "names"),
    [
        ({"symbol": "OANDA:XYZ"}, 404, "unknown_symbol OANDA:XYZ"),
        ({"symbol": "NOBODY:EURUSD"}, 404, "unknown_symbol NOBODY:EURUSD"),
        ({"symbol": ""}, 404, "unknown_symbol"),
        ({"resolution": "7"}, 400, "resolution '7'"),
        ({"from": "yesterday"}, 400, "from is 'yesterday'"),
        ({"to": "nan"}, 400, "to is 'nan'"),
        ({"to": str(NOON_S * 1000)}, 400, "not milliseconds"),
        ({"countback": "-1"}, 400, "countback is '-1'"),
        ({"countback": "2.5"}, 400, "countback is '2.5'"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    chart: Chart, five_minutes: Feeds, changed: dict[str, str], status: int, names: str
) -> None:
    right = {"symbol": "OANDA:EURUSD", "resolution": "1", "from": "0", "to": str(NOON_S)}
    response = chart.browser.get("/api/v1/history", right | changed)
    content = response.json()
    assert (response.status_code, content["s"]) == (status, "error")
    assert names in content["errmsg"]


def test_a_time_before_1970_is_the_beginning(chart: Chart, five_minutes: Feeds) -> None:
    assert minutes(ask(chart, 0, 2, **{"from": -5})) == [0, 1]


def test_an_endless_request_is_answered_with_the_newest_bars(
    chart: Chart, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradingview.history.MAX_BARS", 3)
    feeds.ticks("OANDA", "EURUSD", [1.1] * 5, step_us=1_000_000)
    assert ask(chart, 0, 9, resolution="1S")["t"] == [NOON_S + 2, NOON_S + 3, NOON_S + 4]


def test_prices_carry_no_noise_of_the_mid(chart: Chart, feeds: Feeds) -> None:
    feeds.ticks("OANDA", "EURUSD", [1.38694], spread=0.00011)
    assert ask(chart, 0, 1)["c"] == [1.386995]


@pytest.fixture
def scattered(feeds: Feeds) -> Feeds:
    """Ticks in every third minute of two hours, after an hour of the terminal's own bars."""
    feeds.minute_bars("OANDA", "EURUSD", [1.0] * 50, (NOON_S - 60 * MINUTE) * 1_000_000)
    feeds.ticks("OANDA", "EURUSD", [1.1] * 40, step_us=3 * MINUTE * 1_000_000)
    return feeds


@pytest.mark.parametrize("resolution", ["1", "5", "60"])
def test_several_short_requests_give_what_one_large_gives(
    chart: Chart, scattered: Feeds, resolution: str
) -> None:
    """TradingView's acceptance test historySeveralShortQueriesEqualsLargeQuery."""
    large = ask(chart, -60, 120, resolution=resolution)
    parts = [ask(chart, hour, hour + 60, resolution=resolution) for hour in (-60, 0, 60)]
    for name in "tohlcv":
        assert [value for part in parts for value in part[name]] == large[name]


@pytest.mark.parametrize("resolution", ["1S", "1", "5", "60", "1D"])
def test_a_chart_that_walks_back_meets_every_bar_once(
    chart: Chart, scattered: Feeds, resolution: str
) -> None:
    """As the library does: each time so many before the oldest it has, until `no_data`."""
    every = ask(chart, -60, 120, resolution=resolution, countback=20_000)["t"]
    walked: list[int] = []
    end = NOON_S + 120 * MINUTE
    while (part := ask(chart, 0, 0, resolution=resolution, to=end, countback=7))["s"] == "ok":
        assert len(part["t"]) <= 7
        walked = part["t"] + walked
        end = part["t"][0]
    assert part == {"s": "no_data"}
    assert walked == every


def test_the_same_request_gives_the_same_answer(chart: Chart, scattered: Feeds) -> None:
    assert ask(chart, -60, 120) == ask(chart, -60, 120)


def test_a_request_for_the_future_gives_what_there_is(chart: Chart, scattered: Feeds) -> None:
    future = ask(chart, 10**6, 2 * 10**6, countback=2)
    assert minutes(future) == [114, 117]


def test_every_column_is_as_long_as_the_times_and_the_times_rise(
    chart: Chart, scattered: Feeds
) -> None:
    content = ask(chart, -60, 120)
    assert {len(content[name]) for name in "tohlcv"} == {50 + 40}
    assert content["t"] == sorted(set(content["t"]))
    for opened, high, low, closed in zip(*(content[name] for name in "ohlc"), strict=True):
        assert low <= min(opened, closed) <= max(opened, closed) <= high
