"""Ticks, bars, last quotes and cursors: once, exactly, whatever comes again or late."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction

from bridge_ingest.journal.layout import BACKFILL, REPLAY, Records
from bridge_ingest.models import StreamCursor
from market import adopt, bars, rebuild, store
from market.models import Bar, FeedState
from tests.market.conftest import NOON_US, Terminal

pytestmark = pytest.mark.django_db
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


def write(batch: Records, shard: str = "0") -> store.Stored:
    with transaction.atomic():
        return store.write_ticks(batch, adopt.feeds_for(batch), shard)


def rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def stored_ticks() -> list[tuple[Any, ...]]:
    return rows("SELECT bid, seq FROM market_tick ORDER BY event_time, seq")


def test_a_tick_is_stored_with_everything_it_said(oanda: Terminal) -> None:
    batch = oanda.ticks("EURUSD", [1.0812], last=1.0813, flags=REPLAY)
    batch["volume"], batch["offset_min"] = 7.5, -300
    write(batch)
    (row,) = rows(
        "SELECT extract(epoch FROM event_time) * 1e6, extract(epoch FROM received_at) * 1e6,"
        " bid, ask, last, volume, seq, feed_id, stream_id, flags, offset_min FROM market_tick"
    )
    record = batch[0]
    names = ("event_us", "received_us", "bid", "ask", "last", "volume", "seq", "source", "stream")
    assert [float(value) for value in row[:9]] == [record[name] for name in names]
    assert row[9:] == (REPLAY | 8, -300)


def test_a_batch_that_comes_again_is_dropped(oanda: Terminal, fxcm: Terminal) -> None:
    batch = np.concatenate([oanda.ticks("EURUSD", [1.1, 1.2]), fxcm.ticks("EURUSD", [1.3])])
    assert write(batch) == store.Stored(3, 0, {oanda.stream: 2, fxcm.stream: 1})
    assert write(batch) == store.Stored(0, 3, {})
    assert [bid for bid, _ in stored_ticks()] == [1.1, 1.3, 1.2]


def test_of_a_batch_that_comes_again_in_part_only_the_rest_is_stored(oanda: Terminal) -> None:
    first, second = oanda.ticks("EURUSD", [1.1, 1.2]), oanda.ticks("EURUSD", [1.3])
    write(first)
    assert write(np.concatenate([first, second])) == store.Stored(1, 2, {oanda.stream: 1})


def test_a_number_that_stands_twice_in_one_batch_is_stored_once(oanda: Terminal) -> None:
    batch = oanda.ticks("EURUSD", [1.1, 1.2, 1.3])
    again = batch[[0, 1, 1, 0, 2]]
    assert write(again) == store.Stored(3, 2, {oanda.stream: 3})
    assert [seq for _, seq in stored_ticks()] == [1, 2, 3]


def test_cursors_move_with_the_ticks_and_each_shard_has_its_own(oanda: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.1, 1.2]), "0")
    write(oanda.ticks("NZDUSD", [0.8]), "1")
    write(oanda.ticks("EURUSD", [1.3]), "0")
    cursors = StreamCursor.objects.filter(stream_id=oanda.stream)
    assert sorted(cursors.values_list("shard", "seq", "stored")) == [("0", 4, 3), ("1", 3, 1)]


def test_ticks_of_a_client_that_was_deleted_are_passed_over(
    oanda: Terminal, fxcm: Terminal
) -> None:
    gone, here = fxcm.ticks("EURUSD", [1.3]), oanda.ticks("EURUSD", [1.1])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM bridge_ingest_source WHERE client_id = %s", [fxcm.client.pk])
    adopted = write(np.concatenate([gone, here]))
    assert adopted == store.Stored(1, 1, {oanda.stream: 1, fxcm.stream: 0})
    assert write(gone) == store.Stored(0, 1, {})


def test_an_empty_batch_changes_nothing(oanda: Terminal) -> None:
    assert write(oanda.ticks("EURUSD", [])) == store.Stored(0, 0, {})
    assert not StreamCursor.objects.exists()


def test_crossed_quotes_are_kept_and_counted(oanda: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.1, 1.2], spread=-0.0001))
    write(oanda.ticks("EURUSD", [1.3]))
    state = FeedState.objects.get()
    assert (state.ticks, state.crossed) == (3, 2)


def test_the_last_quote_is_the_one_received_last_then_the_highest_number(oanda: Terminal) -> None:
    late = oanda.ticks("EURUSD", [1.1], start_us=NOON_US)
    write(oanda.ticks("EURUSD", [1.2, 1.3], start_us=NOON_US + SECOND_US, step_us=0))
    assert FeedState.objects.get().bid == 1.3
    late["seq"] = oanda.seq + 1
    write(late)
    state = FeedState.objects.get()
    assert (state.bid, state.seq, state.ticks) == (1.3, 3, 3)


def test_the_last_quote_says_whether_it_is_replayed(oanda: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.1], flags=REPLAY))
    assert FeedState.objects.get().replayed
    write(oanda.ticks("EURUSD", [1.2], start_us=NOON_US + 1))
    assert not FeedState.objects.get().replayed


def test_history_asked_for_is_never_the_last_quote(oanda: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.2]))
    history = oanda.ticks("EURUSD", [1.0], start_us=NOON_US - DAY_US, flags=BACKFILL)
    history["received_us"] = NOON_US + DAY_US
    write(history)
    state = FeedState.objects.get()
    assert (state.bid, state.ticks) == (1.2, 2)
    assert Bar.objects.filter(period_s=86_400).count() == 2


def test_bars_are_built_on_the_last_trade_else_on_the_mid(oanda: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.1], spread=0.2))
    write(oanda.ticks("ES 12-26", [5120.0], last=5120.25))
    day = Bar.objects.filter(period_s=86_400).order_by("feed_id")
    assert [bar.close for bar in day] == [pytest.approx(1.2), 5120.25]


def test_ticks_of_several_days_lie_in_as_many_partitions(oanda: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.1] * 300, step_us=DAY_US // 100))
    found = rows("SELECT tableoid::regclass::text, count(*) FROM market_tick GROUP BY 1")
    # From noon on: half a day, two whole ones, half a day; a half is fewer than make a table.
    days = {"market_tick_20260305": 100, "market_tick_20260306": 100}
    assert dict(found) == days | {"market_tick_other": 100}


def test_a_clock_gone_wild_stalls_nothing(oanda: Terminal) -> None:
    """Every tick on another day, as far apart as times are accepted."""
    batch = oanda.ticks("EURUSD", [1.1] * 9_000, start_us=946_684_800 * SECOND_US, step_us=DAY_US)
    assert write(batch).stored == 9_000
    assert rows("SELECT count(*) FROM market_tick_other") == [(9_000,)]


def test_a_batch_is_stored_whole_or_not_at_all(oanda: Terminal) -> None:
    batch = oanda.ticks("EURUSD", [1.1])
    with contextlib.suppress(KeyboardInterrupt), transaction.atomic():
        store.write_ticks(batch, adopt.feeds_for(batch), "0")
        raise KeyboardInterrupt
    assert not FeedState.objects.exists()
    assert write(batch) == store.Stored(1, 0, {oanda.stream: 1})


@pytest.mark.parametrize("seed", range(5))
def test_bars_merged_batch_by_batch_are_the_bars_of_all_stored_ticks(
    oanda: Terminal, fxcm: Terminal, seed: int
) -> None:
    """Late, tied, out of order, over several feeds and days: in SQL as in numpy."""
    dice = np.random.default_rng(seed)
    everything = []
    for _ in range(30):
        terminal = (oanda, fxcm)[dice.integers(2)]
        symbol = ("EURUSD", "NZDUSD")[dice.integers(2)]
        prices = dice.integers(1, 9, dice.integers(1, 40)).astype(float)
        batch = terminal.ticks(symbol, prices.tolist(), spread=0.5)
        spread_us = dice.choice([3 * SECOND_US, 3600 * SECOND_US, 9 * DAY_US])
        batch["event_us"] = NOON_US + dice.integers(0, spread_us, len(batch)) // 1000 * 1000
        batch["received_us"] = NOON_US + dice.integers(0, 3, len(batch))
        write(batch)
        everything.append(batch)
    ticks = np.concatenate(everything)
    found = rebuild.compare()
    assert found == rebuild.Comparison(ticks=len(ticks), bars=found.bars)
    complete = bars.fold(store.bars_of(ticks))
    assert Bar.objects.count() == len(complete) >= found.bars > 100


def test_a_bar_that_does_not_follow_from_ticks_is_found(oanda: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.1, 1.2, 1.3], step_us=SECOND_US))
    seconds = Bar.objects.filter(period_s=1).order_by("start")
    first, second, third = seconds
    Bar.objects.filter(pk=first.pk).update(high=9.0)
    Bar.objects.filter(pk=second.pk).delete()
    Bar.objects.filter(pk=third.pk).update(start=third.start.replace(hour=13))
    found = rebuild.compare()
    assert not found.is_equal
    assert (found.unequal, found.missing, found.invented) == (1, 2, 1)
    assert f"unequal: feed {first.feed_id}, 1 s, 2026-03-04 12:00:00" in found.differences
