"""One instrument's rows with everything that its feeds' levels follow from: the slow path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from verification.board import Timeline
from verification.checks import deviation
from verification.checks.deviation import (
    AGREED_SHARE,
    Consensus,
    Floats,
    Integers,
    Levels,
    Truths,
)
from verification.checks.episode import Opened
from verification.roster import Group, Seat

ONLY_TWO = (
    "With two feeds nobody can tell which one is wrong. The alert is on the one that moved away "
    "from where both last agreed."
)


@dataclass(frozen=True)
class Span:
    """How far apart the comparable mids of each row lie."""

    count: Integers
    low: Floats
    high: Floats

    @property
    def middle(self) -> Floats:
        return self.low + (self.high - self.low) / 2

    def exceeds(self, limit: Floats) -> Truths:
        """Rows with two quotes or more that lie further apart than `limit` (price units)."""
        return (self.count >= 2) & (self.high - self.low > limit)

    def agrees(self, limit: Floats) -> Truths:
        """Rows with two quotes or more, all of them close together."""
        return (self.count >= 2) & (self.high - self.low <= limit * AGREED_SHARE)


def span_of(mids: Floats, comparable: Truths) -> Span:
    low = np.where(comparable, mids, np.inf).min(axis=1, initial=np.inf)
    high = np.where(comparable, mids, -np.inf).max(axis=1, initial=-np.inf)
    count = comparable.sum(axis=1)
    alone = count < 2
    low[alone] = high[alone] = 0.0
    return Span(count, low, high)


class Block(NamedTuple):
    """Rows through which each feed keeps its level. By slot: the level, the greatest figure."""

    start: int
    stop: int
    levels: list[int]
    worst: list[float]


@dataclass(frozen=True)
class Scene:
    """All arrays by row, or by row and slot."""

    place: Group
    rows: Timeline
    found: Consensus
    comparable: Truths
    figure: Floats
    level: Levels
    shown: Truths  # the row was made by a tick that is compared
    agreed: Floats  # the price of the last agreement, NaN for none

    def blocks(self) -> Iterator[Block]:
        changed = (self.level[1:] != self.level[:-1]).any(axis=1)
        starts = np.append(0, np.nonzero(changed)[0] + 1)
        stops = np.append(starts[1:], len(self.level))
        known = np.nan_to_num(self.figure)
        most, least = np.maximum.reduceat(known, starts), np.minimum.reduceat(known, starts)
        worst = np.where(most >= -least, most, least)
        columns = (starts, stops, self.level[starts], worst)
        for row in zip(*(column.tolist() for column in columns), strict=True):
            yield Block(*row)

    def ticks_of(self, block: Block) -> list[int]:
        """Moments of the ticks of compared feeds in a block."""
        rows = slice(block.start, block.stop)
        moments: list[int] = self.rows.from_us[rows][self.shown[rows]].tolist()
        return moments

    def more_guilty(self, pair: list[int], row: int) -> int:
        """Of two slots that are apart from `row` on: the one that has moved."""
        agreed = float(self.agreed[row])
        return deviation.blamed(
            pair[0],
            pair[1],
            self.rows.mids[row],
            None if np.isnan(agreed) else agreed,
            int(self.rows.slot[row]),
        )

    def row_at(self, moment_us: int) -> int:
        return max(0, int(np.searchsorted(self.rows.from_us, moment_us, side="right")) - 1)


def set_scene(place: Group, rows: Timeline, limit: Floats, agreed_before: float) -> Scene:
    """`rows` of one group, ageing included; `limit`: the threshold of each row in price units."""
    comparable = rows.comparable
    found = deviation.consensus(rows.mids, comparable)
    figure = deviation.figures(found, place.measure)
    span = span_of(rows.mids, comparable)
    agrees = span.agrees(limit) & (rows.slot >= 0)
    last = np.maximum.accumulate(np.where(agrees, np.arange(len(limit)), -1))
    agreed = np.where(last >= 0, span.middle[last], agreed_before)
    level = deviation.levels(figure, place.measure)
    slot = rows.slot
    shown = (slot >= 0) & comparable[np.arange(len(slot)), slot]
    return Scene(place, rows, found, comparable, figure, level, shown, agreed)


def facts_of(scene: Scene, seat: Seat, opened: Opened, spread: float) -> dict[str, Any]:
    """What was compared with what at the moment of opening, for the alert's page.

    `spread`: how wide the feed's quote was then, in price units; positive even when crossed.
    """
    row = scene.row_at(opened.at_us)
    mids = scene.rows.mids[row]
    others = [
        other
        for other in scene.place.seats
        if other is not seat and scene.comparable[row, other.slot]
    ]
    facts: dict[str, Any] = {
        "threshold": scene.place.measure.threshold,
        "persistence_s": scene.place.deviation.persistence_s,
        "max_age_s": scene.place.deviation.max_age_s,
        "compared_with": [
            {"feed": o.info.feed_id, "name": o.name, "mid": float(mids[o.slot])} for o in others
        ],
        "against": others[0].info.client_name if len(others) == 1 else "the others",
    }
    if len(others) == 1:
        agreed = float(scene.agreed[row])
        facts |= {"only_two": ONLY_TWO, "last_agreed": None if np.isnan(agreed) else agreed}
    mid, off = float(mids[seat.slot]), float(scene.found.deviation[row, seat.slot])
    return facts | _figures(mid, off, spread, scene.place.pip_size)


def _figures(mid: float, off: float, spread: float, pip_size: float) -> dict[str, float | None]:
    """One deviation in every unit that a trader may think in; None where it can't be said."""
    consensus = mid - off
    return {
        "mid": mid,
        "consensus": consensus,
        "deviation_pips": off / pip_size,
        "deviation_bps": off / abs(consensus) * 1e4 if consensus else None,
        "deviation_spreads": off / spread if spread else None,
        "spread_pips": spread / pip_size,
    }
