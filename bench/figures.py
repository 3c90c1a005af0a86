"""What a measured quantity is called, what it should reach, and what its rounds come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Quantity:
    """`at_least` or `at_most` is what the project promises of its median, if it does."""

    key: str
    label: str
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def goal(self) -> str:
        if self.at_least is not None:
            return f">= {number(self.at_least)}"
        return f"<= {number(self.at_most)}" if self.at_most is not None else ""

    def met(self, value: float) -> bool:
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Section:
    """A scenario of which every round gives a value for each of these."""

    name: str
    title: str
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A quantity over all rounds."""

    median: float
    low: float
    high: float


Round = dict[str, float]


def summary(values: Sequence[float]) -> Summary:
    return Summary(median(values), min(values), max(values))


def summaries(section: Section, rounds: Sequence[Round]) -> list[tuple[Quantity, Summary]]:
    """Each quantity that any round has a value for; a round may lack one (nothing to count)."""
    found = []
    for quantity in section.quantities:
        values = [round_[quantity.key] for round_ in rounds if quantity.key in round_]
        if values:
            found.append((quantity, summary(values)))
    return found


def number(value: float) -> str:
    """Three digits that say something: 251,300 and 0.214 and 17.4."""
    size = abs(value)
    if size >= 1000:
        step = 10 ** max(0, len(str(int(size))) - 4)
        return f"{round(value / step) * step:,}"
    if value == int(value):
        return str(int(value))
    return f"{value:.{3 if size < 1 else 2 if size < 10 else 1}f}"


def ratio(ours: float, baseline: float) -> float:
    """How many times the baseline. Raises ZeroDivisionError where the baseline did nothing."""
    return ours / baseline
