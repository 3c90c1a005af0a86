"""A delivery's life: reports from terminals, expiry, repair of the outbox."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import redis
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bridge_ingest import events, names, outbox
from bridge_ingest.clock import from_us, now_us, to_us
from bridge_ingest.models import Client
from signals import delivery
from signals.actions import push
from signals.models import UNDER_WAY, Delivery, DeliveryState, DeliveryStep, Signal
from signals.tasks import tend_deliveries
from tests.plans import plan
from tests.signals.builders import make_client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client_row() -> Client:
    return make_client("OANDA")


@pytest.fixture
def signal(redis_client: redis.Redis, client_row: Client) -> Signal:
    return push_close(client_row)


def push_close(client: Client, execute: bool = True) -> Signal:
    return push(
        symbol="EURUSD", action="CLOSE", clients=[client], execute=execute, actor=None,
        source="command", expires_at=timezone.now() + timedelta(minutes=5),
    ).signal  # fmt: skip


def report(signal: Signal, state: str, **details: Any) -> dict[str, Any]:
    kind = "signal_sent" if state == "sent" else "signal_ack"
    client = signal.deliveries.get().client_id
    event = {"kind": kind, "client": client, "id": str(signal.pk), "received_us": now_us()}
    return event | ({} if state == "sent" else {"state": state}) | details


def drain(*reports: dict[str, Any]) -> None:
    with transaction.atomic():
        events.dispatch(list(reports))


def states(signal: Signal) -> list[str]:
    steps = DeliveryStep.objects.filter(delivery__signal=signal)
    return list(steps.values_list("state", flat=True))


def let_expire(signal: Signal) -> datetime:
    """The moment just after the signal has expired."""
    return signal.expires_at + timedelta(milliseconds=1)


def test_each_report_is_a_step_with_its_own_time(signal: Signal) -> None:
    drain(report(signal, "sent"))
    drain(report(signal, "received"), report(signal, "shown"))
    drain(report(signal, "executed", received_us=1_700_000_000_000_001, ticket="778", price=1.0813))
    row = Delivery.objects.get()
    assert states(signal) == ["queued", "sent", "received", "shown", "executed"]
    assert (row.state, row.ticket, row.price) == ("executed", "778", 1.0813)
    assert row.changed_at == from_us(1_700_000_000_000_001)


def test_repeated_and_belated_reports_change_nothing(signal: Signal) -> None:
    drain(report(signal, "shown", detail="drawn"))
    before = Delivery.objects.values().get()
    drain(report(signal, "shown"), report(signal, "received"), report(signal, "sent"))
    assert Delivery.objects.values().get() == before
    assert states(signal) == ["queued", "shown"]


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "shown", "rejected"])))
def test_reports_in_any_order_end_in_the_same_state(signal: Signal, order: tuple[str, ...]) -> None:
    drain(*(report(signal, state) for state in order))
    assert Delivery.objects.get().state == "rejected"
    assert states(signal)[-1] == "rejected"


def test_a_rejection_keeps_its_reason(signal: Signal) -> None:
    drain(report(signal, "rejected", detail="trade is not allowed" + "x" * 500))
    assert Delivery.objects.get().detail.startswith("trade is not allowed")


def test_reports_on_unknown_signals_are_passed_over(signal: Signal) -> None:
    stranger = report(signal, "shown") | {"id": str(uuid4())}
    nonsense = report(signal, "shown") | {"id": "'; DROP TABLE"}
    other = report(signal, "shown") | {"client": 999_999}
    odd = report(signal, "flying")
    drain(stranger, nonsense, other, odd, report(signal, "received"))
    assert states(signal) == ["queued", "received"]


def test_another_clients_report_does_not_move_this_delivery(
    redis_client: redis.Redis, client_row: Client
) -> None:
    other = make_client("FXCM")
    signal = push(
        symbol="EURUSD", action="CLOSE", clients=[client_row, other], actor=None,
        source="command", expires_at=timezone.now() + timedelta(minutes=5),
    ).signal  # fmt: skip
    base = {"kind": "signal_ack", "id": str(signal.pk), "received_us": now_us()}
    drain(base | {"client": other.pk, "state": "shown"})
    assert dict(Delivery.objects.values_list("client__name", "state")) == {
        "OANDA": "queued", "FXCM": "shown",
    }  # fmt: skip


@pytest.mark.parametrize("reached", ["queued", "sent", "received", "shown"])
def test_an_order_that_is_not_executed_in_time_expires(signal: Signal, reached: str) -> None:
    drain(report(signal, reached))
    now = let_expire(signal)
    assert len(delivery.expire(now)) == 1
    row = Delivery.objects.get()
    assert (row.state, row.changed_at) == ("expired", now)
    assert outbox.holds(row.client_id, str(signal.pk)) is False
    assert delivery.expire(now) == []
    assert states(signal)[-1] == "expired"


def test_nothing_expires_before_its_time(signal: Signal) -> None:
    assert delivery.expire(signal.expires_at - timedelta(milliseconds=1)) == []


def test_a_drawing_that_was_shown_has_reached_its_end(
    redis_client: redis.Redis, client_row: Client
) -> None:
    signal = push_close(client_row, execute=False)
    drain(report(signal, "shown"))
    assert delivery.expire(let_expire(signal)) == []
    assert Delivery.objects.get().state == "shown"


def test_a_late_word_about_money_outranks_our_clock(signal: Signal) -> None:
    delivery.expire(let_expire(signal))
    drain(report(signal, "shown"), report(signal, "executed", ticket="778"))
    row = Delivery.objects.get()
    assert (row.state, row.ticket) == ("executed", "778")
    assert states(signal) == ["queued", "expired", "executed"]


def test_two_timers_at_once_make_one_step(signal: Signal) -> None:
    now = let_expire(signal)

    def run(_: int) -> int:
        try:
            return len(delivery.expire(now))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(8))) == 1
    assert states(signal) == ["queued", "expired"]


def test_what_the_outbox_lost_is_put_back_once_it_is_due(
    signal: Signal, redis_client: redis.Redis
) -> None:
    key = names.outbox(signal.deliveries.get().client_id)
    message = redis_client.hget(key, str(signal.pk))
    redis_client.delete(key)
    created = signal.deliveries.get().changed_at
    assert delivery.repair(created + timedelta(seconds=1)) == 0
    assert delivery.repair(created + timedelta(seconds=3)) == 1
    assert redis_client.hget(key, str(signal.pk)) == message
    assert delivery.repair(created + timedelta(seconds=4)) == 0


@pytest.mark.parametrize("state", ["received", "shown", "executed", "rejected"])
def test_what_the_terminal_has_is_never_put_back(
    signal: Signal, redis_client: redis.Redis, state: str
) -> None:
    drain(report(signal, state))
    redis_client.flushdb()
    assert delivery.repair(timezone.now() + timedelta(seconds=60)) == 0


def test_a_redis_that_is_down_at_commit_loses_no_signal(
    client_row: Client, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = redis.Redis(host="127.0.0.1", port=9, socket_timeout=0.2)
    with monkeypatch.context() as patch:
        patch.setattr("bridge_ingest.outbox.sync_redis", lambda: nowhere)
        signal = push_close(client_row)
    row = signal.deliveries.get()
    assert row.state == "queued"
    assert not outbox.holds(client_row.pk, str(signal.pk))
    delivery.repair(row.changed_at + timedelta(seconds=3))
    assert outbox.holds(client_row.pk, str(signal.pk))


def test_a_rolled_back_push_reaches_no_terminal(
    redis_client: redis.Redis, client_row: Client
) -> None:
    with transaction.atomic():
        signal = push_close(client_row)
        transaction.set_rollback(True)
    assert not outbox.holds(client_row.pk, str(signal.pk))
    assert not Delivery.objects.exists()


def test_the_timer_expires_and_repairs(signal: Signal, redis_client: redis.Redis) -> None:
    Signal.objects.update(expires_at=timezone.now())
    tend_deliveries()
    assert Delivery.objects.get().state == "expired"


def test_pages_hear_of_each_move_after_the_commit(
    signal: Signal, redis_client: redis.Redis
) -> None:
    with redis_client.pubsub(  # type: ignore[no-untyped-call]
        ignore_subscribe_messages=True
    ) as listener:
        listener.subscribe(names.LIVE_EVENT)
        listener.get_message(timeout=1)
        drain(report(signal, "shown"))
        heard = listener.get_message(timeout=2)
    assert heard is not None
    assert msgspec.json.decode(heard["data"]) == {
        "kind": "signal", "id": str(signal.pk), "state": "shown",
        "client": signal.deliveries.get().client_id,
    }  # fmt: skip


def test_the_rank_of_every_state_is_known() -> None:
    ranks = [state.rank for state in DeliveryState]
    assert min(ranks) == 0
    assert max(ranks) == DeliveryState.EXECUTED.rank


@pytest.mark.parametrize("execute", [False, True])
def test_a_drawing_ends_when_it_is_shown_and_an_order_when_it_is_decided(
    redis_client: redis.Redis, client_row: Client, execute: bool
) -> None:
    row = push_close(client_row, execute=execute).deliveries.get()
    moving = {"queued", "sent", "received"} | ({"shown"} if execute else set())
    for row.state in DeliveryState:
        row.save()
        assert Delivery.objects.filter(UNDER_WAY).exists() == (row.state in moving)


def test_the_timer_looks_through_what_is_under_way_and_not_through_all_drawings_ever_made(
    signal: Signal, redis_client: redis.Redis
) -> None:
    with CaptureQueriesContext(connection) as asked:
        tend_deliveries()
    looks = [each["sql"] for each in asked if 'FROM "signals_delivery"' in each["sql"]]
    assert ["under_way" in plan(each) for each in looks] == [True, True]


def test_twenty_reports_cost_as_many_queries_as_one(
    redis_client: redis.Redis, client_row: Client, django_assert_num_queries: Any
) -> None:
    signals = [push_close(client_row) for _ in range(20)]
    reports = [report(signal, "shown") for signal in signals]
    with transaction.atomic(), django_assert_num_queries(3):  # lock, update, steps
        events.dispatch(reports)


def test_an_expiry_travels_in_whole_milliseconds(signal: Signal) -> None:
    assert delivery.expires_ms(signal) == to_us(signal.expires_at) // 1000
