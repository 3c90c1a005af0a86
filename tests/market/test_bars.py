"""Bars from ticks: against a plain reading of the rule, against themselves, against an exchange."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_ingest.clock import to_us
from bridge_ingest.protocol.messages import PERIODS_S
from market import bars
from market.bars import Bars

ORACLES = Path(__file__).parents[2] / "../shared/data/oracles"
MONDAY = to_us(datetime(2026, 3, 2, tzinfo=UTC))


class Tick(NamedTuple):
    feed: int
    event_us: int
    received_us: int
    seq: int
    price: float
    volume: float = 1.0


def built(ticks: Iterable[Tick]) -> Bars:
    columns = [np.array(column) for column in zip(*ticks, strict=True)]
    return bars.build(*columns) if columns else bars.build(*[np.empty(0)] * 6)


def by_hand(ticks: Iterable[Tick], period_s: int) -> dict[tuple[int, int], list[Tick]]:
    """The rule in plain words: which ticks make up which bar, in their order."""
    groups: dict[tuple[int, int], list[Tick]] = defaultdict(list)
    monday_s = 4 * 86_400 if period_s == 604_800 else 0
    for tick in sorted(ticks, key=lambda tick: tick[1:5]):
        bar = (tick.event_us // 1_000_000 - monday_s) // period_s * period_s + monday_s
        groups[tick.feed, bar * 1_000_000].append(tick)
    return groups


# Few values, so that seconds, minutes and whole ties are met; some ticks months apart.
moments = st.one_of(st.integers(0, 3_000_000), st.integers(0, 10**13)).map(MONDAY.__add__)
ticks = st.lists(
    st.builds(
        Tick,
        feed=st.integers(1, 3),
        event_us=moments,
        received_us=st.integers(0, 3).map(MONDAY.__add__),
        seq=st.integers(1, 4),
        price=st.sampled_from([-1.5, 1.0, 1.25, 2.5]),
        volume=st.integers(0, 5).map(float),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(ticks)
def test_a_bar_is_what_its_ticks_in_order_say(some: list[Tick]) -> None:
    found = built(some)
    for period_s in PERIODS_S.values():
        expected = by_hand(some, period_s)
        rows = found[found["period_s"] == period_s]
        assert {(row["feed"], row["start_us"]) for row in rows} == expected.keys()
        assert len(rows) == len(expected)
        for row in rows:
            inside = expected[row["feed"], row["start_us"]]
            prices = [tick.price for tick in inside]
            ohlc = (row["open"], row["high"], row["low"], row["close"])
            assert ohlc == (prices[0], max(prices), min(prices), prices[-1])
            assert row["volume"] == sum(tick.volume for tick in inside)
            assert row["ticks"] == len(inside)
            assert (row["open_us"], row["close_us"]) == (inside[0].event_us, inside[-1].event_us)


@settings(deadline=None)
@given(ticks, st.data())
def test_any_batching_in_any_order_gives_the_bars_of_all_ticks_at_once(
    some: list[Tick], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(some))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(some)))))
    edges = zip([0, *cuts], [*cuts, len(some)], strict=True)
    parts = np.concatenate([built(shuffled[start:end]) for start, end in edges])
    order = data.draw(st.permutations(range(len(parts))))
    together = bars.fold(parts[np.array(order, dtype=int)])
    np.testing.assert_array_equal(together, built(some))


def test_ticks_of_one_moment_stand_in_the_order_of_receipt_and_number() -> None:
    same = [
        Tick(1, MONDAY, MONDAY + 2, 1, 3.0),
        Tick(1, MONDAY, MONDAY + 1, 9, 2.0),
        Tick(1, MONDAY, MONDAY + 1, 8, 1.0),
    ]
    second = built(same)[0]
    assert (second["open"], second["close"]) == (1.0, 3.0)
    assert (second["open_seq"], second["close_seq"]) == (8, 1)


def test_a_week_starts_on_monday_at_midnight_utc() -> None:
    sunday = MONDAY - 1
    rows = built([Tick(1, sunday, 0, 1, 1.0), Tick(1, MONDAY, 0, 2, 1.0)])
    weeks = rows[rows["period_s"] == PERIODS_S["W1"]]
    assert weeks["start_us"].tolist() == [MONDAY - 7 * 86_400_000_000, MONDAY]


def test_feeds_are_never_mixed() -> None:
    minute = built([Tick(2, MONDAY, 0, 1, 5.0), Tick(1, MONDAY, 0, 1, 7.0)])
    rows = minute[minute["period_s"] == 60]
    assert [(row["feed"], row["high"]) for row in rows] == [(1, 7.0), (2, 5.0)]


@pytest.mark.skipif(not ORACLES.is_dir(), reason="shared data is not here")
def test_bars_from_an_exchanges_trades_are_the_exchanges_candles() -> None:
    """12,477 trades of XRP/ETH give Binance's own candles: 2,467 whole minutes and both ends."""
    trades = [trade(row) for row in read("binance_xrpeth_trades.csv.gz")]
    assert len(trades) == 12_477
    rows = built(trades)
    minutes = {row["start_us"]: values(row) for row in rows[rows["period_s"] == 60]}
    candles = {
        to_us(datetime.fromisoformat(candle["date"])): values(candle)
        for candle in read("binance_xrpeth_1m.csv.gz")
    }
    assert len(candles) == 2_467 + 2
    assert minutes == candles


def trade(row: dict[str, str]) -> Tick:
    moment_us, number = int(row["timestamp"]) * 1000, int(row["id"])
    return Tick(1, moment_us, moment_us, number, float(row["price"]), float(row["amount"]))


def values(row: Mapping[str, str] | np.void) -> list[float]:
    return [float(row[name]) for name in ("open", "high", "low", "close", "volume")]


def read(name: str) -> list[dict[str, str]]:
    with gzip.open(ORACLES / name, "rt") as lines:
        return list(csv.DictReader(lines))
