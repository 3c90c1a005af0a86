"""Strategies see what is journalled at once, once, and in nobody's way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import connection, transaction

from bridge_ingest import heartbeat, names, outbox
from bridge_ingest.clock import now_us
from bridge_ingest.journal.layout import Records
from bridge_ingest.models import Stream
from fksbridge.drain import Drain
from fksbridge.watch import WORKER, Watch
from market import adopt
from signals.actions import set_strategy
from signals.models import Signal
from signals.strategies import runner
from signals.strategies.base import FeedTicks, Idea
from signals.strategies.registry import STRATEGIES
from signals.strategies.tight_spread import TightSpread
from tests.signals.builders import make_client, make_feed, make_instrument
from tests.signals.test_runner import rising, switch_on

pytestmark = pytest.mark.django_db(transaction=True)
JOURNAL = names.journal("0")
A_LOOK_S = 0.3


@pytest.fixture(autouse=True)
def restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strategies remember nothing, as in a worker that has just started."""
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_runner", runner.Runner())
    adopt.forget()


class Terminal:
    """Journals rises of its one feed, each of which gives one signal."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self.client = make_client("OANDA")
        self._feed = int(make_feed(self.client, make_instrument()).pk)
        self._stream = Stream.objects.create(client=self.client, name="s").pk
        self._seq = 0

    def rise(self, entry_id: str = "*") -> str:
        """Returns the entry's id."""
        return self.journal(self.rising().tobytes(), entry_id)

    def rising(self) -> Records:
        batch = rising(self._feed)
        batch["received_us"] += 500_000 * self._seq  # past the pause after the signal before
        batch["event_us"] = batch["received_us"]
        batch["stream"] = self._stream
        batch["seq"] = range(self._seq + 1, self._seq + len(batch) + 1)
        self._seq += len(batch)
        return batch

    def journal(self, payload: bytes, entry_id: str = "*") -> str:
        added: Any = self._redis.xadd(JOURNAL, {b"t": payload}, id=entry_id)
        return str(added.decode())


@pytest.fixture
def terminal(redis_client: redis.Redis) -> Terminal:
    switch_on(cooldown_s=1)
    return Terminal(redis_client)


@pytest.fixture
def nothing_is_stored() -> Iterator[None]:
    """Nobody can store ticks as long as the test lasts."""
    locked, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE market_feedstate IN SHARE MODE")
            locked.set()
            let_go.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(10)
    yield
    let_go.set()
    thread.join()


def test_a_signal_does_not_wait_for_its_ticks_to_be_stored(
    redis_client: redis.Redis, terminal: Terminal, nothing_is_stored: None
) -> None:
    terminal.rise()
    assert Watch(redis_client).run(A_LOOK_S)
    assert outbox.holds(terminal.client.pk, str(Signal.objects.get().pk))
    assert redis_client.xlen(JOURNAL) == 1


def test_entries_are_seen_once_by_a_watch_that_goes_on(
    redis_client: redis.Redis, terminal: Terminal
) -> None:
    watch = Watch(redis_client)
    for count in (1, 2, 3):
        terminal.rise()
        watch.run(A_LOOK_S)
        assert Signal.objects.count() == count


def test_a_watch_that_died_begins_at_what_is_not_stored_and_gives_no_signal_twice(
    redis_client: redis.Redis, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.rise()
    Watch(redis_client).run(A_LOOK_S)
    forget(monkeypatch)
    Watch(redis_client).run(A_LOOK_S)
    assert Signal.objects.count() == 1
    Drain("0", redis_client).run()
    terminal.rise()
    forget(monkeypatch)
    Watch(redis_client).run(A_LOOK_S)
    assert Signal.objects.count() == 2


def test_with_everything_switched_off_nobody_watches(
    redis_client: redis.Redis, terminal: Terminal
) -> None:
    set_strategy(name="tight_spread", enabled=False, parameters={}, actor=None, source="command")
    terminal.rise()
    assert not Watch(redis_client).run()
    assert not redis_client.exists(names.WATCHING, names.seen("0"))
    assert not Signal.objects.exists()


def test_damaged_bytes_are_passed_over_and_told(
    redis_client: redis.Redis, terminal: Terminal
) -> None:
    watch = Watch(redis_client)
    terminal.journal(b"x" * 71)
    watch.run(A_LOOK_S)
    assert "strategies failed: ValueError" in heartbeat.troubles(redis_client, [WORKER])[WORKER]
    terminal.rise()
    watch.run(A_LOOK_S)
    assert Signal.objects.count() == 1


class Failing(TightSpread):
    name = "failing"

    def observe(self, *_: object) -> tuple[list[Idea], Any]:
        raise ZeroDivisionError


class Counting(TightSpread):
    """Counts what it is shown."""

    name = "counting"

    def __init__(self) -> None:
        self.ticks = 0

    def observe(self, ticks: FeedTicks, *_: object) -> tuple[list[Idea], Any]:
        self.ticks += len(ticks.bid)
        return [], None


def test_a_defect_of_a_strategy_is_told_and_keeps_nothing_from_being_stored(
    redis_client: redis.Redis, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, "failing", Failing())
    set_strategy(name="failing", enabled=True, parameters={}, actor=None, source="command")
    terminal.rise()
    Watch(redis_client).run(A_LOOK_S)
    told = heartbeat.troubles(redis_client, [WORKER])[WORKER]
    assert told == "strategies failed: ZeroDivisionError: "
    Drain("0", redis_client).run()
    assert redis_client.xlen(JOURNAL) == 0


# What is stored stays in the journal until strategies have seen it.


def test_what_strategies_have_yet_to_see_is_stored_and_not_forgotten(
    redis_client: redis.Redis, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting()
    monkeypatch.setitem(STRATEGIES, "counting", counting)
    set_strategy(name="counting", enabled=True, parameters={}, actor=None, source="command")
    watch, drain = Watch(redis_client), Drain("0", redis_client)
    terminal.rise()
    watch.run(A_LOOK_S)
    drain.run()
    assert redis_client.xlen(JOURNAL) == 0
    terminal.rise()
    drain.run()
    assert redis_client.xlen(JOURNAL) == 1
    watch.run(A_LOOK_S)
    drain.run()
    assert (redis_client.xlen(JOURNAL), counting.ticks) == (0, 8)


def test_a_slow_strategy_holds_an_entry_for_five_seconds_at_most(
    redis_client: redis.Redis, terminal: Terminal
) -> None:
    now_ms = now_us() // 1000
    terminal.rise(f"{now_ms - 60_000}-0")
    redis_client.set(names.seen("0"), f"{now_ms - 70_000}-0")
    terminal.rise(f"{now_ms - 5_100}-0")
    kept = terminal.rise(f"{now_ms}-0")
    Drain("0", redis_client).run()
    left: Any = redis_client.xrange(JOURNAL)
    assert [entry_id.decode() for entry_id, _ in left] == [kept]
