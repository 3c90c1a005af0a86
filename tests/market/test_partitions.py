"""Partitions of the tick table: made once however many ask, dropped when old."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from market import adopt, partitions, store
from tests.market.conftest import Terminal

DAY = date(2014, 5, 2)


def make(*days: date) -> None:
    with transaction.atomic():
        partitions.tables_for(dict.fromkeys(days, partitions.ENOUGH_TICKS))


@pytest.mark.django_db
def test_a_partition_takes_exactly_its_day() -> None:
    make(DAY)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s",
            [partitions.name_of(DAY)],
        )
        ((bounds,),) = cursor.fetchall()
    assert bounds == "FOR VALUES FROM ('2014-05-02 00:00:00+00') TO ('2014-05-03 00:00:00+00')"


@pytest.mark.django_db
def test_a_partition_has_the_index_of_its_parent() -> None:
    make(DAY)
    with connection.cursor() as cursor:
        query = "SELECT indexdef FROM pg_indexes WHERE tablename = %s"
        cursor.execute(query, [partitions.name_of(DAY)])
        ((definition,),) = cursor.fetchall()
    assert "USING brin (event_time)" in definition


@pytest.mark.django_db
def test_a_few_ticks_of_a_far_day_make_no_table() -> None:
    assert partitions.tables_for({DAY: 99}) == {DAY: "market_tick_other"}
    assert partitions.existing() == []


@pytest.mark.django_db
def test_the_days_around_today_have_tables_from_their_first_tick() -> None:
    today = datetime.now(UTC).date()
    tomorrow = today + timedelta(days=1)
    tables = partitions.tables_for({today: 1, tomorrow: 1})
    assert tables == {day: partitions.name_of(day) for day in (today, tomorrow)}


def test_ticks_that_waited_move_when_their_day_gets_its_table(oanda: Terminal) -> None:
    """A slow replay: forty ticks a batch, all of one day."""
    found = []
    for _ in range(4):
        batch = oanda.ticks("EURUSD", [1.1] * 40)
        with transaction.atomic():
            store.write_ticks(batch, adopt.feeds_for(batch), "0")
        with connection.cursor() as cursor:
            cursor.execute("SELECT tableoid::regclass::text, count(*) FROM market_tick GROUP BY 1")
            found.append(dict(cursor.fetchall()))
    own = "market_tick_20260304"
    assert found == [{partitions.OTHER: 40}, {partitions.OTHER: 80}, {own: 120}, {own: 160}]


@pytest.mark.django_db
def test_one_transaction_makes_only_so_many_tables() -> None:
    days = [DAY + timedelta(days=number) for number in range(70)]
    tables = partitions.tables_for({day: 1000 + number for number, day in enumerate(days)})
    assert len(partitions.existing()) == 64
    assert [day for day in days if tables[day] == partitions.OTHER] == days[:6]


@pytest.mark.django_db
def test_asking_again_makes_nothing() -> None:
    for _ in range(2):
        make(DAY, DAY + timedelta(days=1))
    assert partitions.existing() == [DAY, DAY + timedelta(days=1)]


@pytest.mark.django_db(transaction=True)
def test_shards_that_need_the_same_day_at_once_share_one_partition() -> None:
    """Each holds its transaction open until all have asked for it or wait for one who has."""
    terminals = [Terminal(f"T{number}") for number in range(4)]
    batches = [terminal.ticks("EURUSD", [1.1] * 500) for terminal in terminals]
    start = threading.Barrier(len(batches))
    stored: list[int] = []

    def drain(shard: int) -> None:
        start.wait()
        with transaction.atomic():
            feeds = adopt.feeds_for(batches[shard])
            stored.append(store.write_ticks(batches[shard], feeds, str(shard)).stored)
        connection.close()

    threads = [threading.Thread(target=drain, args=(number,)) for number in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored == [500] * 4
    assert partitions.existing() == [date(2026, 3, 4)]


@pytest.mark.django_db(transaction=True)
def test_old_days_are_dropped_and_others_stay() -> None:
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=age) for age in (400, 31, 30, 0)]
    make(*days)
    assert partitions.drop_older_than(30) == days[:2]
    assert partitions.existing() == days[2:]


@pytest.mark.django_db(transaction=True)
def test_stray_ticks_of_old_days_go_too() -> None:
    batch = Terminal("OANDA").ticks("EURUSD", [1.1])
    with transaction.atomic():
        store.write_ticks(batch, adopt.feeds_for(batch), "0")
    assert partitions.days_with_ticks() == [date(2026, 3, 4)]
    partitions.drop_older_than(30)
    assert partitions.days_with_ticks() == []


@pytest.mark.django_db(transaction=True)
def test_a_day_that_is_being_read_is_left_for_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partitions, "_DROP_WAITS_MS", 50)
    make(DAY)
    reading, dropped = threading.Event(), threading.Event()

    def read() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM market_tick")
            reading.set()
            dropped.wait(30)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait(30)
    assert partitions.drop_older_than(30) == []
    dropped.set()
    reader.join()
    # Other tests' days may lie there too.
    assert DAY in partitions.drop_older_than(30)


@pytest.mark.django_db(transaction=True)
def test_the_command_says_what_it_dropped() -> None:
    make(DAY)
    out = StringIO()
    call_command("prune_ticks", "--keep-days", "30", stdout=out)
    assert out.getvalue() == "Days dropped: 1\n2014-05-02\n"
    with pytest.raises(CommandError, match="1 or more"):
        call_command("prune_ticks", "--keep-days", "0")
