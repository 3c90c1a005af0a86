"""Judging delays: which part of them is a wrong clock, which is latency, and which ticks are too
late to be compared.

Of each speaker (a client; in replay a client on one instrument, since replays of instruments run
on clocks of their own) the first tick of each second of receipt is sampled, so that a buffer sent
in a burst after an outage weighs as little as the second in which it came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from verification import titles
from verification.board import NEVER_US, Small
from verification.cases import Case, CaseBook, Wording, timing
from verification.checks import latency
from verification.checks.clock import FRESH_US, SAMPLES, read_clock
from verification.checks.deviation import Integers, Truths
from verification.checks.episode import Change, Level
from verification.findings import Subject
from verification.parameters import (
    SECOND_US,
    ClockParameters,
    LatencyParameters,
    RuleBook,
    RuleParameters,
)

CLOCK, LATENCY = "clock", "latency"
LAPSE_US = 60 * SECOND_US
"""So long after the last sample nothing is known any more."""
_SECONDS = 1 << 36  # more seconds than any date has


@dataclass
class Speaker:
    """One clock that stamps ticks, and the delays last seen on it."""

    client_id: int
    name: str
    instrument_id: int | None
    samples: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    shift_us: int = 0
    settled: bool = True  # nothing is wrong with it, or what is wrong is known and steady


class DelayJudge:
    """The clock and latency rules, and the shift that each speaker's delays are corrected by."""

    def __init__(self, cases: CaseBook, rules: RuleBook) -> None:
        self._cases = cases
        self.speakers: list[Speaker] = []
        self._last_second = np.zeros(0, dtype=np.int64)
        self._shift_us = np.zeros(0, dtype=np.int64)
        self.apply(rules)

    def apply(self, rules: RuleBook) -> None:
        """Judge by these parameters from now on."""
        self._clock = rules.get(ClockParameters)
        self._latency = rules.get(LatencyParameters)
        self._judged = {rule: rules.enabled(rule) for rule in (CLOCK, LATENCY)}
        for speaker in self.speakers:
            speaker.settled = False

    def add(self, speaker: Speaker) -> int:
        """The speaker's number."""
        self.speakers.append(speaker)
        self._last_second = np.append(self._last_second, NEVER_US)
        self._shift_us = np.append(self._shift_us, speaker.shift_us)
        return len(self.speakers) - 1

    def restore(self, number: int, shift_us: int) -> None:
        """What was known of a clock before a restart."""
        self.speakers[number].shift_us = self._shift_us[number] = shift_us
        self.speakers[number].settled = not shift_us

    def forget(self, number: int) -> None:
        """The speaker starts afresh, with another recording."""
        speaker = self.speakers[number]
        speaker.samples.clear()
        speaker.settled = True
        speaker.shift_us = self._shift_us[number] = 0
        self._last_second[number] = NEVER_US

    def judge(
        self, speaker: Small, received_us: Integers, delay_us: Integers, max_age_us: Integers
    ) -> Truths:
        """Which ticks came soon enough to be compared. All arrays by tick, in order of receipt."""
        shift_us = self._shift_us[speaker]  # as it was; corrected below where it changes
        for number, rows in self._samples(speaker, received_us):
            changes = self._listen(self.speakers[number], received_us[rows], delay_us[rows])
            if changes:
                mine = speaker == number
                moments = np.array([moment for moment, _ in changes])
                shifts = np.array([self._shift_us[number], *(shift for _, shift in changes)])
                place = np.searchsorted(moments, received_us[mine], side="right")
                shift_us[mine] = shifts[place]
                self._shift_us[number] = shifts[-1]
        return delay_us - shift_us <= max_age_us

    def watch(self, subject: Subject) -> None:
        """Go on with a case from before a restart: its speaker is looked at closely."""
        for speaker in self.speakers:
            if self._subject(speaker, subject.rule) == subject:
                speaker.settled = False

    def settle(self, number: int, now_us: int) -> None:
        """Time has passed: let go of what is no longer known, close what is over."""
        speaker = self.speakers[number]
        self._lapse(speaker, now_us)
        self._hold(speaker, now_us)

    def describe(self, case: Case) -> Wording:
        name = str(case.facts.get("name", "A client"))
        episode = case.episode
        figure = episode.figure if episode.runs else episode.worst
        if case.subject.rule == CLOCK:
            clock = titles.clock if episode.runs else titles.clock_over
            return Wording(clock(name, figure), "s", self._clock.ahead_s)
        latency = titles.latency if episode.runs else titles.latency_over
        return Wording(latency(name, figure), "s", self._latency.threshold_s)

    def parameters(self, rule: str) -> RuleParameters:
        return self._clock if rule == CLOCK else self._latency

    def _samples(self, speaker: Small, received_us: Integers) -> Iterator[tuple[int, Integers]]:
        """(speaker, rows of its samples): the first tick of each second not yet sampled."""
        second = received_us // SECOND_US
        new = np.nonzero(second > self._last_second[speaker])[0]
        if not len(new):
            return
        key = speaker[new].astype(np.int64) * _SECONDS + second[new]
        _, first = np.unique(key, return_index=True)
        rows = new[first]
        numbers, starts = np.unique(speaker[rows], return_index=True)
        for number, mine in zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True):
            self._last_second[number] = second[mine[-1]]
            yield number, mine

    def _listen(
        self, speaker: Speaker, moments_us: Integers, delays_us: Integers
    ) -> list[tuple[int, int]]:
        """Take samples in; (moment, new shift) for each change of the shift."""
        if speaker.settled and self._confirm(speaker, moments_us, delays_us):
            pairs = zip(moments_us[-SAMPLES:].tolist(), delays_us[-SAMPLES:].tolist(), strict=True)
            speaker.samples.extend(pairs)
            return []
        changes = []
        for moment_us, delay_us in zip(moments_us.tolist(), delays_us.tolist(), strict=True):
            before_us = speaker.shift_us
            self._weigh(speaker, moment_us, delay_us)
            if speaker.shift_us != before_us:
                changes.append((moment_us, speaker.shift_us))
        speaker.settled = self._is_settled(speaker)
        return changes

    def _confirm(self, speaker: Speaker, moments_us: Integers, delays_us: Integers) -> bool:
        """Nothing in these samples could change what is known of the speaker."""
        if not self._is_ordinary(delays_us - speaker.shift_us).all():
            return False
        if not speaker.shift_us:
            return True
        pause_us = np.diff(moments_us, prepend=speaker.samples[-1][0])
        return bool((pause_us <= LAPSE_US).all())

    def _is_settled(self, speaker: Speaker) -> bool:
        """What is known of the speaker and what is said of it agree, sample by sample."""
        told = self._case(speaker, CLOCK) is not None
        agrees = told == bool(speaker.shift_us) or not self._judged[CLOCK]
        if not agrees or self._case(speaker, LATENCY) is not None:
            return False
        delays_us = np.array([delay for _, delay in speaker.samples])
        return bool(self._is_ordinary(delays_us - speaker.shift_us).all())

    def _is_ordinary(self, delay_us: Integers) -> Truths:
        """Neither early nor late enough to be worth a thought, once the shift is taken off."""
        late_us = min(self._latency.threshold_s * self._latency.clear_share, 1.0) * SECOND_US
        return (delay_us >= -self._clock.ahead_s * SECOND_US) & (delay_us <= late_us)

    def _weigh(self, speaker: Speaker, moment_us: int, delay_us: int) -> None:
        """One sample of a speaker that is not simply in order."""
        self._lapse(speaker, moment_us)
        speaker.samples.append((moment_us, delay_us))
        recent = [delay for at_us, delay in speaker.samples if moment_us - at_us <= FRESH_US]
        reading = read_clock(recent, self._clock)
        level, error_s = Level.UNKNOWN, 0.0
        if reading is not None:
            speaker.shift_us = reading.shift_us
            level = Level.OVER if reading.wrong else Level.CLEAN
            error_s = -(reading.shift_us or reading.median_us) / SECOND_US
        self._turn(speaker, CLOCK, moment_us, level, error_s)
        latency_s = None
        if len(recent) >= self._clock.min_samples:  # before, it may yet turn out to be the clock
            latency_s = latency.median_latency_s(recent, speaker.shift_us, self._latency)
        level = latency.level(latency_s, self._latency)
        self._turn(speaker, LATENCY, moment_us, level, latency_s or 0.0)

    def _turn(self, speaker: Speaker, rule: str, at_us: int, level: Level, figure: float) -> None:
        case = self._case(speaker, rule)
        over = level is Level.OVER
        if not self._judged[rule] or (case is None and not over):
            return
        if case is None:
            case = self._cases.begin(self._subject(speaker, rule), at_us)
            case.facts = {"name": speaker.name, "threshold": self.describe(case).threshold}
        if over:
            delays = [delay / SECOND_US for _, delay in speaker.samples]
            case.facts |= {"shift_s": speaker.shift_us / SECOND_US, "last_delays_s": delays[-10:]}
        ticks_us = (at_us,) if over else ()
        steps = timing(self.parameters(rule))
        self._tell(case, case.episode.turn(at_us, level, steps, figure=figure, ticks_us=ticks_us))

    def _lapse(self, speaker: Speaker, now_us: int) -> None:
        """Too long after the last sample, nothing is known."""
        for case in self._cases_of(speaker):
            last_us = speaker.samples[-1][0] if speaker.samples else case.episode.at_us
            if now_us - last_us > LAPSE_US and case.episode.level is not Level.UNKNOWN:
                steps = timing(self.parameters(case.subject.rule))
                self._tell(case, case.episode.turn(last_us + LAPSE_US, Level.UNKNOWN, steps))

    def _hold(self, speaker: Speaker, now_us: int) -> None:
        for case in self._cases_of(speaker):
            parameters = self.parameters(case.subject.rule)
            self._tell(case, case.episode.hold(now_us, timing(parameters)))
            self._cases.progress(case, self.describe, parameters)

    def _tell(self, case: Case, changes: list[Change]) -> None:
        if changes:
            self._cases.report(case, changes, self.describe, self.parameters(case.subject.rule))
        if case.episode.idle:
            self._cases.drop(case)

    def _cases_of(self, speaker: Speaker) -> list[Case]:
        cases = (self._case(speaker, rule) for rule in (CLOCK, LATENCY))
        return [case for case in cases if case is not None]

    def _case(self, speaker: Speaker, rule: str) -> Case | None:
        return self._cases.get(self._subject(speaker, rule))

    def _subject(self, speaker: Speaker, rule: str) -> Subject:
        return self._cases.subject(rule, speaker.client_id, None, speaker.instrument_id)
