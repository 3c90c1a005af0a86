"""What brokers' and exchanges' spellings may mean, and what they must not be taken for."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge_ingest.symbols import FIAT, METALS, canonical, own_name
from market.spellings import MOST, suggestions

YEAR = 2026
MEANT = {
    # MetaTrader brokers: the type of account behind or before the name.
    "EURUSD.m": "EURUSD", "EURUSDm": "EURUSD", "EURUSDpro": "EURUSD", "EURUSD.pro": "EURUSD",
    "EURUSD_i": "EURUSD", "EURUSD#": "EURUSD", "#EURUSD": "EURUSD", ".EURUSD": "EURUSD",
    "EURUSD.": "EURUSD", "EURUSD+": "EURUSD", "EURUSD!": "EURUSD", "EURUSD-ECN": "EURUSD",
    "EURUSD.ecn": "EURUSD", "EURUSDecn": "EURUSD", "EURUSD.raw": "EURUSD", "EURUSDr": "EURUSD",
    "EURUSD.r": "EURUSD", "EURUSDz": "EURUSD", "EURUSDc": "EURUSD", "EURUSD.c": "EURUSD",
    "EURUSDM": "EURUSD", "EURUSDmicro": "EURUSD", "EURUSDMICRO": "EURUSD",
    "EURUSD.mini": "EURUSD", "EURUSD.£": "EURUSD", "EURUSD-5": "EURUSD", "EURUSD.lmx": "EURUSD",
    "EURUSD_SB": "EURUSD", "EURUSD_otn": "EURUSD", "EURUSDxx": "EURUSD",
    "EURUSD.raw.pro": "EURUSD", "mEURUSD": "EURUSD", "fxEURUSD": "EURUSD",
    "FX_EURUSD": "EURUSD", "eurusd": "EURUSD", "EurUsd": "EURUSD", "USDJPY.stp": "USDJPY",
    "XAUUSD.m": "XAUUSD", "XAUUSDm": "XAUUSD", "XAUUSD.cash": "XAUUSD", "XAUUSDcent": "XAUUSD",
    "BTCUSDm": "BTCUSD", "BTCUSDc": "BTCUSD", "US30.cash": "US30", "US30.Cash": "US30",
    "US30m": "US30", "GER40.cash": "GER40", "USTEC.m": "USTEC", "USOIL.m": "USOIL",
    "BRENT.cash": "BRENT",
    # Other names of the same market.
    "GOLD": "XAUUSD", "GOLD.m": "XAUUSD", "#GOLD": "XAUUSD", "GOLDmicro": "XAUUSD",
    "SILVER": "XAGUSD", "WS30": "US30", "SPX500": "US500", "DAX": "DE40", "NAS100": "US100",
    "XTIUSD": "USOIL", "XBTUSD": "BTCUSD",
    # TradingView and data houses: the exchange before the name.
    "FX:EURUSD": "EURUSD", "OANDA:EURUSD": "EURUSD", "FX_IDC:EURUSD": "EURUSD",
    "C:EURUSD": "EURUSD", "BINANCE:BTCUSDT": "BTCUSDT", "BINANCE:BTCUSDT.P": "BTCUSDT.P",
    "KRAKEN:XBTUSD": "BTCUSD", "NASDAQ:AAPL": "AAPL", "CME_MINI:ESZ2026": "ES 12-26",
    # Perpetuals as exchanges write them.
    "BTCUSDTPERP": "BTCUSDT.P", "BTC/USDT:USDT": "BTCUSDT.P", "BTC-USDT-SWAP": "BTCUSDT.P",
    # Expiries as exchanges and platforms write them, in NinjaTrader's form.
    "ESZ26": "ES 12-26", "ESZ2026": "ES 12-26", "ESZ6": "ES 12-26", "/ESZ26": "ES 12-26",
    "@ESZ26": "ES 12-26", "ESZ26.CME": "ES 12-26", "ES DEC26": "ES 12-26",
    "es 12-26": "ES 12-26", "6EZ26": "6E 12-26", "CME:6EZ2026": "6E 12-26",
    "CLF27": "CL 01-27", "MESZ26": "MES 12-26", "NQH7": "NQ 03-27",
    # Shares.
    "AAPL.US": "AAPL", "#AAPL": "AAPL", "AAPL.OQ": "AAPL",
}  # fmt: skip
THEMSELVES = (
    # Exact already, or only separated.
    "EURUSD", "EUR/USD", "EUR-USD", "XAUUSD", "BTCUSDT", "BTC-USDT", "BTCUSDC", "BTCUSDT.P",
    "ES 12-26", "US30", "DE40", "AAPL", "WIDGET",
    # Priced otherwise than what they look like.
    "US500.f", "US500.F", "BTCUSDT_260327", "EURUSD_260327", "ES1!", "ES ##-##", "USDUSD",
)  # fmt: skip


@pytest.mark.parametrize(("name", "target"), MEANT.items())
def test_a_brokers_spelling_suggests_what_it_means(name: str, target: str) -> None:
    assert suggestions(name, YEAR)[0].target == target


@pytest.mark.parametrize("name", THEMSELVES)
def test_what_is_exact_or_priced_otherwise_suggests_nothing(name: str) -> None:
    assert suggestions(name, YEAR) == ()


def test_the_table_holds_sixty_spellings_and_more() -> None:
    assert len(MEANT) >= 60


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("BTCUSDC", "BTCUSD"),  # another currency, not a cent account
        ("BTCUSDCm", "BTCUSD"),
        ("BINANCE:BTCUSDT.P", "BTCUSDT"),  # the perpetual is not the spot pair
        ("BINANCE:BTCUSDT", "BTCUSD"),  # a stablecoin is not the dollar
        ("MESZ26", "ES 12-26"),  # the micro future
        ("ESH27", "ES 12-26"),  # the next expiry
        ("US500.f", "US500"),  # the future on it
    ],
)
def test_what_differs_in_price_is_never_suggested(name: str, never: str) -> None:
    assert never not in [each.target for each in suggestions(name, YEAR)]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("EURUSD.m", "it has .m behind the name"),
        ("#EURUSD", "it has # before the name"),
        ("eurusd", "only capitals differ"),
        ("BINANCE:BTCUSDT", "the exchange BINANCE: stands before it"),
        ("GOLD", "another name of GOLD"),
        ("ESZ6", "the exchange's code of that expiry"),
    ],
)
def test_a_suggestion_says_why(name: str, why: str) -> None:
    assert suggestions(name, YEAR)[0].why == why


@pytest.mark.parametrize(
    ("year", "expiry"), [(2024, "26"), (2030, "26"), (2033, "36"), (2019, "16")]
)
def test_a_single_digit_is_the_year_that_is_nearest(year: int, expiry: str) -> None:
    assert suggestions("ESZ6", year)[0].target == f"ES 12-{expiry}"


def test_a_house_name_is_only_worth_asking_where_somebody_quotes_it() -> None:
    certain = {name: suggestions(name, YEAR)[0].certain for name in ("EURUSD.m", "GOLD", "AAPL.US")}
    assert certain == {"EURUSD.m": True, "GOLD": False, "AAPL.US": False}


@pytest.mark.parametrize(
    ("name", "own"),
    [("EUR/USD", "EURUSD"), ("EUR USD", "EURUSD"), ("EURUSD.m", "EURUSD.m"), ("eurusd", "eurusd"),
     ("EURUSDm", "EURUSDm"), ("ES  12-26", "ES 12-26"), ("XBT/USD", "XBT/USD"),
     ("eur/usd", "eur/usd"), ("EURUSD.£", "EURUSD.£"), ("FOO/BAR", "FOO/BAR")],
)  # fmt: skip
def test_without_anybodys_word_a_symbol_is_exactly_itself(name: str, own: str) -> None:
    assert own_name(name) == own


pairs = st.sampled_from(
    [base + quote for base in sorted(FIAT | METALS) for quote in sorted(FIAT) if base != quote]
)
marks = st.sampled_from(
    [".m", "m", ".pro", "pro", "_i", "#", "+", ".ecn", "-ECN", "micro", ".raw", ".r", "z", ".cash"]
)


@settings(deadline=None)
@given(pairs, marks)
def test_any_pair_with_a_brokers_mark_suggests_the_pair_first(pair: str, mark: str) -> None:
    first, *_ = suggestions(pair + mark, YEAR)
    assert (first.target, first.certain) == (pair, True)
    assert suggestions(pair, YEAR) == ()


texts = st.one_of(
    st.text(min_size=1, max_size=40),
    st.lists(
        st.sampled_from(
            ["EUR", "USD", "BTC", "USDT", "XAU", "GOLD", "ES", "Z", "26", " 12-26", ".m", ".P",
             "pro", ":", "/", "-", "_", "US30", ".cash", "#", "m", "f", "1!", "OANDA", "£"]
        ),
        min_size=1,
        max_size=8,
    ).map("".join),
)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(texts)
@example("EUR/USD.AA")
def test_whatever_is_written_suggestions_are_few_distinct_and_never_itself(name: str) -> None:
    found = [each.target for each in suggestions(name, YEAR)]
    assert len(found) == len(set(found)) <= MOST
    assert own_name(name) not in found
    assert all(target and own_name(target) == target for target in found)


@settings(deadline=None)
@given(texts)
def test_a_symbols_own_name_is_its_own_and_lies_in_the_same_shard(name: str) -> None:
    own = own_name(name)
    assert own_name(own) == own
    assert canonical(own) == canonical(name)
