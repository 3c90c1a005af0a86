"""Judging prices: batches of ticks become grid points and, where something is off, episodes.

The fast path asks one question of a whole batch: does any instrument's span of comparable mids
reach beyond its threshold anywhere? Only instruments where it does, or where an episode is
running, are looked at more closely, and there one Python step is taken per change of level, not
per tick.
"""

from __future__ import annotations

import numpy as np

from verification import titles
from verification.board import NO_TICKS, Ticks, Timeline, grid_seconds, with_ageing
from verification.cases import Case, CaseBook, Wording
from verification.checks import deviation
from verification.checks.deviation import NOISE, Floats
from verification.checks.episode import Change, Level, Opened
from verification.findings import Points, Subject
from verification.parameters import SECOND_US
from verification.roster import Roster, Seat
from verification.scene import Block, Scene, Span, facts_of, set_scene, span_of

RULE = "deviation"
_LEVELS = tuple(Level)  # by number: calling the enum costs more than everything beside it


class PriceJudge:
    """The deviation rule on one board (live, or that of replays)."""

    def __init__(self, roster: Roster, cases: CaseBook) -> None:
        self._roster = roster
        self._board = roster.board
        self._cases = cases
        self._agreed = np.zeros(0)  # by group: the price on which its feeds last agreed, or NaN
        self._running: dict[int, dict[int, Case]] = {}  # by group and slot
        self._ticks = NO_TICKS

    def judge(self, rows: Timeline, ticks: Ticks) -> Points:
        """Judge the rows that the board laid out for these ticks, before it keeps them."""
        more = self._board.groups - len(self._agreed)
        self._agreed = np.pad(self._agreed, (0, more), constant_values=np.nan)
        self._ticks = ticks
        span = span_of(rows.mids, rows.comparable)
        limit = self._limits(rows, span)
        apart = span.exceeds(limit * (1 + NOISE)) & self._roster.judged[rows.group]
        present = set(rows.group[rows.slot < 0].tolist())
        for group in sorted({*rows.group[apart].tolist(), *self._running} & present):
            first, last = np.searchsorted(rows.group, (group, group + 1))
            self._examine(group, rows.part(slice(int(first), int(last))))
        agreed = span.agrees(limit) & (rows.slot >= 0)
        self._agreed[rows.group[agreed]] = span.middle[agreed]  # named twice: the last one stands
        return self._points(rows)

    def adopt(self, case: Case) -> None:
        """Go on with a case from before a restart."""
        seat = self._roster.seat_of(case.subject)
        self._running.setdefault(seat.group, {})[seat.slot] = case

    def let_go(self, case: Case) -> None:
        """The case is closed."""
        if case.subject.rule != RULE:
            return
        seat = self._roster.seat_of(case.subject)
        running = self._running.get(seat.group, {})
        running.pop(seat.slot, None)
        if not running:
            self._running.pop(seat.group, None)

    def forget(self, group: int) -> None:
        """The group starts afresh; its cases have been closed."""
        if group < len(self._agreed):
            self._agreed[group] = np.nan

    def describe(self, case: Case) -> Wording:
        """In the present tense while an excursion runs, in the past tense once it is over."""
        seat, episode = self._roster.seat_of(case.subject), case.episode
        measure = self._roster.groups[seat.group].measure
        against = str(case.facts.get("against", "the others"))
        runs = episode.open and episode.excursion_since_us is not None
        until_us = episode.at_us if runs else episode.ended_us or episode.at_us
        since_us = episode.excursion_since_us if episode.started_us is None else episode.started_us
        lasted_us = 0 if since_us is None else until_us - since_us
        tell = titles.deviation if runs else titles.deviation_over
        figure = episode.figure if runs else episode.worst
        title = tell(seat.name, figure, measure.unit, against, lasted_us)
        return Wording(title, measure.unit, measure.threshold)

    def _limits(self, rows: Timeline, span: Span) -> Floats:
        """The threshold of each row in price units; never more than what the slow path applies."""
        limit: Floats = self._roster.limit[rows.group]
        if not self._roster.limit_is_relative.any():
            return limit
        relative = self._roster.limit_is_relative[rows.group]
        nearest_zero = np.minimum(np.abs(span.low), np.abs(span.high))
        return np.where(relative, limit * nearest_zero, limit)

    def _points(self, rows: Timeline) -> Points:
        row, second_us = grid_seconds(rows)
        mids = rows.mids[row]
        found = deviation.consensus(mids, second_us[:, None] < rows.fresh_until_us[row])
        at, slot = np.nonzero(~np.isnan(found.deviation))
        off = found.deviation[at, slot]
        return Points(
            feed_id=self._roster.feed_id[rows.group[row[at]], slot],
            second=second_us[at] // SECOND_US,
            deviation=off,
            consensus=mids[at, slot] - off,
            peers=found.count[at] - 1,
        )

    def _examine(self, group: int, rows: Timeline) -> None:
        """The slow path, for one instrument."""
        place = self._roster.groups[group]
        rows = with_ageing(rows)
        limit = self._limits(rows, span_of(rows.mids, rows.comparable))
        scene = set_scene(place, rows, limit, float(self._agreed[group]))
        for block in scene.blocks():
            self._judge_block(group, scene, block)
        self._hold(group, scene, int(rows.until_us[-1]))
        for slot, case in self._running.get(group, {}).items():
            if scene.level[-1, slot] != Level.UNKNOWN:
                case.episode.figure = float(scene.figure[-1, slot])
            self._cases.progress(case, self.describe, place.deviation)

    def _hold(self, group: int, scene: Scene, until_us: int) -> None:
        """What was wrong goes on as it was until then."""
        for case in list(self._running.get(group, {}).values()):
            self._report(case, case.episode.hold(until_us, scene.place.steps), scene)

    def _judge_block(self, group: int, scene: Scene, block: Block) -> None:
        levels = block.levels
        over = [slot for slot, level in enumerate(levels) if level == Level.OVER]
        pair = bool(over) and scene.found.count[block.start] == 2
        if pair:  # some excursion may have ended in the meantime, and blame nobody any more
            self._hold(group, scene, int(scene.rows.from_us[block.start]))
        running = self._running.get(group, {})
        told = {slot: _LEVELS[levels[slot]] for slot in (*running, *over)}
        if pair:
            other = over[over[0] == self._suspect(running, scene, block.start, over)]
            if other in running:
                told[other] = Level.UNKNOWN
            else:
                del told[other]
        for slot, level in sorted(told.items()):
            case = running.get(slot)
            if case is None or level is Level.OVER or case.episode.level is not level:
                self._turn(scene, block, slot, level)

    @staticmethod
    def _suspect(running: dict[int, Case], scene: Scene, row: int, pair: list[int]) -> int:
        """Of two feeds apart: the one whose excursion runs for longest, else the one that moved."""
        since_us = {
            slot: running[slot].episode.excursion_since_us for slot in pair if slot in running
        }
        at_it = [(since, slot) for slot, since in since_us.items() if since is not None]
        return min(at_it)[1] if at_it else scene.more_guilty(pair, row)

    def _turn(self, scene: Scene, block: Block, slot: int, level: Level) -> None:
        seat = scene.place.seats[slot]
        at_us = int(scene.rows.from_us[block.start])
        running = self._running.setdefault(seat.group, {})
        case = running.get(slot)
        if case is None:
            case = running[slot] = self._cases.begin(self._subject(seat), at_us)
        over = level is Level.OVER
        changes = case.episode.turn(
            at_us,
            level,
            scene.place.steps,
            figure=block.worst[slot],
            ticks_us=scene.ticks_of(block) if over else (),
        )
        self._report(case, changes, scene)

    def _report(self, case: Case, changes: list[Change], scene: Scene) -> None:
        if not changes and not case.episode.idle:
            return
        seat = self._roster.seat_of(case.subject)
        for change in changes:
            if isinstance(change, Opened):
                spread = self._spread(seat, change.at_us)
                case.facts = facts_of(scene, seat, change, spread)
        if changes:
            self._cases.report(case, changes, self.describe, scene.place.deviation)
        if case.episode.idle:
            self._cases.drop(case)
            self.let_go(case)

    def _spread(self, seat: Seat, at_us: int) -> float:
        """Of the feed's quote at that moment, in price units, positive even when crossed."""
        ticks = self._ticks
        mine = (ticks.group == seat.group) & (ticks.slot == seat.slot)
        before = np.nonzero(mine & (ticks.received_us <= at_us))[0]
        if len(before):
            return abs(float(ticks.spread[before[-1]]))
        return abs(float(self._board.spreads[seat.group, seat.slot]))

    def _subject(self, seat: Seat) -> Subject:
        info = seat.info
        return self._cases.subject(RULE, info.client_id, info.feed_id, info.instrument_id)
