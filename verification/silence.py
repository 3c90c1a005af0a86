"""Judging silence: live feeds by their sessions and each other, recorded ones by their holes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from market.sessions import period_at
from verification import titles
from verification.board import NEVER_US, Ticks
from verification.cases import Case, CaseBook, Wording, timing
from verification.checks import mute
from verification.checks.episode import Change, Level
from verification.checks.mute import Connection, Silence
from verification.findings import Subject
from verification.parameters import SECOND_US, MuteParameters
from verification.roster import Roster, Seat

RULE = "mute"

Connections = Callable[[set[int]], dict[int, Connection]]
"""Client ids in, their open live sessions out."""


class SilenceJudge:
    """The mute rule for all feeds of a roster."""

    def __init__(self, roster: Roster, cases: CaseBook) -> None:
        self._roster = roster
        self._board = roster.board
        self._cases = cases

    def judge_live(self, now_us: int, connections: Connections) -> None:
        """Look at each feed that has been silent for long, or was when last looked at."""
        seats = [seat for seat in self._roster.by_index if self._worth_a_look(seat, now_us)]
        if not seats:
            return
        found = connections({seat.info.client_id for seat in seats})
        for seat in seats:
            self._judge(seat, self._silence(seat, now_us, found.get(seat.info.client_id)))

    def judge_holes(self, ticks: Ticks) -> None:
        """Recorded data: silence is known to be a fault only once the feed's next tick has come.

        Before the board keeps the ticks.
        """
        place = ticks.group.astype(np.int64) * self._board.slots + ticks.slot
        order = np.argsort(place, kind="stable")
        moment_us = ticks.received_us[order]
        first = np.diff(place[order], prepend=-1) != 0
        known_us = self._board.received_us.reshape(-1)[place[order]]
        before_us = np.where(first, known_us, np.roll(moment_us, 1))
        long = moment_us - before_us > self._roster.silence_us[ticks.group[order]]
        for at in np.nonzero(long & (before_us != NEVER_US))[0].tolist():
            group, slot = divmod(int(place[order[at]]), self._board.slots)
            seat = self._roster.groups[group].seats[slot]
            self._judge_hole(seat, int(before_us[at]), int(moment_us[at]), ticks)

    def settle(self, now_us: dict[int, int]) -> None:
        """Time has passed on the clocks of recorded data; `now_us` by group."""
        for case in self._cases:
            if case.subject.rule == RULE and self._roster.seat_of(case.subject).group in now_us:
                self._hold(
                    self._roster.seat_of(case.subject),
                    case,
                    now_us[self._roster.seat_of(case.subject).group],
                )

    def describe(self, case: Case) -> Wording:
        seat = self._roster.seat_of(case.subject)
        last_tick_us = int(case.facts.get("last_tick_us", case.episode.at_us))
        episode = case.episode
        tell = titles.mute if episode.runs else titles.mute_over
        silent_s = episode.figure if episode.runs else episode.worst
        title = tell(seat.name, last_tick_us, round(silent_s * SECOND_US))
        return Wording(title, "s", float(case.facts.get("limit_s", 1.0)))

    def _worth_a_look(self, seat: Seat, now_us: int) -> bool:
        if self._cases.get(self._subject(seat)) is not None:
            return True
        last_us = int(self._board.received_us[seat.group, seat.slot])
        return last_us != NEVER_US and now_us - last_us > self._roster.silence_us[seat.group]

    def _silence(self, seat: Seat, now_us: int, connection: Connection | None) -> Silence:
        received_us = self._board.received_us[seat.group]
        others = [
            int(received_us[other.slot])
            for other in self._roster.groups[seat.group].seats
            if other is not seat
        ]
        period = period_at(seat.info.session, now_us)
        return Silence(
            now_us,
            int(received_us[seat.slot]),
            tuple(others),
            period.start_us if period else None,
            connection,
        )

    def _judge(self, seat: Seat, silence: Silence) -> None:
        parameters = self._parameters(seat)
        case = self._cases.get(self._subject(seat))
        if case is not None and silence.connection is None:
            self._tell(seat, case, case.episode.end(silence.now_us), "No longer connected.")
            return
        level = mute.judge(silence, parameters)
        judged = self._roster.rules.enabled(RULE, seat.info.instrument_id)
        if not judged or (case is None and level is not Level.OVER):
            return
        case = case or self._cases.begin(self._subject(seat), silence.since_us)
        self._turn(seat, case, level, silence)
        self._hold(seat, case, silence.now_us)

    def _turn(self, seat: Seat, case: Case, level: Level, silence: Silence) -> None:
        parameters = self._parameters(seat)
        limit_s = mute.limit_s(silence, parameters)
        at_us = silence.now_us if level is Level.UNKNOWN else silence.since_us
        over = level is Level.OVER
        if over:
            case.facts |= _facts(silence, limit_s)
        changes = case.episode.turn(
            at_us,
            level,
            timing(parameters, persistence_s=limit_s),
            figure=(silence.now_us - silence.since_us) / SECOND_US if over else 0.0,
            ticks_us=(at_us,) if over else (),
        )
        self._tell(seat, case, changes)

    def _judge_hole(self, seat: Seat, before_us: int, end_us: int, ticks: Ticks) -> None:
        """One hole between two ticks; opened and ended as it would have been live."""
        others = [other for other in self._roster.groups[seat.group].seats if other is not seat]
        period = period_at(seat.info.session, end_us)
        silence = Silence(
            end_us,
            before_us,
            tuple(self._last_before(other, end_us, ticks) for other in others),
            period.start_us if period else None,
            Connection(opened_us=before_us, heard_us=end_us),
        )
        self._judge(seat, silence)
        case = self._cases.get(self._subject(seat))
        if case is not None:
            steps = timing(self._parameters(seat))
            self._tell(seat, case, case.episode.turn(end_us, Level.CLEAN, steps))

    def _last_before(self, seat: Seat, moment_us: int, ticks: Ticks) -> int:
        mine = (ticks.group == seat.group) & (ticks.slot == seat.slot)
        earlier = np.nonzero(mine & (ticks.received_us <= moment_us))[0]
        if len(earlier):
            return int(ticks.received_us[earlier[-1]])
        return int(self._board.received_us[seat.group, seat.slot])

    def _hold(self, seat: Seat, case: Case, now_us: int) -> None:
        parameters = self._parameters(seat)
        limit_s = float(case.facts.get("limit_s", parameters.silence_s))
        steps = timing(parameters, persistence_s=limit_s)
        self._tell(seat, case, case.episode.hold(now_us, steps))
        self._cases.progress(case, self.describe, parameters)

    def _tell(self, seat: Seat, case: Case, changes: list[Change], reason: str = "") -> None:
        if changes:
            parameters = self._parameters(seat)
            self._cases.report(case, changes, self.describe, parameters, reason)
        if case.episode.idle:
            self._cases.drop(case)

    def _parameters(self, seat: Seat) -> MuteParameters:
        return self._roster.rules.get(MuteParameters, seat.info.instrument_id)

    def _subject(self, seat: Seat) -> Subject:
        info = seat.info
        return self._cases.subject(RULE, info.client_id, info.feed_id, info.instrument_id)


def _facts(silence: Silence, limit_s: float) -> dict[str, object]:
    connection = silence.connection
    return {
        "last_tick_us": silence.last_tick_us,
        "limit_s": limit_s,
        "others_tick": not silence.alone,
        "broker_connected": connection.broker_connected if connection else None,
    }
