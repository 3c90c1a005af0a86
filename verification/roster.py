"""Which feed stands where on a board, and by which parameters its instrument is judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from market.feeds import FeedInfo
from verification.board import Board, Small
from verification.cases import timing
from verification.checks.crossed import step_us
from verification.checks.deviation import Floats, Integers, Measure
from verification.checks.episode import Timing
from verification.findings import Subject
from verification.parameters import (
    SECOND_US,
    CrossedParameters,
    DeviationParameters,
    MuteParameters,
    RuleBook,
)

PIP_KINDS = frozenset({"fx", "metal"})
"""Kinds of instruments whose traders think in pips; of all others they think in basis points."""


@dataclass(frozen=True)
class Seat:
    """A feed's place: its group and slot on the board, and its number among all feeds."""

    info: FeedInfo
    group: int
    slot: int
    index: int

    @property
    def name(self) -> str:
        return f"{self.info.client_name} {self.info.symbol}"


@dataclass
class Group:
    """An instrument on the board."""

    instrument_id: int
    kind: str
    pip_size: float
    session: str
    seats: list[Seat] = field(default_factory=list)
    deviation: DeviationParameters = field(default_factory=DeviationParameters)
    crossed: CrossedParameters = field(default_factory=CrossedParameters)
    measure: Measure = field(init=False)
    steps: Timing = field(init=False)

    def __post_init__(self) -> None:
        self.apply(self.deviation, self.crossed)

    def apply(self, rule: DeviationParameters, crossed: CrossedParameters) -> None:
        """Judge by these parameters from now on."""
        self.deviation, self.crossed = rule, crossed
        self.steps = timing(rule, rule.persistence_s, rule.min_ticks)
        in_pips = self.kind in PIP_KINDS
        self.measure = Measure(
            unit="pips" if in_pips else "bps",
            pip_size=self.pip_size,
            threshold=rule.threshold_pips if in_pips else rule.threshold_bps,
            clear_share=rule.clear_share,
        )

    @property
    def max_age_us(self) -> int:
        return round(self.deviation.max_age_s * SECOND_US)


class Roster:
    """Seats by feed, groups by instrument, and the same as arrays for whole batches."""

    def __init__(self, board: Board, rules: RuleBook) -> None:
        self.board = board
        self.rules = rules
        self.seats: dict[int, Seat] = {}
        self.by_index: list[Seat] = []
        self.groups: list[Group] = []
        self.group_of_instrument: dict[int, int] = {}
        # By source id; -1 for none.
        self.group: Small = np.full(1, -1, np.int32)
        self.slot: Small = np.full(1, -1, np.int32)
        self.index: Small = np.full(1, -1, np.int32)
        # By group and slot.
        self.feed_id: Integers = np.zeros((0, 0), dtype=np.int64)
        # By group.
        self.limit: Floats = np.zeros(0)
        self.limit_is_relative: npt.NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self.max_age_us: Integers = np.zeros(0, dtype=np.int64)
        self.silence_us: Integers = np.zeros(0, dtype=np.int64)
        self.judged: npt.NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        # By feed index.
        self.crossed_step_us: Integers = np.zeros(0, dtype=np.int64)

    def seat(self, infos: Iterable[FeedInfo]) -> None:
        """Give each feed that has none a place; take over what an operator has changed."""
        new, changed = [], False
        for info in infos:
            seat = self.seats.get(info.feed_id)
            if seat is None:
                new.append(info)
            elif seat.info is not info and seat.info != info:
                self._change(seat, info)
                changed = True
        for info in new:
            self._add(info)
        if new:
            self._index(new)
        if new or changed:
            self._measure()

    def seat_of(self, subject: Subject) -> Seat:
        """The seat of a feed's alert. Raises KeyError for a client's."""
        return self.seats[subject.feed_id or 0]

    def apply(self, rules: RuleBook) -> None:
        """Judge by these parameters from now on."""
        self.rules = rules
        self._measure()

    def _change(self, seat: Seat, info: FeedInfo) -> None:
        """Same feed, same instrument; another pip size, name or the like."""
        changed = replace(seat, info=info)
        group = self.groups[seat.group]
        self.seats[info.feed_id] = self.by_index[seat.index] = group.seats[seat.slot] = changed
        group.kind, group.session = str(info.kind), str(info.session)
        group.pip_size = info.pip_size

    def _add(self, info: FeedInfo) -> None:
        group = self.group_of_instrument.get(info.instrument_id)
        if group is None:
            group = self.board.add_group()
            self.group_of_instrument[info.instrument_id] = group
            self.groups.append(
                Group(info.instrument_id, str(info.kind), info.pip_size, str(info.session))
            )
        seat = Seat(info, group, self.board.add_feed(group), len(self.by_index))
        self.seats[info.feed_id] = seat
        self.by_index.append(seat)
        self.groups[group].seats.append(seat)

    def _index(self, new: list[FeedInfo]) -> None:
        more = max(0, max(info.feed_id for info in new) + 1 - len(self.group))
        self.group, self.slot, self.index = (
            np.pad(array, (0, more), constant_values=-1)
            for array in (self.group, self.slot, self.index)
        )
        self.feed_id = np.zeros((self.board.groups, self.board.slots), dtype=np.int64)
        for seat in self.by_index:
            feed_id = seat.info.feed_id
            self.group[feed_id], self.slot[feed_id] = seat.group, seat.slot
            self.index[feed_id] = seat.index
            self.feed_id[seat.group, seat.slot] = feed_id

    def _measure(self) -> None:
        for group in self.groups:
            group.apply(
                self.rules.get(DeviationParameters, group.instrument_id),
                self.rules.get(CrossedParameters, group.instrument_id),
            )
        measures = [group.measure for group in self.groups]
        self.limit = np.array(
            [m.threshold * (m.pip_size if m.unit == "pips" else 1e-4) for m in measures]
        )
        self.limit_is_relative = np.array([m.unit == "bps" for m in measures], dtype=np.bool_)
        self.max_age_us = np.array([g.max_age_us for g in self.groups], dtype=np.int64)
        silences = [self.rules.get(MuteParameters, g.instrument_id).silence_s for g in self.groups]
        self.silence_us = np.array([s * SECOND_US for s in silences], dtype=np.int64)
        self.judged = np.array(
            [self.rules.enabled("deviation", g.instrument_id) for g in self.groups], dtype=np.bool_
        )
        steps = [step_us(self.groups[seat.group].crossed) for seat in self.by_index]
        self.crossed_step_us = np.array(steps, dtype=np.int64)
