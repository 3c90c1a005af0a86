"""What a chart learns before it draws: configuration, symbols, search, the clock, quotes."""

from __future__ import annotations

import time

import pytest

from tests.tradingview.conftest import Chart, Feeds


@pytest.fixture
def three_feeds(feeds: Feeds) -> Feeds:
    feeds.ticks("FXCM", "EUR/USD", [1.1])
    feeds.ticks("OANDA", "EURUSD", [1.2, 1.3, 1.25])
    feeds.of("OANDA").match("XAUUSD.m", "XAUUSD")
    feeds.ticks("OANDA", "XAUUSD.m", [2000.0])
    return feeds


def test_configuration_names_the_clients_as_exchanges(chart: Chart, three_feeds: Feeds) -> None:
    content = chart.get("config")
    assert content["supports_search"]
    assert not content["supports_group_request"]
    assert [exchange["value"] for exchange in content["exchanges"]] == ["", "FXCM", "OANDA"]
    assert content["supported_resolutions"] == ["1S", "1", "5", "15", "30", "60", "240", "1D", "1W"]


@pytest.mark.parametrize(
    ("name", "ticker", "client"),
    [
        ("EURUSD", "EURUSD", "OANDA"),  # most ticks
        ("EURUSD.pro", "EURUSD", "OANDA"),
        ("FXCM:EURUSD", "FXCM:EUR/USD", "FXCM"),
        ("FXCM:EUR/USD", "FXCM:EUR/USD", "FXCM"),
        ("oanda:eurusd", "OANDA:EURUSD", "OANDA"),
    ],
)
def test_a_ticker_leads_to_one_feed(
    chart: Chart, three_feeds: Feeds, name: str, ticker: str, client: str
) -> None:
    content = chart.get("symbols", symbol=name)
    assert (content["ticker"], content["exchange"]) == (ticker, client)
    assert chart.get("symbols", symbol=ticker) == content


def test_a_symbol_is_described_as_the_library_demands(chart: Chart, three_feeds: Feeds) -> None:
    content = chart.get("symbols", symbol="XAUUSD")
    required = {
        "name", "description", "type", "session", "exchange", "listed_exchange", "timezone",
        "format", "pricescale", "minmov", "ticker",
    }  # fmt: skip
    assert required <= content.keys()
    assert "s" not in content
    assert (content["pricescale"], content["type"], content["session"]) == (
        100,
        "commodity",
        "24x7",
    )


def test_a_feed_of_bars_offers_no_seconds(chart: Chart, feeds: Feeds) -> None:
    feeds.minute_bars("Pine", "BTCUSDT", [10.0], 1_772_625_600_000_000)
    content = chart.get("symbols", symbol="BTCUSDT")
    assert not content["has_seconds"]
    assert "1S" not in content["supported_resolutions"]


def test_an_unknown_symbol_is_an_error(chart: Chart, three_feeds: Feeds) -> None:
    content = chart.get("symbols", symbol="NZDUSD")
    assert content == {"s": "error", "errmsg": "unknown_symbol NZDUSD"}


def test_search_gives_the_instrument_and_each_feed_of_it(chart: Chart, three_feeds: Feeds) -> None:
    found = chart.get("search", query="EURU", type="", exchange="", limit=30)
    assert [row["ticker"] for row in found] == ["EURUSD", "OANDA:EURUSD", "FXCM:EUR/USD"]
    assert found[0]["description"] == "EUR against USD"


def test_search_keeps_to_type_exchange_and_limit(chart: Chart, three_feeds: Feeds) -> None:
    def tickers(**how: object) -> list[str]:
        return [row["ticker"] for row in chart.get("search", **{"query": "", **how})]

    assert tickers(type="commodity") == ["XAUUSD", "OANDA:XAUUSD.m"]
    assert tickers(exchange="FXCM") == ["FXCM:EUR/USD"]
    assert len(tickers(limit=2)) == 2
    assert tickers(query="%") == tickers(type="nonsense") == []


def test_the_clock_is_bare_unix_seconds(chart: Chart, db: None) -> None:
    text = chart.browser.get("/api/v1/time").content.decode()
    assert abs(int(text) - time.time()) < 5


def test_quotes_name_price_day_and_change(chart: Chart, feeds: Feeds) -> None:
    feeds.ticks("OANDA", "EURUSD", [1.0, 1.1, 1.05], step_us=86_400_000_000 // 2, spread=0.02)
    content = chart.get("quotes", symbols="EURUSD,NOPE")
    (eurusd, unknown) = content["d"]
    assert unknown == {"s": "error", "n": "NOPE", "v": {}}
    assert (eurusd["s"], eurusd["n"]) == ("ok", "EURUSD")
    assert eurusd["v"] == {
        "short_name": "EURUSD", "exchange": "OANDA", "description": "EUR against USD",
        "bid": 1.05, "ask": 1.07, "spread": 0.02, "lp": 1.06, "open_price": 1.11,
        "high_price": 1.11, "low_price": 1.06, "volume": 2.0, "prev_close_price": 1.01,
        "ch": 0.05, "chp": 4.950495,
    }  # fmt: skip


def test_a_feed_of_bars_has_a_last_price_and_no_bid(chart: Chart, feeds: Feeds) -> None:
    feeds.minute_bars("Pine", "BTCUSDT", [10.0, 11.0], 1_772_625_600_000_000)
    (quote,) = chart.get("quotes", symbols="Pine:BTCUSDT")["d"]
    assert quote["v"]["lp"] == 11.0
    assert "bid" not in quote["v"]


def test_quotes_of_nothing_are_an_error(chart: Chart, db: None) -> None:
    assert chart.get("quotes")["s"] == "error"
    assert chart.get("quotes", symbols=",".join(["A"] * 201))["s"] == "error"
