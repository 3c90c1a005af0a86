"""Judging crossed quotes: counts by feed and step, kept by batch, judged when a step is over."""

from __future__ import annotations

import numpy as np

from verification import titles
from verification.board import Small
from verification.cases import Case, CaseBook, Wording, timing
from verification.checks.crossed import STEPS, CrossedWindow, level
from verification.checks.deviation import Integers, Truths
from verification.checks.episode import Change, Level
from verification.findings import Subject
from verification.roster import Group, Roster, Seat

RULE = "crossed"
_STEPS_EVER = 1 << 40
_NO_STEP = -1


class CrossedJudge:
    """The crossed rule for all feeds of a roster."""

    def __init__(self, roster: Roster, cases: CaseBook) -> None:
        self._roster = roster
        self._cases = cases
        self._step = np.zeros(0, dtype=np.int64)  # by feed: the step that is being counted
        self._ticks = np.zeros(0, dtype=np.int64)
        self._crossed = np.zeros(0, dtype=np.int64)
        self._windows: list[CrossedWindow] = []

    def judge(self, index: Small, received_us: Integers, crossed: Truths) -> None:
        """Count ticks of feeds (their `index`), in order of receipt by feed."""
        self._grow()
        step = received_us // self._roster.crossed_step_us[index]
        if (step == self._step[index]).all():
            self._count(index, crossed)
            return
        step = np.maximum(step, self._step[index])  # a straggler counts in the step of now
        pairs, inverse = np.unique(index.astype(np.int64) * _STEPS_EVER + step, return_inverse=True)
        ticks = np.bincount(inverse)
        crosses = np.bincount(inverse, crossed).astype(np.int64)
        for pair, more, bad in zip(pairs.tolist(), ticks.tolist(), crosses.tolist(), strict=True):
            feed, at_step = divmod(pair, _STEPS_EVER)
            self._move_to(feed, at_step)
            self._ticks[feed] += more
            self._crossed[feed] += bad

    def settle(self, groups: Small, now_us: Integers) -> None:
        """Time has passed: finish the steps that are over."""
        self._grow()
        for group, moment_us in zip(groups.tolist(), now_us.tolist(), strict=True):
            for seat in self._roster.groups[group].seats:
                if self._step[seat.index] != _NO_STEP:
                    self._settle(seat, moment_us)

    def forget(self, group: int) -> None:
        """The group starts afresh: its cases are the caller's to close."""
        self._grow()
        for seat in self._roster.groups[group].seats:
            self._step[seat.index] = _NO_STEP
            self._ticks[seat.index] = self._crossed[seat.index] = 0
            self._windows[seat.index].clear()

    def describe(self, case: Case) -> Wording:
        seat = self._roster.seat_of(case.subject)
        rule, episode = self._place(seat).crossed, case.episode
        if episode.runs:
            title = titles.crossed(seat.name, episode.figure)
        else:
            title = titles.crossed_over(seat.name, episode.worst)
        return Wording(title, "share", rule.share)

    def _grow(self) -> None:
        more = len(self._roster.by_index) - len(self._windows)
        if more:
            self._step = np.pad(self._step, (0, more), constant_values=_NO_STEP)
            self._ticks, self._crossed = (
                np.pad(counts, (0, more)) for counts in (self._ticks, self._crossed)
            )
            self._windows += [CrossedWindow() for _ in range(more)]

    def _count(self, index: Small, crossed: Truths) -> None:
        feeds = len(self._windows)
        self._ticks += np.bincount(index, minlength=feeds)
        if crossed.any():
            self._crossed += np.bincount(index[crossed], minlength=feeds)

    def _settle(self, seat: Seat, now_us: int) -> None:
        step = now_us // int(self._roster.crossed_step_us[seat.index])
        if step > self._step[seat.index]:
            self._move_to(seat.index, step)
        case = self._cases.get(self._subject(seat))
        if case is not None:
            parameters = self._place(seat).crossed
            self._tell(seat, case, case.episode.hold(now_us, timing(parameters)))
            self._cases.progress(case, self.describe, parameters)

    def _move_to(self, feed: int, step: int) -> None:
        """Finish the step that was being counted, and every one since that had no tick."""
        before = int(self._step[feed])
        if step == before:
            return
        if before != _NO_STEP:
            ticks, crossed = int(self._ticks[feed]), int(self._crossed[feed])
            self._windows[feed].add(before, ticks, crossed)
            seat = self._roster.by_index[feed]
            # After so many steps without a tick the window is empty, and stays so.
            for over in range(before, min(step, before + STEPS + 1)):
                self._judge(seat, over)
        self._step[feed] = step
        self._ticks[feed] = self._crossed[feed] = 0

    def _judge(self, seat: Seat, step: int) -> None:
        case = self._cases.get(self._subject(seat))
        window = self._windows[seat.index]
        if case is None and not any(row[2] for row in window.steps):
            return
        parameters = self._place(seat).crossed
        share = window.share(step, parameters)
        found = level(share, parameters)
        judged = self._roster.rules.enabled(RULE, seat.info.instrument_id)
        if not judged or (case is None and found is not Level.OVER):
            return
        at_us = (step + 1) * int(self._roster.crossed_step_us[seat.index])
        case = case or self._cases.begin(self._subject(seat), at_us)
        over = found is Level.OVER
        if over:
            case.facts = {"window_s": parameters.window_s, "threshold": parameters.share}
        ticks_us = (at_us,) if over else ()
        steps = timing(parameters)
        changes = case.episode.turn(at_us, found, steps, figure=share or 0.0, ticks_us=ticks_us)
        self._tell(seat, case, changes)

    def _tell(self, seat: Seat, case: Case, changes: list[Change]) -> None:
        if changes:
            self._cases.report(case, changes, self.describe, self._place(seat).crossed)
        if case.episode.idle:
            self._cases.drop(case)

    def _place(self, seat: Seat) -> Group:
        return self._roster.groups[seat.group]

    def _subject(self, seat: Seat) -> Subject:
        info = seat.info
        return self._cases.subject(RULE, info.client_id, info.feed_id, info.instrument_id)
