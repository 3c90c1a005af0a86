"""Open and recent episodes with their subjects: what the engine remembers between ticks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from verification.checks import episode
from verification.checks.deviation import NOISE
from verification.checks.episode import Closed, Episode, Opened, Timing
from verification.findings import ACT, LOOK, Change, Finding, Progress, Subject
from verification.parameters import SECOND_US, RuleParameters

REPORT_EVERY_US = SECOND_US
"""An open alert's figures are written at most so often, of the clock it is judged on."""


@dataclass
class Case:
    """An episode and whom it is about. `facts` were taken when the alert opened."""

    subject: Subject
    episode: Episode
    facts: dict[str, Any] = field(default_factory=dict)
    reported_us: int = 0
    severity: str = LOOK

    @property
    def key(self) -> tuple[str, str]:
        return self.subject.fingerprint, self.subject.holder

    @property
    def signature(self) -> tuple[object, ...]:
        """What of the case can't be told again from the passing of time."""
        return (*self.key, self.severity, *self.episode.signature)

    def as_dict(self) -> dict[str, Any]:
        """As JSON, to be remembered across a restart of the process."""
        return {
            "subject": asdict(self.subject),
            "episode": self.episode.as_dict(),
            "facts": self.facts,
            "severity": self.severity,
        }

    @classmethod
    def from_dict(cls, remembered: dict[str, Any]) -> Case:
        return cls(
            Subject(**remembered["subject"]),
            Episode.from_dict(remembered["episode"]),
            remembered["facts"],
            severity=remembered["severity"],
        )


@dataclass(frozen=True)
class Wording:
    """How a rule puts a case into words, and the unit and threshold of its figures."""

    title: str
    unit: str
    threshold: float


Describe = Callable[[Case], Wording]


def timing(parameters: RuleParameters, persistence_s: float = 0.0, min_ticks: int = 1) -> Timing:
    """The steps of an episode in microseconds."""
    return Timing(
        persistence_us=round(persistence_s * SECOND_US),
        min_ticks=min_ticks,
        clear_us=round(parameters.clear_after_s * SECOND_US),
        close_us=round(parameters.close_after_s * SECOND_US),
        forget_us=round(parameters.forget_after_s * SECOND_US),
    )


class CaseBook:
    """All cases of one shard on one clock. What changed since the last look becomes findings."""

    def __init__(self, shard: int, *, replayed: bool) -> None:
        self._shard = shard
        self._replayed = replayed
        self._cases: dict[tuple[str, str], Case] = {}
        self._findings: list[Finding] = []

    def __iter__(self) -> Iterator[Case]:
        return iter(list(self._cases.values()))

    def subject(
        self, rule: str, client_id: int, feed_id: int | None, instrument_id: int | None
    ) -> Subject:
        """Replays of several instruments run on clocks of their own: each holds its own case."""
        holder = f"{self._shard}.{instrument_id}" if self._replayed else str(self._shard)
        about = None if feed_id is None else instrument_id
        return Subject(rule, client_id, feed_id, about, self._replayed, holder)

    def get(self, subject: Subject) -> Case | None:
        return self._cases.get((subject.fingerprint, subject.holder))

    def begin(self, subject: Subject, at_us: int) -> Case:
        """The subject's case, a new one if there is none."""
        case = self.get(subject)
        if case is None:
            case = self.put(Case(subject, Episode(at_us=at_us)))
        return case

    def put(self, case: Case) -> Case:
        self._cases[case.key] = case
        return case

    def drop(self, case: Case) -> None:
        self._cases.pop(case.key, None)

    def report(
        self,
        case: Case,
        changes: Iterable[episode.Change],
        describe: Describe,
        parameters: RuleParameters,
        reason: str = "",
    ) -> None:
        """Turn an episode's changes into findings."""
        words = describe(case)
        for change in changes:
            if isinstance(change, Opened):
                case.severity = LOOK
            why = reason
            if isinstance(change, Closed) and not why:
                why = _why_closed(change, parameters)
            self._find(case, change, words, parameters, why)

    def progress(self, case: Case, describe: Describe, parameters: RuleParameters) -> None:
        """Report the latest figures of an open alert, if they are due."""
        at_us = case.episode.at_us
        if case.episode.open and at_us - case.reported_us >= REPORT_EVERY_US:
            self._find(case, Progress(at_us), describe(case), parameters, "")

    def take(self) -> list[Finding]:
        """What was found since the last call."""
        findings, self._findings = self._findings, []
        return findings

    def _find(
        self,
        case: Case,
        change: Change,
        words: Wording,
        parameters: RuleParameters,
        reason: str,
    ) -> None:
        if abs(case.episode.worst) >= words.threshold * parameters.act_share * (1 - NOISE):
            case.severity = ACT
        case.reported_us = case.episode.at_us
        self._findings.append(
            Finding(
                subject=case.subject,
                change=change,
                value=abs(case.episode.figure),
                worst=abs(case.episode.worst),
                unit=words.unit,
                severity=case.severity,
                title=words.title[:200],
                facts=case.facts | _longest(case.episode),
                reason=reason,
            )
        )


def _why_closed(closed: Closed, parameters: RuleParameters) -> str:
    if closed.forgotten:
        return f"Nothing to judge by for {parameters.forget_after_s:g} s."
    return f"Below {parameters.clear_share:g} of the threshold for {parameters.close_after_s:g} s."


def _longest(episode: Episode) -> dict[str, float]:
    """How long ticks showed the condition without a break."""
    longest_us = episode.longest_seen_us
    return {"longest_s": longest_us / SECOND_US} if longest_us else {}
