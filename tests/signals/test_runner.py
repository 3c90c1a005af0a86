"""Built-in strategies over stored batches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import redis
from django.db import transaction
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest import outbox
from bridge_ingest.clock import now_us
from bridge_ingest.journal.layout import RECORD, Flag, Records
from bridge_ingest.models import Client, Source
from signals.actions import set_strategy
from signals.models import Signal, StrategySetting
from signals.strategies.runner import Runner
from tests.signals.builders import make_client, make_feed, make_instrument

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Quoted:
    own_symbol: str
    client_id: int
    symbol: str = "EURUSD"
    pip_size: float = 0.0001
    digits: int = 5


@pytest.fixture
def client_row() -> Client:
    return make_client("OANDA")


@pytest.fixture
def feed_id(client_row: Client) -> int:
    return int(make_feed(client_row, make_instrument(), "EURUSD.pro").pk)


def switch_on(**parameters: float) -> None:
    set_strategy(
        name="tight_spread", enabled=True, parameters={"run_ticks": 3, **parameters}, actor=None,
        source="command",
    )  # fmt: skip


def rising(feed_id: int, count: int = 4, *, flags: int = 0, age_s: float = 0.0) -> Records:
    batch = np.zeros(count, RECORD)
    batch["source"] = feed_id
    batch["received_us"] = now_us() - int(age_s * 1e6) + np.arange(count)
    batch["bid"] = 1.1 + 0.0001 * np.arange(count)
    batch["ask"] = batch["bid"] + 0.0001
    batch["flags"] = flags
    return batch


def quoted(*feed_ids: int) -> dict[int, Quoted]:
    sources = Source.objects.filter(pk__in=feed_ids)
    return {source.pk: Quoted(source.symbol, source.client_id) for source in sources}


def observe(runner: Runner, batch: Records, *feed_ids: int) -> list[Signal]:
    with transaction.atomic():
        return runner.observe(batch, quoted(*feed_ids))


def test_switched_off_by_default_it_asks_once_a_second_and_does_nothing(
    feed_id: int, django_assert_num_queries: Any
) -> None:
    runner, feeds = Runner(), quoted(feed_id)
    with transaction.atomic(), django_assert_num_queries(1):
        for _ in range(50):
            assert runner.observe(rising(feed_id), feeds) == []
    assert not Signal.objects.exists()


def test_a_rise_draws_a_signal_at_the_terminal_it_came_from(
    redis_client: redis.Redis, feed_id: int, client_row: Client
) -> None:
    switch_on()
    (signal,) = observe(Runner(), rising(feed_id), feed_id)
    stored = Signal.objects.get()
    assert stored == signal
    assert (stored.source, stored.action, stored.execute) == ("tight_spread", "BUY", False)
    delivery = stored.deliveries.get()
    assert (delivery.client, delivery.symbol, stored.symbol) == (
        client_row, "EURUSD.pro", "EURUSD",
    )  # fmt: skip
    assert outbox.holds(client_row.pk, str(signal.pk))
    entry = AuditEntry.objects.get(action="signal.push")
    assert (entry.actor_name, entry.source) == ("the bridge", "automatic")


@pytest.mark.parametrize("flag", [Flag.REPLAY, Flag.BACKFILL])
def test_recorded_ticks_make_no_signal(redis_client: redis.Redis, feed_id: int, flag: Flag) -> None:
    switch_on()
    assert observe(Runner(), rising(feed_id, flags=int(flag)), feed_id) == []


def test_ticks_that_waited_out_an_outage_make_no_signal(
    redis_client: redis.Redis, feed_id: int
) -> None:
    switch_on(lifetime_s=5)
    assert observe(Runner(), rising(feed_id, age_s=6), feed_id) == []


def test_a_run_across_batches_is_seen(redis_client: redis.Redis, feed_id: int) -> None:
    switch_on()
    runner, batch = Runner(), rising(feed_id, 4)
    assert observe(runner, batch[:2], feed_id) == []
    assert len(observe(runner, batch[2:], feed_id)) == 1


def test_a_batch_that_is_rolled_back_and_drained_again_makes_one_signal(
    redis_client: redis.Redis, feed_id: int
) -> None:
    switch_on()
    runner, batch = Runner(), rising(feed_id)
    with transaction.atomic():
        assert len(runner.observe(batch, quoted(feed_id))) == 1
        transaction.set_rollback(True)
    assert len(observe(runner, batch, feed_id)) == 1
    assert Signal.objects.count() == 1


def test_feeds_mixed_in_one_batch_are_judged_apart(
    redis_client: redis.Redis, client_row: Client, feed_id: int
) -> None:
    other = make_feed(make_client("FXCM"), make_instrument("GBPUSD")).pk
    switch_on()
    batch = np.concatenate([rising(feed_id), rising(other)])
    batch = batch[np.argsort(batch["bid"], kind="stable")]
    signals = observe(Runner(), batch, feed_id, other)
    assert {signal.deliveries.get().client.name for signal in signals} == {"OANDA", "FXCM"}


def test_a_client_that_cannot_receive_gets_none(redis_client: redis.Redis) -> None:
    mute = make_feed(make_client("Mute", receives=False), make_instrument()).pk
    switch_on()
    assert observe(Runner(), rising(mute), mute) == []


def test_switching_is_followed_within_a_second(redis_client: redis.Redis, feed_id: int) -> None:
    runner = Runner()
    assert observe(runner, rising(feed_id), feed_id) == []
    switch_on()
    time.sleep(1.05)
    assert len(observe(runner, rising(feed_id), feed_id)) == 1


def test_parameters_that_no_longer_fit_keep_the_strategy_off(
    redis_client: redis.Redis, feed_id: int
) -> None:
    StrategySetting.objects.create(
        name="tight_spread", enabled=True, parameters={"run_ticks": -1},
        updated_at=timezone.now(),
    )  # fmt: skip
    assert observe(Runner(), rising(feed_id), feed_id) == []


def test_a_signal_waits_for_three_statements(
    redis_client: redis.Redis, feed_id: int, django_assert_num_queries: Any
) -> None:
    switch_on()
    runner, feeds = Runner(), quoted(feed_id)
    assert runner.is_on()
    with transaction.atomic(), django_assert_num_queries(3):  # rows, log's head, entry
        assert len(runner.observe(rising(feed_id), feeds)) == 1
