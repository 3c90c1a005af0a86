"""The rules as people set them: what is in force, where it comes from, and what it means."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any

from market.models import Instrument
from verification.models import Rule, RuleSetting
from verification.parameters import RULES, Limits, RuleParameters

_UNITS = {"s": "s", "pips": "pips", "bps": "bps", "share": "share"}


@dataclass(frozen=True)
class ParameterView:
    """One parameter; `given` is what the row itself says, None where it follows what lies below."""

    name: str
    limits: Limits
    is_whole: bool
    given: float | None
    inherited: float
    is_shared: bool
    """All rules have it: when an excursion, and then its whole episode, is over."""

    @property
    def value(self) -> float:
        return self.inherited if self.given is None else self.given

    @property
    def label(self) -> str:
        """`threshold_pips` as `Threshold, pips`."""
        words = self.name.split("_")
        unit = _UNITS.get(words[-1], "") if len(words) > 1 else ""
        named = " ".join(words[:-1] if unit else words).capitalize()
        return f"{named}, {unit}" if unit else named


@dataclass(frozen=True)
class RuleView:
    """A rule for all instruments, or for one of them."""

    rule: str
    instrument: Instrument | None
    enabled: bool
    parameters: list[ParameterView]

    @property
    def title(self) -> str:
        return str(Rule(self.rule).label)

    @property
    def meaning(self) -> str:
        return inspect.getdoc(RULES[self.rule]) or ""

    @property
    def per_instrument(self) -> bool:
        return RULES[self.rule].per_instrument

    @property
    def own(self) -> list[ParameterView]:
        """What this rule is about, without what all rules share."""
        return [each for each in self.parameters if not each.is_shared]

    @property
    def given(self) -> list[ParameterView]:
        return [each for each in self.parameters if each.given is not None]


@dataclass(frozen=True)
class RuleWithExceptions:
    view: RuleView
    exceptions: list[RuleView]


def rules() -> list[RuleWithExceptions]:
    """Every rule with the instruments for which it is set otherwise; one query."""
    rows = list(RuleSetting.objects.select_related("instrument").order_by("instrument__symbol"))
    return [
        RuleWithExceptions(
            view_of(rule, None, rows),
            [
                view_of(rule, row.instrument, rows)
                for row in rows
                if row.rule == rule and row.instrument and (row.parameters or not row.enabled)
            ],
        )
        for rule in RULES
    ]


def rule(name: str, instrument: Instrument | None) -> RuleView:
    return view_of(name, instrument, list(RuleSetting.objects.filter(rule=name)))


def view_of(name: str, instrument: Instrument | None, rows: list[RuleSetting]) -> RuleView:
    """From rows already fetched: defaults, then the row for all, then the instrument's own."""
    by_instrument = {row.instrument_id: row for row in rows if row.rule == name}
    base = by_instrument.get(None)
    own = by_instrument.get(instrument.pk) if instrument else base
    below = base.parameters if base and instrument else {}
    return RuleView(
        name,
        instrument,
        own.enabled if own else True,
        _parameters(RULES[name], own.parameters if own else {}, below),
    )


def _parameters(
    kind: type[RuleParameters], own: dict[str, Any], below: dict[str, Any]
) -> list[ParameterView]:
    """The rule's own parameters first, then what all rules share."""
    shared = {field.name for field in dataclasses.fields(RuleParameters)}
    fields = sorted(dataclasses.fields(kind), key=lambda field: field.name in shared)
    return [
        ParameterView(
            field.name,
            field.metadata["limits"],
            isinstance(field.default, int),
            own.get(field.name),
            below.get(field.name, field.default),
            field.name in shared,
        )
        for field in fields
    ]
