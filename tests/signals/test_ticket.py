"""What a trading desk checks, without a database."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.ticket import LONGEST_LIFE, Ticket, problems

NOW = datetime(2026, 11, 20, 9, 14, 27, tzinfo=UTC)


def replace(ticket: Ticket, **changes: Any) -> Ticket:
    """Untyped on purpose: a form can be filled in with anything."""
    return dataclasses.replace(ticket, **changes)


BUY = Ticket(
    symbol="EURUSD", action="BUY", entry=1.08125, stop_loss=1.0802, take_profit=1.0823,
    confidence=0.7, expires_at=NOW + timedelta(minutes=5),
)  # fmt: skip
SELL = replace(BUY, action="SELL", stop_loss=1.0823, take_profit=1.0802)
CLOSE = replace(BUY, action="CLOSE", entry=None, stop_loss=None, take_profit=None)


@pytest.mark.parametrize("ticket", [BUY, SELL, CLOSE, replace(CLOSE, action="NONE")])
def test_a_ticket_in_order_has_no_problems(ticket: Ticket) -> None:
    assert problems(ticket, NOW, market_price=1.0812) == {}


@pytest.mark.parametrize(
    ("ticket", "field"),
    [
        (replace(BUY, stop_loss=1.0813), "stop_loss"),
        (replace(BUY, stop_loss=1.08125), "stop_loss"),
        (replace(BUY, take_profit=1.0812), "take_profit"),
        (replace(SELL, stop_loss=1.0812), "stop_loss"),
        (replace(SELL, take_profit=1.0813), "take_profit"),
    ],
)
def test_stop_and_target_stand_on_their_sides_of_the_entry(ticket: Ticket, field: str) -> None:
    assert set(problems(ticket, NOW)) == {field}


def test_without_an_entry_the_stop_is_held_against_the_target() -> None:
    market = replace(BUY, entry=None)
    assert problems(market, NOW) == {}
    assert set(problems(replace(market, stop_loss=1.0824), NOW)) == {"stop_loss"}


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("field", ["entry", "stop_loss", "take_profit"])
def test_a_price_is_a_finite_number_above_zero(field: str, price: float) -> None:
    assert field in problems(replace(BUY, **{field: price}), NOW)


@pytest.mark.parametrize("action", ["CLOSE", "NONE"])
def test_closing_carries_no_prices(action: str) -> None:
    ticket = replace(BUY, action=action)
    assert set(problems(ticket, NOW)) == {"entry", "stop_loss", "take_profit"}


@pytest.mark.parametrize(
    "life", [timedelta(0), timedelta(seconds=-1), LONGEST_LIFE + timedelta(seconds=1)]
)
def test_a_signal_expires_in_the_future_but_not_far(life: timedelta) -> None:
    assert set(problems(replace(BUY, expires_at=NOW + life), NOW)) == {"expires_at"}


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan])
def test_confidence_lies_between_nothing_and_certainty(confidence: float) -> None:
    assert set(problems(replace(BUY, confidence=confidence), NOW)) == {"confidence"}


def test_a_price_far_from_the_market_is_a_slip_of_the_finger() -> None:
    found = problems(replace(BUY, take_profit=10.823), NOW, market_price=1.0812)
    assert found == {"take_profit": "The take profit 10.823 is 901% away from the market (1.0812)."}


def test_a_ticket_without_a_symbol_an_action_or_with_binary_in_its_note_is_refused() -> None:
    ticket = replace(BUY, symbol="", action="HOLD", note="\x00", execute=True)
    assert set(problems(ticket, NOW)) == {"symbol", "action", "note", "entry", "stop_loss",
                                          "take_profit"}  # fmt: skip


def test_nothing_can_not_be_executed() -> None:
    assert set(problems(replace(CLOSE, action="NONE", execute=True), NOW)) == {"execute"}


prices = st.none() | st.floats()


@given(entry=prices, stop=prices, target=prices, buying=st.booleans())
def test_whatever_passes_is_in_order(
    entry: float | None, stop: float | None, target: float | None, buying: bool
) -> None:
    ticket = replace(BUY if buying else SELL, entry=entry, stop_loss=stop, take_profit=target)
    if not problems(ticket, NOW):
        given_prices = [price for price in (stop, entry, target) if price is not None]
        assert given_prices == sorted(given_prices, reverse=not buying)
        assert all(math.isfinite(price) and price > 0 for price in given_prices)
