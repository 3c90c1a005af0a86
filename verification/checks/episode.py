"""When a condition is an excursion, when excursions are an alert, and when the alert is over.

Every rule reduces what it sees to a *level* that holds from one moment to the next: over the
threshold, clean (below a lower one), between the two, or unknown. An `Episode` turns that line of
levels, exact to the microsecond, into the life of one alert. It is the same for all rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

BRIDGED_US = 5_000_000
"""A stretch over the threshold goes on across so much not knowing: a fact, not a condition."""


class Level(IntEnum):
    UNKNOWN = 0
    CLEAN = 1
    BETWEEN = 2
    OVER = 3


@dataclass(frozen=True)
class Timing:
    """How long each step of an episode takes, in microseconds."""

    persistence_us: int
    min_ticks: int
    clear_us: int
    close_us: int
    forget_us: int


@dataclass(frozen=True)
class Opened:
    """The condition has lasted long enough: an alert."""

    at_us: int
    started_us: int


@dataclass(frozen=True)
class Began:
    """One more excursion within an alert that is open: flapping, counted."""

    at_us: int


@dataclass(frozen=True)
class Ended:
    """An excursion is over. `ended_us` is when it became clean, before we could be sure of it."""

    started_us: int
    ended_us: int
    worst: float


@dataclass(frozen=True)
class Closed:
    """The alert is over; `forgotten` when there has been nothing to judge by."""

    at_us: int
    forgotten: bool


Change = Opened | Began | Ended | Closed


@dataclass
class Episode:
    """One rule on one subject while anything is, or lately was, wrong. Figures are signed.

    `started_us`: when the condition began that opened the alert; `ended_us`: when the last
    excursion was over.
    """

    at_us: int
    level: Level = Level.UNKNOWN
    open: bool = False
    started_us: int | None = None
    ended_us: int | None = None
    over_since_us: int | None = None
    over_ticks_us: list[int] = field(default_factory=list)
    excursion_since_us: int | None = None
    clean_since_us: int | None = None
    clean_us: int = 0
    unknown_us: int = 0
    figure: float = 0.0
    worst: float = 0.0
    excursion_worst: float = 0.0
    seen_since_us: int | None = None
    seen_until_us: int = 0
    longest_seen_us: int = 0

    @property
    def idle(self) -> bool:
        """Nothing is wrong any more: the episode may be forgotten."""
        return not self.open and self.excursion_since_us is None

    @property
    def runs(self) -> bool:
        """An alert is open and its condition holds. Afterwards only what it was is of note."""
        return self.open and self.level is not Level.CLEAN and self.excursion_since_us is not None

    @property
    def signature(self) -> tuple[object, ...]:
        """Changes whenever the episode can no longer be told by holding what it was before."""
        return (
            self.level,
            self.open,
            self.over_since_us,
            len(self.over_ticks_us),
            self.excursion_since_us,
            self.clean_since_us,
            self.worst,
            self.excursion_worst,
        )

    def turn(
        self,
        at_us: int,
        level: Level,
        timing: Timing,
        *,
        figure: float = 0.0,
        ticks_us: Sequence[int] = (),
    ) -> list[Change]:
        """From `at_us` on, `level` holds. `figure` is of the greatest magnitude in the stretch that
        begins; `ticks_us` are the moments at which ticks showed it, in order.
        """
        changes = self.hold(at_us, timing)
        self.level = level
        if level is Level.OVER:
            changes += self._over(at_us, figure)
            if ticks_us:
                self._see(ticks_us, timing.min_ticks, self.over_since_us or at_us)
        else:
            self._not_over(at_us, level, figure)
        return changes + self.hold(at_us, timing)

    def hold(self, until_us: int, timing: Timing) -> list[Change]:
        """The level goes on until then."""
        elapsed = max(0, until_us - self.at_us)
        if self.level is Level.OVER:
            changes = self._hold_over(until_us, timing)
        elif self.level is Level.CLEAN:
            changes = self._hold_clean(elapsed, timing)
        elif self.level is Level.UNKNOWN:
            changes = self._hold_unknown(elapsed, timing)
        else:
            changes = []
        self.at_us = max(self.at_us, until_us)
        return changes

    def end(self, at_us: int) -> list[Change]:
        """Close whatever is open, because its subject is no longer judged."""
        changes: list[Change] = []
        if self.excursion_since_us is not None:
            ended_us = at_us if self.clean_since_us is None else self.clean_since_us
            changes.append(self._end_excursion(self.excursion_since_us, ended_us))
        if self.open:
            self.open = False
            changes.append(Closed(at_us, forgotten=True))
        return changes

    def _over(self, at_us: int, figure: float) -> list[Change]:
        changes: list[Change] = []
        if self.over_since_us is None:
            self.over_since_us = at_us
            self.over_ticks_us = []
        if self.excursion_since_us is None:
            self.excursion_since_us = at_us
            self.excursion_worst = 0.0
            if self.open:
                changes.append(Began(at_us))
        self.clean_since_us, self.clean_us, self.unknown_us = None, 0, 0
        self.figure = figure
        if abs(figure) > abs(self.excursion_worst):
            self.excursion_worst = figure
        if abs(figure) > abs(self.worst):
            self.worst = figure
        return changes

    def _see(self, ticks_us: Sequence[int], min_ticks: int, over_since_us: int) -> None:
        missing = min_ticks - len(self.over_ticks_us)
        if missing > 0:
            self.over_ticks_us += ticks_us[:missing]
        unbroken = over_since_us <= self.seen_until_us
        if self.seen_since_us is None or not (
            unbroken or ticks_us[0] - self.seen_until_us <= BRIDGED_US
        ):
            self.seen_since_us = ticks_us[0]
        self.seen_until_us = ticks_us[-1]
        self.longest_seen_us = max(self.longest_seen_us, self.seen_until_us - self.seen_since_us)

    def _not_over(self, at_us: int, level: Level, figure: float) -> None:
        self.over_since_us = None
        if level is Level.UNKNOWN:
            return
        self.figure = figure
        self.unknown_us = 0
        self.seen_since_us = None
        if level is Level.BETWEEN:
            self.clean_since_us, self.clean_us = None, 0
        elif self.clean_since_us is None:
            self.clean_since_us = at_us

    def _hold_over(self, until_us: int, timing: Timing) -> list[Change]:
        if self.open or self.over_since_us is None or len(self.over_ticks_us) < timing.min_ticks:
            return []
        due_us = max(
            self.over_since_us + timing.persistence_us, self.over_ticks_us[timing.min_ticks - 1]
        )
        if due_us > until_us:
            return []
        self.open = True
        self.started_us = self.over_since_us
        return [Opened(due_us, self.over_since_us)]

    def _hold_clean(self, elapsed_us: int, timing: Timing) -> list[Change]:
        before_us, self.clean_us = self.clean_us, self.clean_us + elapsed_us
        changes: list[Change] = []
        clear = self.clean_us >= timing.clear_us
        if self.excursion_since_us is not None and self.clean_since_us is not None and clear:
            changes.append(self._end_excursion(self.excursion_since_us, self.clean_since_us))
        if self.open and self.clean_us >= timing.close_us:
            self.open = False
            closed_us = self.at_us + max(0, timing.close_us - before_us)
            changes.append(Closed(closed_us, forgotten=False))
        return changes

    def _hold_unknown(self, elapsed_us: int, timing: Timing) -> list[Change]:
        self.unknown_us += elapsed_us
        if self.unknown_us < timing.forget_us:
            return []
        return self.end(self.at_us + elapsed_us - (self.unknown_us - timing.forget_us))

    def _end_excursion(self, started_us: int, ended_us: int) -> Ended:
        self.excursion_since_us, self.ended_us = None, ended_us
        return Ended(started_us, ended_us, self.excursion_worst)

    def as_dict(self) -> dict[str, Any]:
        """As JSON, to be remembered across a restart of the process."""
        return dataclasses.asdict(self) | {"level": int(self.level)}

    @classmethod
    def from_dict(cls, remembered: dict[str, Any]) -> Self:
        return cls(**(remembered | {"level": Level(remembered["level"])}))
