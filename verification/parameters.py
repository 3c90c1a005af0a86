"""What each rule may be told: typed, with units in the names, defaults that real days have earned,
and limits. Pure: rows of `RuleSetting` come in as mappings.

Where a default comes from (two brokers' full days of EURUSD and NZDUSD ticks, 2014): honest feeds
differ by more than 1 pip for at most 1.3 s around news, so 3 s tells them apart; up to 258 s
without a tick are normal, so mute starts at 300 s; a broker that crosses 12.5 % of its quotes
over a day reaches 41 % within its worst 300 s, so 50 % of 300 s is no false alarm (85 % of its
worst 60 s would have been one).
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Self, TypeVar, cast

SECOND_US = 1_000_000


class ParameterError(ValueError):
    """What a person asked a rule to use can't be used; the text says why, for each parameter."""


@dataclass(frozen=True)
class Limits:
    """The least and the greatest value of one parameter, and what it means."""

    low: float
    high: float
    meaning: str


def number(default: float, low: float, high: float, meaning: str) -> Any:
    """A field of a rule: an int default makes it a whole number."""
    return dataclasses.field(default=default, metadata={"limits": Limits(low, high, meaning)})


@dataclass(frozen=True, kw_only=True)
class RuleParameters:
    """What all rules share: when an excursion, and then its whole episode, is over."""

    rule: ClassVar[str]
    per_instrument: ClassVar[bool] = True

    clear_share: float = number(
        0.7, 0.05, 1.0, "Clean means below this share of the threshold (hysteresis)."
    )
    clear_after_s: float = number(3.0, 0, 86_400, "So long clean ends an excursion.")
    close_after_s: float = number(
        10.0, 0, 86_400, "So long clean closes the alert; a new excursion before that joins it."
    )
    forget_after_s: float = number(
        600.0, 1, 604_800, "So long without anything to judge by closes the alert too."
    )
    act_share: float = number(
        3.0, 1, 1_000, "An alert says act, not look, from this multiple of the threshold on."
    )

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Raises ParameterError naming every parameter that is wrong."""
        wrong = [f"{name} {problem}" for name, problem in _problems(cls, given)]
        if wrong:
            raise ParameterError(f"{cls.rule}: {'; '.join(wrong)}")
        parameters = cls(**{name: _kind(cls, name)(value) for name, value in given.items()})
        if parameters.close_after_s < parameters.clear_after_s:
            raise ParameterError(f"{cls.rule}: close_after_s must not be below clear_after_s")
        return parameters

    def as_dict(self) -> dict[str, float]:
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class DeviationParameters(RuleParameters):
    """A feed's mid against the consensus of the others, as of the same moment of receipt."""

    rule: ClassVar[str] = "deviation"

    threshold_pips: float = number(1.0, 0.01, 1e6, "For FX and metals, in their pips.")
    threshold_bps: float = number(10.0, 0.01, 10_000, "For everything else, of the consensus.")
    persistence_s: float = number(3.0, 0, 3_600, "So long without a break opens an alert...")
    min_ticks: int = number(3, 1, 10_000, "...once so many ticks of the compared feeds showed it.")
    max_age_s: float = number(
        5.0, 0.1, 3_600, "Older quotes, and quotes that took longer to arrive, are not compared."
    )


@dataclass(frozen=True, kw_only=True)
class ClockParameters(RuleParameters):
    """A terminal's clock against ours: whole quarters of an hour off, or ahead of ours."""

    rule: ClassVar[str] = "clock"
    per_instrument: ClassVar[bool] = False

    clear_after_s: float = number(60.0, 0, 86_400, "So long right ends an excursion.")
    close_after_s: float = number(60.0, 0, 86_400, "So long right closes the alert.")
    ahead_s: float = number(2.0, 0.1, 3_600, "Ticks from further in the future can't be latency.")
    tolerance_s: float = number(
        60.0, 1, 440, "How near a quarter of an hour the delay must lie to be a clock, not latency."
    )
    steady_s: float = number(
        10.0, 0.1, 440, "A clock is off steadily: the middle half of the delays lies within this."
    )
    min_samples: int = number(10, 3, 60, "Seconds with ticks before a clock is judged.")


@dataclass(frozen=True, kw_only=True)
class LatencyParameters(RuleParameters):
    """How late a terminal's ticks arrive, once its clock's offset is taken off."""

    rule: ClassVar[str] = "latency"
    per_instrument: ClassVar[bool] = False

    clear_after_s: float = number(60.0, 0, 86_400, "So long in time ends an excursion.")
    close_after_s: float = number(60.0, 0, 86_400, "So long in time closes the alert.")
    threshold_s: float = number(2.0, 0.01, 3_600, "Median over the last minute of ticks.")
    min_samples: int = number(10, 3, 60, "Seconds with ticks before latency is judged.")


