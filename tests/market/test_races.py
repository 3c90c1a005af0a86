"""Two processes at the same rows, and a database that dies in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection, transaction

from bridge_ingest.journal.layout import Records
from bridge_ingest.models import StreamCursor
from market import adopt, rebuild, store
from market.models import Feed, FeedState, Instrument
from tests.market.conftest import NOON_US, Terminal

pytestmark = pytest.mark.django_db(transaction=True)


def write(batch: Records, shard: str = "0") -> store.Stored:
    with transaction.atomic():
        return store.write_ticks(batch, adopt.feeds_for(batch), shard)


def at_once(*works: Callable[[], object]) -> None:
    """Each in a thread with a connection of its own; none starts before all are ready."""
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        ready.wait()
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_processes_that_adopt_the_same_sources_at_once_make_one_of_each() -> None:
    terminals = [Terminal(name) for name in ("OANDA", "FXCM")]
    prices = {
        terminal.source(name): [1.1] for terminal in terminals for name in ("EURUSD", "USDJPY")
    }
    found: list[dict[int, object]] = []

    def adopting() -> None:
        with transaction.atomic():
            found.append(dict(adopt.feeds_of(prices)))

    at_once(*[adopting] * 6)
    assert (Instrument.objects.count(), Feed.objects.count()) == (2, 4)
    assert len(found) == 6
    assert all(one == found[0] for one in found)


def test_shards_store_side_by_side_what_one_would_store_alone() -> None:
    terminals = [Terminal(f"T{number}") for number in range(3)]

    def shard(number: int) -> Callable[[], object]:
        def drains() -> None:
            for step in range(10):
                start_us = NOON_US + step * 10_000_000
                write(terminals[number].ticks("EURUSD", [1.1] * 40, start_us=start_us), str(number))

        return drains

    at_once(*map(shard, range(3)))
    assert list(FeedState.objects.values_list("ticks", flat=True)) == [400] * 3
    assert sorted(StreamCursor.objects.values_list("shard", "seq", "stored")) == [
        (str(number), 400, 400) for number in range(3)
    ]
    found = rebuild.compare()
    assert found == rebuild.Comparison(ticks=1200, bars=found.bars)


def test_a_backend_killed_in_the_middle_stores_nothing_and_the_same_batch_comes_again() -> None:
    batch = Terminal("OANDA").ticks("EURUSD", [1.1] * 200)
    write(batch[:50])

    def killed() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            assert store.write_ticks(batch, adopt.feeds_for(batch), "0").stored == 150
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(OperationalError):
        killed()
    connection.close()
    assert FeedState.objects.get().ticks == 50
    assert write(batch).stored == 150
    assert write(batch).stored == 0
    found = rebuild.compare()
    assert found == rebuild.Comparison(ticks=200, bars=found.bars)
