"""How every feed stands right now, for the screens: conflated, changed rows only.

The message is `fks:live:verify`: feeds as [feed id, deviation in price | None, in pips | None,
state], instruments as [id, largest deviation in pips | None, threshold in pips | None, state].
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from market.sessions import is_open
from verification.board import NEVER_US
from verification.cases import Case
from verification.checks import deviation
from verification.checks.episode import Level
from verification.findings import ACT, LOOK
from verification.judge import Judge
from verification.parameters import SECOND_US
from verification.roster import Group, Seat

VERIFIED, STALE, CLOSED, ALONE = "verified", "stale", "closed", "alone"
URGENCY = (ACT, LOOK, VERIFIED, STALE, ALONE, CLOSED)
"""An instrument shows the first of these that any of its feeds is in."""
WHOLE_EVERY_US = 5 * SECOND_US
"""So often every row is sent, changed or not, for a board that has just started."""

Row = tuple[int, float | None, float | None, str]


@dataclass(frozen=True)
class _Standing:
    """One board as of the moments up to which its groups have been judged."""

    found: deviation.Consensus
    young: deviation.Truths
    severity: dict[int, str]  # by feed: of its and its client's alerts and running excursions
    own: dict[int, str]  # the same without what is about the client as a whole


class Picture:
    """What was shown last, so that only what changed is shown again."""

    def __init__(self, live: Judge, replay: Judge) -> None:
        self._live = live
        self._replay = replay
        self._shown: dict[str, dict[int, Row]] = {"feeds": {}, "instruments": {}}
        self._whole_us = NEVER_US

    def payload(self, now_us: int) -> dict[str, Any]:
        """Rows that changed since the last call. Where a feed is both live and replayed, live wins
        while it ticks."""
        rows: dict[str, dict[int, Row]] = {"feeds": {}, "instruments": {}}
        for judge in (self._replay, self._live):
            for kind, found in _rows(judge).items():
                for number, row in found.items():
                    if row[3] not in (STALE, CLOSED) or number not in rows[kind]:
                        rows[kind][number] = row
        if not 0 <= now_us - self._whole_us < WHOLE_EVERY_US:
            self._whole_us = now_us
            self._shown = {"feeds": {}, "instruments": {}}
        changed = {
            kind: [row for number, row in found.items() if self._shown[kind].get(number) != row]
            for kind, found in rows.items()
        }
        self._shown = rows
        return {"at_ms": now_us // 1000, **changed}


def _rows(judge: Judge) -> dict[str, dict[int, Row]]:
    rows: dict[str, dict[int, Row]] = {"feeds": {}, "instruments": {}}
    if not judge.board.groups:
        return rows
    standing = _standing(judge)
    for number, place in enumerate(judge.roster.groups):
        clock_us = int(judge.board.clock_us[number])
        # Before its first quote is judged an instrument has no clock; nothing says that it is shut.
        market_open = clock_us <= 0 or is_open(place.session, clock_us)
        feeds = [_feed_row(seat, place, standing, market_open=market_open) for seat in place.seats]
        rows["feeds"] |= {row[0]: row for row in feeds}
        reference = float(standing.found.reference[number])
        enabled = bool(judge.roster.judged[number])
        states = _own_states(place, standing, market_open=market_open)
        rows["instruments"][place.instrument_id] = _instrument_row(
            place, feeds, states, reference, judged=enabled
        )
    return rows


def _standing(judge: Judge) -> _Standing:
    board = judge.board
    young = board.clock_us[:, None] < board.fresh_until_us
    cases = list(judge.cases)
    own = _severities(judge, [case for case in cases if case.subject.feed_id is not None])
    found = deviation.consensus(board.mids, young)
    return _Standing(found, young, _severities(judge, cases), own)


def _severities(judge: Judge, cases: Iterable[Case]) -> dict[int, str]:
    """A client's alerts are its feeds'. An excursion is looked at before it is an alert."""
    found: dict[int, str] = {}
    for case in cases:
        if not case.episode.open and case.episode.level is not Level.OVER:
            continue
        severity = case.severity if case.episode.open else LOOK
        for feed_id in judge.feeds_concerned(case):
            if found.get(feed_id) != ACT:
                found[feed_id] = severity
    return found


def _feed_row(seat: Seat, place: Group, standing: _Standing, *, market_open: bool) -> Row:
    off = float(standing.found.deviation[seat.group, seat.slot])
    price = None if np.isnan(off) else off
    state = _state(seat, standing, standing.severity, market_open=market_open)
    return seat.info.feed_id, price, None if price is None else price / place.pip_size, state


def _state(
    seat: Seat, standing: _Standing, severity: Mapping[int, str], *, market_open: bool
) -> str:
    if seat.info.feed_id in severity:
        return severity[seat.info.feed_id]
    if not standing.young[seat.group, seat.slot]:
        return STALE if market_open else CLOSED
    return ALONE if np.isnan(standing.found.deviation[seat.group, seat.slot]) else VERIFIED


def _own_states(place: Group, standing: _Standing, *, market_open: bool) -> set[str]:
    """A client whose clock is off calls in its own column, not in every row that it quotes."""
    return {_state(seat, standing, standing.own, market_open=market_open) for seat in place.seats}


def _instrument_row(
    place: Group, feeds: list[Row], states: Collection[str], reference: float, *, judged: bool
) -> Row:
    sizes = [abs(row[2]) for row in feeds if row[2] is not None]
    threshold: float | None = None
    if judged and place.measure.unit == "pips":
        threshold = place.measure.threshold
    elif judged and not np.isnan(reference):
        threshold = place.measure.threshold * 1e-4 * abs(reference) / place.pip_size
    state = next((state for state in URGENCY if state in states), STALE)
    return place.instrument_id, max(sizes, default=None), threshold, state
