"""The demonstration rule, without a database."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.strategies.base import FeedTicks, Idea
from signals.strategies.registry import STRATEGIES, parameters_of
from signals.strategies.tight_spread import (
    TightSpread,
    TightSpreadMemory,
    TightSpreadParameters,
)

SECOND_US = 1_000_000
RULE = TightSpread()
DEFAULTS = TightSpreadParameters(run_ticks=3, cooldown_s=10)


def ticks(mids: list[float], spread: float = 0.0001, start_us: int = 0) -> FeedTicks:
    """One tick a second, in EURUSD."""
    middle = np.array(mids)
    received = start_us + SECOND_US * np.arange(len(mids), dtype=np.int64)
    return FeedTicks(0.0001, 5, received, middle - spread / 2, middle + spread / 2)


def ideas(
    stream: FeedTicks,
    parameters: TightSpreadParameters = DEFAULTS,
    memory: TightSpreadMemory | None = None,
) -> list[Idea]:
    return RULE.observe(stream, parameters, memory)[0]


def test_three_moves_up_at_a_narrow_spread_give_a_buy_at_the_ask() -> None:
    (idea,) = ideas(ticks([1.1000, 1.1001, 1.1002, 1.1003]))
    assert (idea.action, idea.entry) == ("BUY", 1.10035)
    assert (idea.stop_loss, idea.take_profit) == (1.09935, 1.10235)
    assert idea.at_us == 3 * SECOND_US
    assert idea.confidence == 0.75  # moved 3 pips, costs 1
    assert idea.note == "3 moves up, spread 1.0 pips"


def test_three_moves_down_give_a_sell_at_the_bid() -> None:
    (idea,) = ideas(ticks([1.1003, 1.1002, 1.1001, 1.1000]))
    assert (idea.action, idea.entry) == ("SELL", 1.09995)
    assert (idea.stop_loss, idea.take_profit) == (1.10095, 1.09795)


@pytest.mark.parametrize(
    "mids",
    [
        [1.1000, 1.1001, 1.1002],
        [1.1000, 1.1001, 1.1001, 1.1002],
        [1.1000, 1.1002, 1.1001, 1.1003],
        [],
    ],
)
def test_a_short_flat_or_broken_run_gives_nothing(mids: list[float]) -> None:
    assert ideas(ticks(mids)) == []


@pytest.mark.parametrize("spread", [0.00011, 0.001, -0.0001])
def test_a_wide_or_crossed_spread_gives_nothing(spread: float) -> None:
    assert ideas(ticks([1.1000, 1.1001, 1.1002, 1.1003], spread)) == []


def test_a_spread_of_exactly_the_limit_counts_as_narrow_despite_binary_rounding() -> None:
    bid, ask = np.array([1.08105, 1.08115, 1.08125, 1.08135]), None
    ask = bid + 0.0001
    stream = FeedTicks(0.0001, 5, np.arange(4, dtype=np.int64), bid, ask)
    assert len(ideas(stream)) == 1


def test_it_rests_between_signals() -> None:
    mids = [1.1 + 0.0001 * n for n in range(30)]
    assert [idea.at_us // SECOND_US for idea in ideas(ticks(mids))] == [3, 13, 23]


@given(
    mids=st.lists(st.integers(-3, 3), min_size=1, max_size=60).map(
        lambda steps: [round(1.1 + 0.0001 * total, 5) for total in np.cumsum(steps)]
    ),
    cut=st.integers(0, 60),
)
def test_it_does_not_matter_how_ticks_are_cut_into_batches(mids: list[float], cut: int) -> None:
    whole, _ = RULE.observe(ticks(mids), DEFAULTS, None)
    head = min(cut, len(mids))
    first, memory = RULE.observe(ticks(mids[:head]), DEFAULTS, None)
    rest = ticks(mids[head:], start_us=head * SECOND_US)
    second, _ = RULE.observe(rest, DEFAULTS, memory)
    assert first + second == whole


def test_it_remembers_no_more_than_it_needs() -> None:
    _, memory = RULE.observe(ticks([1.1] * 5000), DEFAULTS, None)
    assert len(memory.mids) == 3


def test_a_longer_run_set_later_waits_until_enough_ticks_came() -> None:
    _, memory = RULE.observe(ticks([1.1, 1.1001, 1.1002]), DEFAULTS, None)
    longer = replace(DEFAULTS, run_ticks=5)
    assert ideas(ticks([1.1003, 1.1004]), longer, memory) == []
    assert len(ideas(ticks([1.1003, 1.1004, 1.1005]), longer, memory)) == 1


def test_every_strategy_says_what_it_is_and_has_defaults_in_range() -> None:
    for name, strategy in STRATEGIES.items():
        assert strategy.name == name
        assert strategy.title
        assert parameters_of(name, {}) == parameters_of(name, parameters_of(name, {}))
    assert "not advice" in RULE.description
