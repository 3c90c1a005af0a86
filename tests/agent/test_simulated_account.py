"""The demo's accounts: positions net, money adds up, and each change is stated."""

from __future__ import annotations

from typing import Any

import pytest

from agent.simulate.account import DEPOSIT, Account
from agent.simulate.instruments import FX

EURUSD, _, USDJPY, _ = FX


class Book:
    """An account, and what it has stated."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.account = Account("50411873", "ICM-Server", lambda *each: self.told.append(each))

    def trade(self, action: str, price: float, instrument: Any = EURUSD) -> str:
        return self.account.trade(action, instrument.name, instrument, price, 1000)

    def money(self, **prices: float) -> dict[str, Any]:
        self.account.tell(prices.__getitem__, 2000)
        return self.told.pop()[1]

    def last(self, kind: str) -> dict[str, Any]:
        return next(fields for each, fields in reversed(self.told) if each == kind)


@pytest.fixture
def book() -> Book:
    return Book()


def test_what_is_bought_stands_and_its_profit_is_in_the_equity(book: Book) -> None:
    ticket = book.trade("BUY", 1.0800)
    order = book.last("order")
    assert (order["event"], order["side"], order["volume"], order["volume_left"]) == (
        "filled", "buy", 0.1, 0,
    )  # fmt: skip
    assert book.last("position") == {
        "account": "50411873", "ticket": ticket, "symbol": "EURUSD", "side": "buy", "volume": 0.1,
        "price": 1.08, "event": "filled", "time_ms": 1000,
    }  # fmt: skip
    told = book.money(EURUSD=1.0810)
    assert (told["balance"], told["equity"]) == (DEPOSIT, DEPOSIT + 10)
    assert (told["margin"], told["free_margin"]) == (360.33, 9649.67)
    assert (told["orders"], told["positions"]) == ([], [ticket])


def test_closing_takes_the_profit_and_leaves_nothing(book: Book) -> None:
    ticket = book.trade("SELL", 1.0800)
    book.trade("CLOSE", 1.0790)
    assert book.last("order")["side"] == "buy"
    assert (book.last("position")["ticket"], book.last("position")["volume"]) == (ticket, 0)
    told = book.money()
    assert (told["balance"], told["equity"], told["margin"]) == (DEPOSIT + 10, DEPOSIT + 10, 0)
    assert told["positions"] == []
    assert not book.account.is_trading


def test_more_of_the_same_side_is_one_position_at_the_average_price(book: Book) -> None:
    first = book.trade("BUY", 1.0800)
    second = book.trade("BUY", 1.0810)
    assert first != second
    assert (book.last("position")["ticket"], book.last("position")["event"]) == (first, "modified")
    assert (book.last("position")["volume"], book.last("position")["price"]) == (0.2, 1.0805)


def test_an_order_against_it_closes_it_and_the_next_one_turns_it_round(book: Book) -> None:
    book.trade("BUY", 1.0800)
    book.trade("BUY", 1.0800)
    book.trade("SELL", 1.0810)
    assert book.last("position")["volume"] == 0.1
    book.trade("SELL", 1.0810)
    assert book.money()["balance"] == DEPOSIT + 20
    ticket = book.trade("SELL", 1.0820)
    assert (book.last("position")["side"], book.last("position")["ticket"]) == ("sell", ticket)


def test_yen_are_counted_in_dollars(book: Book) -> None:
    book.trade("BUY", 150.0, USDJPY)
    assert book.money(USDJPY=151.0)["equity"] == round(DEPOSIT + 10_000 / 151, 2)


def test_what_cannot_be_traded_is_refused_and_changes_nothing(book: Book) -> None:
    with pytest.raises(ValueError, match="no position to close"):
        book.trade("CLOSE", 1.08)
    for _ in range(27):
        book.trade("BUY", 1.08)
    count = len(book.told)
    with pytest.raises(ValueError, match="not enough money"):
        book.trade("BUY", 1.08)
    assert len(book.told) == count
