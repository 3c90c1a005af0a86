"""Pushing and cancelling on real PostgreSQL and Redis."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import redis
from django.contrib.auth.models import User
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest import names
from bridge_ingest.models import Client, Scope, Stream
from signals.actions import Pushed, SignalClosed, cancel, push, set_strategy
from signals.models import Delivery, DeliveryStep, Signal, StrategySetting
from signals.strategies.base import ParameterError
from signals.ticket import TicketRefused
from tests.signals.builders import make_client, make_feed, make_instrument, make_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def oanda() -> Client:
    return make_client("OANDA")


def push_buy(clients: Any, **changes: Any) -> Pushed:
    ticket: dict[str, Any] = {
        "symbol": "EURUSD", "action": "BUY", "entry": 1.08125, "stop_loss": 1.0802,
        "take_profit": 1.0823, "note": "after the news",
        "expires_at": timezone.now() + timedelta(minutes=5), "actor": None, "source": "page",
    }  # fmt: skip
    return push(clients=clients, **(ticket | changes))


def outbox_of(redis_client: redis.Redis, client: Client) -> dict[str, Any]:
    entries = redis_client.hgetall(names.outbox(client.pk))
    return {
        bytes(key).decode() if isinstance(key, bytes) else key: msgspec.json.decode(value)
        for key, value in entries.items()
    }


def test_a_pushed_signal_waits_in_the_outbox_of_each_client(
    redis_client: redis.Redis, oanda: Client, alice: User
) -> None:
    fxcm = make_client("FXCM", "ninjatrader")
    pushed = push_buy([oanda, fxcm], actor=alice)
    waiting = outbox_of(redis_client, fxcm)[str(pushed.signal.pk)]
    expires_ms = int(pushed.signal.expires_at.timestamp() * 1000)
    assert waiting["expires_ms"] == expires_ms
    assert waiting["message"] == {
        "type": "signal", "id": str(pushed.signal.pk), "symbol": "EURUSD", "action": "BUY",
        "entry": 1.08125, "stop_loss": 1.0802, "take_profit": 1.0823, "note": "after the news",
        "source": "manual", "expires_ms": expires_ms, "execute": False,
    }  # fmt: skip
    assert set(outbox_of(redis_client, oanda)) == {str(pushed.signal.pk)}
    assert list(DeliveryStep.objects.values_list("state", flat=True)) == ["queued", "queued"]


def test_who_pushed_what_to_whom_is_in_the_audit_log(
    redis_client: redis.Redis, oanda: Client, alice: User
) -> None:
    pushed = push_buy([oanda], actor=alice)
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.action, entry.object_id) == (
        "alice", "signal.push", str(pushed.signal.pk),
    )  # fmt: skip
    after: dict[str, Any] = entry.after or {}
    assert after["clients"] == ["OANDA"]
    assert after["stop_loss"] == 1.0802


def test_each_client_gets_the_symbol_by_its_own_name(
    redis_client: redis.Redis, oanda: Client
) -> None:
    fxcm, plain = make_client("FXCM"), make_client("NEW")
    instrument = make_instrument("EURUSD")
    make_feed(oanda, instrument, "EURUSD.pro")
    make_feed(fxcm, instrument, "EUR/USD", received_at=timezone.now() - timedelta(hours=1))
    make_feed(fxcm, instrument, "EURUSD-b")
    pushed = push_buy([oanda, fxcm, plain], symbol="eurusd")
    assert pushed.signal.symbol == "EURUSD"
    assert {each.client.name: each.symbol for each in pushed.deliveries} == {
        "OANDA": "EURUSD.pro", "FXCM": "EURUSD-b", "NEW": "EURUSD",
    }  # fmt: skip


def test_a_terminals_own_symbol_finds_the_instrument(
    redis_client: redis.Redis, oanda: Client
) -> None:
    make_feed(oanda, make_instrument("EURUSD"), "EURUSD.pro")
    fxcm = make_client("FXCM")
    pushed = push_buy([oanda, fxcm], symbol="EURUSD.pro")
    assert pushed.signal.symbol == "EURUSD"
    assert [each.symbol for each in pushed.deliveries] == ["EURUSD", "EURUSD.pro"]


def test_capitals_decide_between_two_instruments(redis_client: redis.Redis, oanda: Client) -> None:
    fxcm = make_client("FXCM")
    make_feed(fxcm, make_instrument("eurusd"))
    make_feed(oanda, make_instrument("EURUSD"))
    assert push_buy([oanda], symbol="EURUSD").signal.symbol == "EURUSD"
    assert push_buy([fxcm], symbol="eurusd").signal.symbol == "eurusd"


def test_an_instrument_that_nobody_quotes_any_more_stands_back_for_the_one_it_was_matched_with(
    redis_client: redis.Redis, oanda: Client
) -> None:
    make_instrument("EURUSD.pro")
    make_feed(oanda, make_instrument("EURUSD"), "EURUSD.pro")
    assert push_buy([oanda], symbol="EURUSD.pro").signal.symbol == "EURUSD"


def test_who_cannot_receive_is_turned_away_with_a_reason_and_the_others_get_theirs(
    redis_client: redis.Redis, oanda: Client
) -> None:
    charts = make_client("Charts", "tradingview")
    silent = make_client("Silent", receives=False)
    gone = make_client("Gone")
    gone.disabled_at = timezone.now()
    gone.save()
    pushed = push_buy([oanda, charts, silent, gone])
    assert [each.client.name for each in pushed.deliveries] == ["OANDA"]
    assert {each.client.name: each.reason for each in pushed.turned} == {
        "Charts": "TradingView opens no connection on which a signal could be sent.",
        "Silent": "None of its keys may receive signals. Issue one with that scope.",
        "Gone": "The client is disabled.",
    }


def test_all_means_all_that_can_receive(redis_client: redis.Redis, oanda: Client) -> None:
    make_client("Charts", "tradingview")
    make_client("Silent", receives=False)
    pushed = push_buy("all")
    assert [each.client for each in pushed.deliveries] == [oanda]
    assert pushed.turned == []


def test_a_client_without_a_key_receives_if_it_speaks_the_plain_dialect(
    redis_client: redis.Redis,
) -> None:
    sketch = Client.objects.create(name="sketch", platform="mt5")
    with pytest.raises(TicketRefused):
        push_buy([sketch])
    Stream.objects.create(client=sketch, name="plain", plain=True)
    assert len(push_buy([sketch]).deliveries) == 1


def test_an_expired_or_revoked_key_opens_no_way_to_a_client(redis_client: redis.Redis) -> None:
    client = Client.objects.create(name="old", platform="mt5")
    make_key(client, [Scope.SIGNALS], expires_at=timezone.now())
    revoked = make_key(client, [Scope.SIGNALS])
    revoked.revoked_at = timezone.now()
    revoked.save()
    with pytest.raises(TicketRefused) as refused:
        push_buy([client])
    assert "old: None of its keys" in refused.value.problems["clients"]


def test_a_refused_ticket_leaves_nothing_behind(redis_client: redis.Redis, oanda: Client) -> None:
    with pytest.raises(TicketRefused) as refused:
        push_buy([oanda], stop_loss=1.09)
    assert set(refused.value.problems) == {"stop_loss"}
    assert not Signal.objects.exists()
    assert not AuditEntry.objects.exists()
    assert redis_client.keys() == []


def test_a_price_is_held_against_the_last_quote(redis_client: redis.Redis, oanda: Client) -> None:
    make_feed(oanda, make_instrument("EURUSD"))
    with pytest.raises(TicketRefused, match="away from the market"):
        push_buy([oanda], entry=10.8125, stop_loss=None, take_profit=None)


def test_a_ticket_without_clients_is_refused() -> None:
    with pytest.raises(TicketRefused, match="at least one client"):
        push_buy([])


def test_the_same_ticket_pushed_twice_is_one_signal(
    redis_client: redis.Redis, oanda: Client
) -> None:
    ticket_id = uuid4()
    first = push_buy([oanda], signal_id=ticket_id)
    second = push_buy([oanda], signal_id=ticket_id)
    assert first.signal == second.signal
    assert (Signal.objects.count(), Delivery.objects.count()) == (1, 1)
    assert AuditEntry.objects.count() == 1


def test_cancelling_stops_what_is_under_way_and_empties_the_outbox(
    redis_client: redis.Redis, oanda: Client, alice: User
) -> None:
    signal = push_buy([oanda]).signal
    stopped = cancel(signal=signal, actor=alice, source="page")
    delivery = Delivery.objects.get()
    assert [each.pk for each in stopped] == [delivery.pk]
    assert (delivery.state, delivery.detail) == ("expired", "expired early by alice")
    assert outbox_of(redis_client, oanda) == {}
    assert Signal.objects.get().expires_at <= timezone.now()
    assert AuditEntry.objects.first().action == "signal.expire"  # type: ignore[union-attr]


def test_what_has_expired_can_not_be_cancelled(redis_client: redis.Redis, oanda: Client) -> None:
    signal = push_buy([oanda]).signal
    cancel(signal=signal, actor=None, source="command")
    with pytest.raises(SignalClosed):
        cancel(signal=signal, actor=None, source="command")


def test_switching_a_strategy_is_audited_and_its_parameters_are_completed(alice: User) -> None:
    set_strategy(
        name="tight_spread", enabled=True, parameters={"run_ticks": 3}, actor=alice, source="page"
    )
    row = StrategySetting.objects.get()
    assert row.enabled
    assert (row.parameters["run_ticks"], row.parameters["max_spread_pips"]) == (3, 1.0)
    entry = AuditEntry.objects.get()
    assert entry.before == {"enabled": False, "parameters": {}}
    assert (entry.after or {})["enabled"] is True


@pytest.mark.parametrize("value", [0, -1, float("nan"), "3", True, None, 1e9])
def test_a_strategy_parameter_out_of_range_is_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="Moves in a row must be a number from 1 to 1000"):
        set_strategy(
            name="tight_spread", enabled=True, parameters={"run_ticks": value}, actor=None,
            source="command",
        )  # fmt: skip
    assert not StrategySetting.objects.exists()


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ParameterError, match="leverage is not a parameter"):
        set_strategy(
            name="tight_spread", enabled=True, parameters={"leverage": 100}, actor=None,
            source="command",
        )  # fmt: skip
