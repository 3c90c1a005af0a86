"""What every strategy is: ticks of one feed in, ideas out. Pure: no database, no Django, no clock.

A strategy keeps nothing between calls itself. What it must remember of a feed is its memory, a
value that it returns and gets back with the next ticks, so that a transaction which is rolled back
takes the memory with it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Moments = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FeedTicks:
    """Quote ticks of one feed in order of arrival; the three arrays are equally long."""

    pip_size: float
    digits: int
    received_us: Moments
    bid: Floats
    ask: Floats


@dataclass(frozen=True, slots=True)
class Idea:
    """What a strategy would do, and when it saw why (`at_us`, receipt clock)."""

    action: Literal["BUY", "SELL"]
    entry: float
    stop_loss: float
    take_profit: float
    confidence: float
    note: str
    at_us: int
    lifetime_s: float


class ParameterError(Exception):
    """A parameter is out of its range; `problems` says which and how, for the operator's form."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Declared:
    """What the operator's form is made from."""

    name: str
    default: float
    low: float
    high: float
    label: str
    unit: str


def parameter(default: float, low: float, high: float, label: str, unit: str) -> Any:
    """A dataclass field whose range, label and unit the form and the check are made from."""
    about = {"low": low, "high": high, "label": label, "unit": unit}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Parameters:
    """Base of a strategy's parameters: numbers, each declared with `parameter`."""

    @classmethod
    def read(cls, values: dict[str, Any]) -> Any:
        """The parameters from JSON or a form. Raises ParameterError naming every wrong one."""
        known = {each.name: each.metadata for each in fields(cls)}
        problems: dict[str, str] = {}
        for name, value in values.items():
            problems |= _check(name, value, known.get(name))
        if problems:
            raise ParameterError(problems)
        return cls(**values)

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def _check(name: str, value: Any, about: Mapping[str, Any] | None) -> dict[str, str]:
    if about is None:
        return {name: f"{name} is not a parameter."}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and about["low"] <= value <= about["high"]:
        return {}
    low, high = about["low"], about["high"]
    return {name: f"{about['label']} must be a number from {low:g} to {high:g}."}


P = TypeVar("P", bound=Parameters)
M = TypeVar("M")


class Strategy(ABC, Generic[P, M]):
    """One rule. `title` and `description` are what the operator reads before switching it on."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    parameters: type[P]

    def declared(self) -> list[Declared]:
        """Its parameters in order, with their ranges and units."""
        return [
            Declared(name=each.name, default=getattr(self.parameters, each.name), **each.metadata)
            for each in fields(self.parameters)
        ]

    @abstractmethod
    def observe(self, ticks: FeedTicks, parameters: P, memory: M | None) -> tuple[list[Idea], M]:
        """Ideas that these ticks give, and what to remember; `memory` is None at first."""