@dataclass(frozen=True, kw_only=True)
class MuteParameters(RuleParameters):
    """Connected, market open, the others ticking, and nothing from this feed."""

    rule: ClassVar[str] = "mute"

    clear_after_s: float = number(0.0, 0, 86_400, "A tick ends the excursion at once.")
    close_after_s: float = number(30.0, 0, 86_400, "So long ticking closes the alert.")
    silence_s: float = number(300.0, 5, 86_400, "Silence of a feed that others compare with.")
    alone_silence_s: float = number(
        1_800.0, 5, 604_800, "Silence of an instrument's only feed, which may just be quiet."
    )
    others_within_s: float = number(60.0, 1, 86_400, "Another feed must have ticked so lately.")
    heartbeat_s: float = number(90.0, 5, 3_600, "The session must have been heard so lately.")


@dataclass(frozen=True, kw_only=True)
class GapParameters(RuleParameters):
    """Numbers of a stream that will never come."""

    rule: ClassVar[str] = "gap"
    per_instrument: ClassVar[bool] = False

    clear_after_s: float = number(0.0, 0, 86_400, "A gap is over as soon as it is known.")
    close_after_s: float = number(600.0, 0, 604_800, "So long without a new gap closes the alert.")
    act_numbers: int = number(100, 1, 10**9, "So many lost numbers say act.")


@dataclass(frozen=True, kw_only=True)
class SignatureParameters(RuleParameters):
    """Digests that do not fit: a wrong secret, a damaged line, or somebody who pretends."""

    rule: ClassVar[str] = "signature"
    per_instrument: ClassVar[bool] = False

    clear_after_s: float = number(0.0, 0, 86_400, "A refusal is over as soon as it is known.")
    close_after_s: float = number(600.0, 0, 604_800, "So long without another closes the alert.")
    window_s: float = number(600.0, 10, 86_400, "Refusals are counted over this time.")
    min_refusals: int = number(3, 1, 10**6, "So many in the window open an alert.")
    act_refusals: int = number(30, 1, 10**9, "So many in an episode say act.")


@dataclass(frozen=True, kw_only=True)
class CrossedParameters(RuleParameters):
    """Quotes with bid above ask: some are normal at real brokers, most of them are not."""

    rule: ClassVar[str] = "crossed"

    clear_after_s: float = number(300.0, 0, 86_400, "So long normal ends an excursion.")
    close_after_s: float = number(300.0, 0, 86_400, "So long normal closes the alert.")
    share: float = number(0.5, 0.01, 1.0, "Share of the window's ticks.")
    window_s: float = number(300.0, 10, 86_400, "Judged every tenth of it.")
    min_ticks: int = number(50, 1, 10**6, "Fewer ticks in the window say nothing.")
    act_share: float = number(1.8, 1, 1_000, "Nine of ten crossed says act.")


RULES: dict[str, type[RuleParameters]] = {
    kind.rule: kind
    for kind in (
        DeviationParameters,
        ClockParameters,
        MuteParameters,
        GapParameters,
        CrossedParameters,
        LatencyParameters,
        SignatureParameters,
    )
}


def _problems(kind: type[RuleParameters], given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    known = {field.name: field.metadata["limits"] for field in dataclasses.fields(kind)}
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            yield name, f"is unknown (did you mean {near[0]}?)" if near else "is unknown"
        elif problem := _problem(_kind(kind, name), value, known[name]):
            yield name, problem


def _problem(kind: type[int] | type[float], value: Any, limits: Limits) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"must be a number, not {value!r}"
    if not limits.low <= value <= limits.high:  # refuses NaN too
        return f"must lie between {limits.low:g} and {limits.high:g}, not {value}"
    if kind is int and value != int(value):
        return f"must be a whole number, not {value}"
    return None


def _kind(kind: type[RuleParameters], name: str) -> type[int] | type[float]:
    return int if isinstance(kind.__dataclass_fields__[name].default, int) else float


@dataclass(frozen=True)
class Setting:
    """One row of RuleSetting, as the rules see it. `instrument_id` None: for all."""

    rule: str
    instrument_id: int | None
    enabled: bool
    parameters: Mapping[str, Any]


P = TypeVar("P", bound=RuleParameters)


class RuleBook:
    """Which parameters hold where: defaults, overridden for all instruments, then for one.

    Raises ParameterError when a row holds what no rule can use.
    """

    def __init__(self, settings: Iterable[Setting] = ()) -> None:
        self._rows = {(row.rule, row.instrument_id): row for row in settings}
        for rule, instrument_id in self._rows:
            self._read(rule, instrument_id)
        self._read_once = lru_cache(maxsize=None)(self._read)

    def get(self, kind: type[P], instrument_id: int | None = None) -> P:
        return cast(P, self._read_once(kind.rule, instrument_id))

    def enabled(self, rule: str, instrument_id: int | None = None) -> bool:
        rows = (self._rows.get((rule, instrument_id)), self._rows.get((rule, None)))
        return all(row.enabled for row in rows if row is not None)

    def _read(self, rule: str, instrument_id: int | None) -> RuleParameters:
        if rule not in RULES:
            raise ParameterError(f"There is no rule {rule!r}; rules are {', '.join(RULES)}")
        merged: dict[str, Any] = {}
        for key in dict.fromkeys(((rule, None), (rule, instrument_id))):
            if key in self._rows:
                merged.update(self._rows[key].parameters)
        return RULES[rule].read(merged)
