"""Orders, positions and accounts through the door: what is stored, what wins, what is history."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import transaction

from bridge_ingest.events import Event, dispatch
from bridge_ingest.models import Client, Refusal, Source
from bridge_ingest.stats import client_stats
from execution.models import Account, Order, Position, TradeEvent
from market import adopt
from tests.ingest.door import NOW_MS, client_with_key, door, drain_all, tick

pytestmark = pytest.mark.django_db(transaction=True)
Message = dict[str, Any]


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


def order(ticket: int | str, **changes: Any) -> Message:
    """As MetaTrader 5 states a pending order."""
    of = {"symbol": "GER40", "side": "buy", "kind": "limit", "volume": 2, "volume_left": 2}
    at = {"price": 17_000.5, "stop_loss": 16_900, "take_profit": 0, "magic": 7, "comment": "plan"}
    return {"type": "order", "ticket": ticket, **of, **at, "time_ms": NOW_MS, **changes}


def position(ticket: int | str, **changes: Any) -> Message:
    of = {"symbol": "EURUSD", "side": "sell", "volume": 0.5, "price": 1.1}
    return {"type": "position", "ticket": ticket, **of, "time_ms": NOW_MS, **changes}


def account(**changes: Any) -> Message:
    figures = {"balance": 10_000, "equity": 9_990.5, "margin": 120, "free_margin": 9_870.5}
    of = {"login": 5001, "server": "ICM-Live", "currency": "EUR", "leverage": 30}
    return {"type": "account", **of, **figures, "time_ms": NOW_MS, **changes}


def states(key: str, *messages: Message, stream: str = "s", first: int = 1, **more: Any) -> None:
    """One session in which a terminal states these and is acknowledged; then they are stored."""

    async def talk() -> None:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("A", key, stream, **({"account": "5001"} | more))
            terminal.send(*({**each, "seq": first + n} for n, each in enumerate(messages)))
            await terminal.until("ack", seq=first + len(messages) - 1)

    asyncio.run(talk())
    drain_all()


def history() -> list[tuple[str, str, str]]:
    return list(TradeEvent.objects.order_by("pk").values_list("entity", "ticket", "event"))


def test_what_a_terminal_states_stands_in_rows_and_is_counted() -> None:
    client, key = client_with_key("A")
    states(key, order(11, event="placed"), position(12, event="filled"), account(), tick(1))
    row = Account.objects.get()
    assert (row.client_id, row.name, row.server, row.currency) == (
        client.pk, "5001", "ICM-Live", "EUR",
    )  # fmt: skip
    assert (row.balance, row.equity, row.margin, row.free_margin, row.leverage) == (
        10_000, 9_990.5, 120, 9_870.5, 30,
    )  # fmt: skip
    assert row.event_time is not None
    assert row.event_time.timestamp() * 1000 == NOW_MS
    placed = row.orders.get()
    assert (placed.ticket, placed.symbol, placed.side, placed.order_kind, placed.status) == (
        "11", "GER40", "buy", "limit", "working",
    )  # fmt: skip
    assert (placed.volume_left, placed.price, placed.stop_loss, placed.magic, placed.comment) == (
        2, 17_000.5, 16_900, 7, "plan",
    )  # fmt: skip
    held = row.positions.get()
    assert (held.ticket, held.symbol, held.side, held.volume, held.price) == (
        "12", "EURUSD", "sell", 0.5, 1.1,
    )  # fmt: skip
    assert history() == [("order", "11", "placed"), ("position", "12", "filled")]
    stats = client_stats(client)
    assert (stats.produced, stats.stored, stats.refused, stats.lost) == (4, 4, 0, 0)


def test_what_is_traded_but_not_quoted_makes_no_feed() -> None:
    _, key = client_with_key("A")
    states(key, order(11), tick(1))
    assert list(Source.objects.values_list("symbol", flat=True)) == ["EURUSD"]


def test_an_order_lives_through_its_changes_to_its_end() -> None:
    _, key = client_with_key("A")
    states(
        key,
        order(11, event="placed"),
        order(11, event="modified", price=17_010),
        order(11, event="part_filled", volume_left=1, price=17_010),
        order(11, event="filled", volume_left=0, price=17_010),
    )
    row = Order.objects.get()
    assert (row.status, row.volume_left, row.price) == ("filled", 0, 17_010)
    assert [event for _, _, event in history()] == ["placed", "modified", "part_filled", "filled"]


@pytest.mark.parametrize("event", ["cancelled", "rejected"])
def test_an_order_that_ended_without_a_fill_works_no_more(event: str) -> None:
    _, key = client_with_key("A")
    states(key, order(11, event="placed"), order(11, event=event))
    assert Order.objects.get().status == event


def test_a_position_without_volume_is_closed_and_keeps_what_it_was() -> None:
    _, key = client_with_key("A")
    states(key, position(12), {"type": "position", "ticket": 12, "volume": 0, "time_ms": NOW_MS})
    row = Position.objects.get()
    assert (row.is_open, row.symbol, row.side, row.price) == (False, "EURUSD", "sell", 1.1)
    assert history() == [("position", "12", "stated"), ("position", "12", "closed")]


def test_what_is_told_again_has_not_happened_again() -> None:
    _, key = client_with_key("A")
    told = order(11, event="placed"), position(12, event="filled")
    states(key, *told)
    states(key, *told, stream="after a restart")
    assert history() == [("order", "11", "placed"), ("position", "12", "filled")]


def test_ninjatraders_accounts_are_apart_and_state_one_figure_at_a_time() -> None:
    _, key = client_with_key("A")
    flat = {"type": "position", "symbol": "ES 12-26", "account": "Sim101", "time_ms": NOW_MS}
    figure = {"type": "account", "account": "Sim101", "currency": "UsDollar", "time_ms": NOW_MS}
    states(
        key,
        {**figure, "balance": 50_000},
        {**figure, "equity": 50_100},
        {**flat, "side": "long", "volume": 2, "price": 5_120.25},
        {**flat, "side": "flat", "volume": 0},
        {**flat, "side": "short", "volume": 1, "price": 5_130.0, "account": "Sim102"},
        account="",
    )
    first, second = Account.objects.all()
    assert (first.name, first.balance, first.equity, first.margin) == (
        "Sim101", 50_000, 50_100, None,
    )  # fmt: skip
    assert (first.positions.get().ticket, first.positions.get().is_open) == ("ES 12-26", False)
    assert (second.name, second.balance, second.positions.get().side) == ("Sim102", None, "sell")


def test_each_execution_is_history_with_its_own_price_and_volume() -> None:
    _, key = client_with_key("A")
    part = {"event": "part_filled", "volume_left": 1, "execution_volume": 1}
    states(
        key,
        order("a", **part, execution_id="x1", execution_price=17_000),
        order("a", **part, execution_id="x2", execution_price=17_001),
    )
    rows = TradeEvent.objects.order_by("pk").values_list("execution_id", "volume", "price")
    assert list(rows) == [("x1", 1, 17_000), ("x2", 1, 17_001)]


# A whole list.


def test_what_a_whole_list_leaves_out_is_gone_and_history_says_so() -> None:
    _, key = client_with_key("A")
    states(key, order(11), order(13), position(12), position(14))
    states(key, account(orders=[13], positions=["12"]), stream="after a restart")
    assert dict(Order.objects.values_list("ticket", "status")) == {"11": "gone", "13": "working"}
    assert dict(Position.objects.values_list("ticket", "volume")) == {"12": 0.5, "14": 0}
    assert history()[4:] == [("order", "11", "gone"), ("position", "14", "gone")]
    assert "whole list" in TradeEvent.objects.get(ticket="11", event="gone").detail


def test_an_empty_list_leaves_nothing_and_a_missing_one_everything() -> None:
    _, key = client_with_key("A")
    states(key, order(11), position(12), account(positions=[]))
    assert (Order.objects.get().status, Position.objects.get().is_open) == ("working", False)


def test_a_whole_list_speaks_of_its_own_account_only() -> None:
    _, key = client_with_key("A")
    states(key, order(11), order(11, account="other"), account(orders=[]))
    rows = Order.objects.values_list("account__name", "status")
    assert dict(rows) == {"5001": "gone", "other": "working"}


def test_an_order_that_was_placed_after_the_list_stays() -> None:
    _, key = client_with_key("A")
    states(key, account(orders=[]), order(11))
    assert Order.objects.get().status == "working"


def test_statements_of_one_batch_count_in_their_order() -> None:
    """An account first, so that its kind comes first: the later list must still end the order."""
    _, key = client_with_key("A")
    states(key, account(), order(11), account(orders=[]), order(13))
    assert dict(Order.objects.values_list("ticket", "status")) == {"11": "gone", "13": "working"}


# Which one wins.


def test_an_older_statement_of_another_stream_never_wins() -> None:
    """A terminal that was cut off sends what it had kept after its successor has spoken."""
    _, key = client_with_key("A")
    older_ms = NOW_MS - 60_000
    states(key, order(11, price=2), position(12, volume=3), account(balance=4))
    states(
        key,
        order(11, price=1, event="placed", time_ms=older_ms),
        position(12, volume=9, time_ms=older_ms),
        account(balance=1, orders=[], positions=[], time_ms=older_ms),
        stream="buffered",
    )
    assert (Order.objects.get().price, Order.objects.get().status) == (2, "working")
    assert (Position.objects.get().volume, Account.objects.get().balance) == (3, 4)


def test_within_a_stream_the_later_number_wins_whatever_the_clock_says() -> None:
    """A broker's clock goes back an hour each autumn; the account must not stand still for it."""
    _, key = client_with_key("A")
    states(key, account(balance=1), account(balance=2, time_ms=NOW_MS - 3_600_000))
    assert Account.objects.get().balance == 2


