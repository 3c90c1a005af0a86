"""Which names mean the same instrument, and which only look alike."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_ingest import symbols
from bridge_ingest.symbols import allows_nonpositive, canonical, parse, shard_of


@pytest.mark.parametrize(
    "name",
    [
        "EURUSD", "eurusd", "EurUsd", "EURUSD.m", "EURUSDm", "EURUSDpro", "EURUSD.pro", "EURUSD_i",
        "EURUSD.", "EURUSD#", "EURUSD.ECN", "EURUSD.P", "#EURUSD", "EUR/USD", "EUR-USD", "EUR_USD",
        "OANDA:EURUSD", "FX:EURUSD", " EURUSD ",
    ],
)  # fmt: skip
def test_every_broker_form_of_a_pair_is_the_pair(name: str) -> None:
    assert canonical(name) == "EURUSD"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BINANCE:BTCUSDT", "BTCUSDT"),
        ("BTC/USDT", "BTCUSDT"),
        ("XBTUSD", "BTCUSD"),
        ("BTCUSDc", "BTCUSD"),  # a cent account
        ("BTCUSDC", "BTCUSDC"),  # another currency
        ("BINANCE:BTCUSDT.P", "BTCUSDT.P"),
        ("BTC/USDT:USDT", "BTCUSDT.P"),
        ("BTC-USDT-SWAP", "BTCUSDT.P"),
        ("XAUUSD.raw", "XAUUSD"),
        ("US30.Cash", "US30"),
        ("US500m", "US500"),
        ("USOIL.m", "USOIL"),
        ("NASDAQ:AAPL", "AAPL"),
    ],
)
def test_other_markets_have_their_own_forms(name: str, expected: str) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize("name", ["ES 12-26", "ESZ26", "ESZ2026", "CME_MINI:ESZ2026", "es 12-26"])
def test_a_future_keeps_its_root_and_expiry(name: str) -> None:
    assert parse(name) == symbols.Parsed("ES 12-26", "future", base="ES")


@pytest.mark.parametrize(
    "name",
    [
        "EURUSDM",
        "EURUSDM26",
        "GOLD",
        "ESZ6",
        "US500.F",
        "BTCUSDT_260327",
        "USDUSD",
        "APPLE",
        "ÆURUSD",
    ],
)
def test_a_name_with_two_readings_stands_for_itself(name: str) -> None:
    assert parse(name) == symbols.Parsed(name, "other")


def test_only_crude_oil_may_cost_less_than_nothing() -> None:
    names = ["CL 05-20", "USOIL.m", "EURUSD", "ES 12-26", "BTCUSDT"]
    assert [allows_nonpositive(name) for name in names] == [True, True, False, False, False]


def test_the_shard_of_a_symbol_never_changes() -> None:
    """Stored sources carry it: a changed hash would part the feeds of one instrument."""
    shards = {name: shard_of(name, 64) for name in ("EURUSD", "BTCUSDT", "ES 12-26")}
    assert shards == {"EURUSD": 43, "BTCUSDT": 3, "ES 12-26": 59}


pieces = st.sampled_from(
    ["EUR", "USD", "BTC", "USDT", "XAU", "ES", "Z", "26", "2026", " 12-26", ".m", ".P", "pro", ":",
     "/", "-", "_", "US30", ".cash", "#", "m", "f", "1!", "OANDA"]
)  # fmt: skip
names = st.one_of(st.text(min_size=1, max_size=64), st.lists(pieces, min_size=1).map("".join))


@settings(deadline=None)
@given(names, st.integers(1, 64))
def test_a_canonical_name_is_its_own_canonical_name(name: str, shards: int) -> None:
    once = canonical(name)
    assert canonical(once) == once
    assert len(once) <= max(len(name), 12)  # ESZ26 grows to ES 12-26
    assert shard_of(name, shards) == shard_of(once, shards) < shards
