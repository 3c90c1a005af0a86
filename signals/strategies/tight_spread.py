"""The tight-spread rule of the project's founding sketch, kept as a demonstration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from signals.strategies.base import (
    FeedTicks,
    Floats,
    Idea,
    Moments,
    Parameters,
    Strategy,
    parameter,
)

_ROUNDING_PIPS = 1e-6
"""1.08125 - 1.08115 is a little over a pip in binary; a spread of one pip must count as one."""


@dataclass(frozen=True)
class TightSpreadParameters(Parameters):
    max_spread_pips: float = parameter(1.0, 0.0, 1000.0, "Widest spread", "pips")
    run_ticks: int = parameter(5, 1, 1000, "Moves in a row", "ticks")
    stop_pips: float = parameter(10.0, 0.1, 10000.0, "Stop loss", "pips")
    target_pips: float = parameter(20.0, 0.1, 10000.0, "Take profit", "pips")
    cooldown_s: float = parameter(60.0, 1.0, 86400.0, "Pause after a signal", "s")
    lifetime_s: float = parameter(30.0, 1.0, 86400.0, "Signal lives", "s")


class TightSpreadMemory(NamedTuple):
    """The last mids of a feed (at most `run_ticks`), and until when it rests."""

    mids: tuple[float, ...] = ()
    rests_until_us: int = 0


class TightSpread(Strategy[TightSpreadParameters, TightSpreadMemory]):
    name = "tight_spread"
    title = "Tight spread (demonstration)"
    description = (
        "While the spread is narrow and the mid has moved the same way several ticks in a row, it "
        "suggests going that way. It shows how a strategy is built and how fast its signal reaches "
        "the chart. It has not been tested for profit and is not advice."
    )
    parameters = TightSpreadParameters

    def observe(
        self,
        ticks: FeedTicks,
        parameters: TightSpreadParameters,
        memory: TightSpreadMemory | None,
    ) -> tuple[list[Idea], TightSpreadMemory]:
        before = memory or TightSpreadMemory()
        run = int(parameters.run_ticks)
        mids = np.concatenate([np.array(before.mids[-run:]), (ticks.bid + ticks.ask) / 2])
        moves = _moves(mids, run, len(ticks.bid))
        narrow = _spread_pips(ticks) <= parameters.max_spread_pips + _ROUNDING_PIPS
        hits = np.flatnonzero((moves != 0) & narrow & (ticks.ask >= ticks.bid))
        pause_us = int(parameters.cooldown_s * 1e6)
        chosen, rests = _apart(ticks.received_us, hits, before.rests_until_us, pause_us)
        ideas = [_idea(ticks, parameters, index, float(moves[index])) for index in chosen]
        return ideas, TightSpreadMemory(tuple(mids[-run:].tolist()), rests)


def _moves(mids: Floats, run: int, fresh: int) -> Floats:
    """For each of the last `fresh` mids: how far it moved over `run` steps all one way, else 0."""
    moves = np.zeros(fresh)
    steps = np.diff(mids)
    if len(steps) >= run:
        windows = sliding_window_view(steps, run)[-fresh:]
        one_way = (windows > 0).all(axis=1) | (windows < 0).all(axis=1)
        moves[-len(windows) :] = np.where(one_way, windows.sum(axis=1), 0.0)
    return moves


def _spread_pips(ticks: FeedTicks) -> Floats:
    return (ticks.ask - ticks.bid) / ticks.pip_size


def _apart(
    received_us: Moments, hits: np.ndarray[tuple[int], np.dtype[np.intp]], rests_us: int, pause: int
) -> tuple[list[int], int]:
    """Of the hits those that keep the pause between signals, and until when it rests after them."""
    chosen: list[int] = []
    for index in hits.tolist():
        if received_us[index] >= rests_us:
            chosen.append(index)
            rests_us = int(received_us[index]) + pause
    return chosen, rests_us


def _idea(ticks: FeedTicks, parameters: TightSpreadParameters, index: int, move: float) -> Idea:
    buying = move > 0
    entry = float(ticks.ask[index] if buying else ticks.bid[index])
    pip = ticks.pip_size if buying else -ticks.pip_size
    spread = float(ticks.ask[index] - ticks.bid[index])
    return Idea(
        action="BUY" if buying else "SELL",
        entry=round(entry, ticks.digits),
        stop_loss=round(entry - parameters.stop_pips * pip, ticks.digits),
        take_profit=round(entry + parameters.target_pips * pip, ticks.digits),
        # How much the move outweighs its cost. A figure to sort by, not a probability.
        confidence=round(abs(move) / (abs(move) + spread), 2),
        note=f"{parameters.run_ticks:g} moves {'up' if buying else 'down'}, "
        f"spread {spread / ticks.pip_size:.1f} pips",
        at_us=int(ticks.received_us[index]),
        lifetime_s=parameters.lifetime_s,
    )