def test_a_batch_that_is_read_again_changes_nothing() -> None:
    client, key = client_with_key("A")
    states(key, tick(1))
    stream = client.streams.get().pk
    batch = [
        _event(client, stream, 2, entity="order", ticket="11", event="placed"),
        _event(client, stream, 3, entity="order", ticket="11", event="filled"),
        _event(client, stream, 4, entity="position", ticket="12", event="filled"),
        _event(client, stream, 5, entity="position", ticket="13", event="filled"),
        _event(client, stream, 6, entity="account", orders=[], positions=["12"]),
    ]

    def found() -> tuple[Any, ...]:
        models = Account, Order, Position, TradeEvent
        return tuple(list(model.objects.order_by("pk").values()) for model in models)

    store(*batch)
    once = found()
    for again in (batch, batch[:1], batch[2:4], batch[:3]):
        store(*again)
        assert found() == once
    assert [event for _, _, event in history()] == ["placed", "filled", "filled", "filled", "gone"]


def _event(client: Client, stream: int, seq: int, **fields: Any) -> Event:
    of: Event = {"kind": "trade", "client": client.pk, "stream": stream, "seq": seq}
    of |= {"account": "5001", "event_us": NOW_MS * 1000 + seq, "received_us": NOW_MS * 1000 + seq}
    figures = ("balance", "equity", "margin", "free_margin", "leverage", "orders", "positions")
    of |= dict.fromkeys(figures) | {"server": "", "currency": ""}
    of |= {"traded": "EURUSD", "side": "buy", "volume": 1.0, "price": 1.1, "magic": 0}
    of |= {"stop_loss": 0.0, "take_profit": 0.0, "comment": "", "order_kind": "limit"}
    of |= {"volume_left": 1.0, "limit_price": 0.0, "stop_price": 0.0, "execution_id": ""}
    return of | fields


def store(*events: Event) -> None:
    with transaction.atomic():
        dispatch(list(events))


def test_a_recording_states_no_trades() -> None:
    """Yesterday's orders, sent again, must not stand as today's."""
    client, key = client_with_key("A", "replay")
    states(key, order(11), mode="replay")
    assert (Refusal.objects.get().code, Account.objects.count()) == ("unsupported", 0)
    assert client_stats(client).refused == 1
