"""The built-in strategies by name. A new one is a module beside this and a line here."""

from __future__ import annotations

from typing import Any

from signals.strategies.base import Strategy
from signals.strategies.tight_spread import TightSpread

STRATEGIES: dict[str, Strategy[Any, Any]] = {each.name: each for each in (TightSpread(),)}


def parameters_of(name: str, values: dict[str, Any]) -> dict[str, float]:
    """All parameters, the given values checked and the rest at their defaults.

    Raises KeyError for an unknown strategy, ParameterError for a wrong value.
    """
    checked: dict[str, float] = STRATEGIES[name].parameters.read(values).as_json()
    return checked
