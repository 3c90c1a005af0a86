"""A source that speaks for the first time, and what its name and prices say of the instrument."""

from __future__ import annotations

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from bridge_ingest.symbols import FUTURE_ROOTS, METALS, parse
from market import adopt, instruments
from market.feeds import FeedInfo
from market.instruments import traits_of
from market.models import Feed, Instrument, InstrumentKind, TradingSession
from tests.market.conftest import Terminal

K, S = InstrumentKind, TradingSession


@pytest.mark.parametrize(
    ("name", "kind", "pip", "digits", "session"),
    [
        ("EURUSD.m", K.FX, 0.0001, 5, S.FX_WEEK),
        ("USDJPY", K.FX, 0.01, 3, S.FX_WEEK),
        ("XAUUSD", K.METAL, 0.1, 2, S.FUTURES),
        ("XAGUSD", K.METAL, 0.01, 3, S.FUTURES),
        ("BTCUSDT", K.CRYPTO, 0.1, 2, S.ALWAYS),
        ("BINANCE:BTCUSDT.P", K.CRYPTO, 0.1, 2, S.ALWAYS),
        ("XRPETH", K.CRYPTO, 1e-8, 8, S.ALWAYS),
        ("DOGEUSD", K.CRYPTO, 0.0001, 5, S.ALWAYS),
        ("US30.cash", K.INDEX, 1.0, 1, S.FUTURES),
        ("USOIL", K.OTHER, 0.01, 2, S.FUTURES),
        ("ES 12-26", K.FUTURE, 0.25, 2, S.FUTURES),
        ("CLZ26", K.FUTURE, 0.01, 2, S.FUTURES),
        ("ABC 12-26", K.FUTURE, 0.1, 1, S.FUTURES),
        ("NASDAQ:AAPL", K.STOCK, 0.01, 2, S.US_STOCKS),
        ("SOMETHING", K.OTHER, 0.1, 1, S.FX_WEEK),
    ],
)
def test_an_instrument_is_known_by_its_name(
    name: str, kind: str, pip: float, digits: int, session: str
) -> None:
    traits = traits_of(parse(name), seen_digits=1)
    assert (traits.kind, traits.pip_size, traits.digits, traits.session) == (
        kind, pip, digits, session,
    )  # fmt: skip


def test_every_root_and_metal_that_is_recognised_has_its_tick() -> None:
    assert instruments._FUTURE_TICKS.keys() == FUTURE_ROOTS
    assert instruments._METALS.keys() == METALS


def test_a_tick_size_is_a_step_of_its_decimals() -> None:
    for root, (tick, digits) in instruments._FUTURE_TICKS.items():
        assert round(tick, digits) == tick > 0, root


@pytest.mark.parametrize(
    ("prices", "digits"),
    [([1.08123, 1.0812], 5), ([5120.25, 5120.5], 2), ([5120.0], 0), ([1e-9], 0), ([], 5),
     ([0.1 + 0.2], 1), ([64000.12345678], 8)],
)  # fmt: skip
def test_decimals_are_read_off_the_first_prices(prices: list[float], digits: int) -> None:
    assert adopt.digits_of(prices) == digits


def test_feeds_of_two_clients_meet_in_one_instrument(oanda: Terminal, fxcm: Terminal) -> None:
    first = adopt.feeds_for(oanda.ticks("EURUSD", [1.08]))
    second = adopt.feeds_for(fxcm.ticks("EUR/USD", [1.08]))
    assert Instrument.objects.count() == 1
    (eurusd,) = first.values()
    assert eurusd == FeedInfo(
        feed_id=oanda.source("EURUSD"),
        instrument_id=Instrument.objects.get().pk,
        symbol="EURUSD",
        own_symbol="EURUSD",
        client_id=oanda.client.pk,
        client_name="OANDA",
        kind="fx",
        pip_size=0.0001,
        digits=5,
        session="24x5",
        shard=0,
    )
    (other,) = second.values()
    assert (other.symbol, other.own_symbol, other.client_name) == ("EURUSD", "EUR/USD", "FXCM")


def test_an_unknown_instrument_shows_as_many_decimals_as_it_has(oanda: Terminal) -> None:
    (info,) = adopt.feeds_for(oanda.ticks("WIDGET", [12.345], spread=0.01)).values()
    assert (info.digits, info.pip_size) == (3, 0.001)


def test_crude_oil_may_cost_less_than_nothing(oanda: Terminal) -> None:
    adopt.feeds_for(oanda.ticks("CL 05-20", [-37.63]))
    assert Instrument.objects.get().allows_nonpositive


def test_a_feed_is_adopted_once(oanda: Terminal) -> None:
    batch = oanda.ticks("EURUSD", [1.08])
    assert adopt.feeds_for(batch) == adopt.feeds_for(batch)
    assert Feed.objects.count() == 1


def test_an_empty_batch_has_no_feeds(oanda: Terminal) -> None:
    assert adopt.feeds_for(oanda.ticks("EURUSD", [])) == {}


@pytest.mark.django_db(transaction=True)
def test_what_a_rolled_back_transaction_made_is_not_remembered() -> None:
    batch = Terminal("OANDA").ticks("EURUSD", [1.08])
    with transaction.atomic():
        adopt.feeds_for(batch)
        transaction.set_rollback(True)
    assert not Feed.objects.exists()
    with transaction.atomic():
        adopt.feeds_for(batch)
    assert Feed.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_changed_instrument_is_noticed_when_memory_ends(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    batch = Terminal("OANDA").ticks("EURUSD", [1.08])
    adopt.feeds_for(batch)
    Instrument.objects.update(pip_size=0.5)
    with django_assert_num_queries(0):
        (remembered,) = adopt.feeds_for(batch).values()
    adopt.forget()
    (read,) = adopt.feeds_for(batch).values()
    assert (remembered.pip_size, read.pip_size) == (0.0001, 0.5)
