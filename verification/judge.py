"""All rules on one clock: the judge of live feeds, and the judge of replays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from bridge_ingest.journal.layout import CROSSED, Records
from market.feeds import FeedInfo
from verification import crossing, price, silence
from verification.board import NEVER_US, Board, LastQuote, Small, Ticks
from verification.cases import Case, CaseBook, Describe
from verification.checks.deviation import Integers
from verification.crossing import CrossedJudge
from verification.delays import CLOCK, LATENCY, DelayJudge, Speaker
from verification.findings import Points
from verification.parameters import RULES, RuleBook
from verification.price import PriceJudge
from verification.roster import Roster
from verification.silence import SilenceJudge


class Judge:
    """Feeds of one shard on one clock. Groups may be judged up to different moments (replay)."""

    def __init__(self, shard: int, rules: RuleBook, *, replayed: bool) -> None:
        self.board = Board()
        self.roster = Roster(self.board, rules)
        self.cases = CaseBook(shard, replayed=replayed)
        self.price = PriceJudge(self.roster, self.cases)
        self.delays = DelayJudge(self.cases, rules)
        self.crossed = CrossedJudge(self.roster, self.cases)
        self.silence = SilenceJudge(self.roster, self.cases)
        self._replayed = replayed
        self._speakers: dict[tuple[int, int | None], int] = {}
        self._speaker: Small = np.zeros(0, np.int32)  # by feed index

    def seat(self, infos: Iterable[FeedInfo]) -> None:
        """Give each feed that has none a place, and its client a voice."""
        self.roster.seat(infos)
        for seat in self.roster.by_index[len(self._speaker) :]:
            self._speaker = np.append(self._speaker, np.int32(self._speaker_of(seat.info)))

    def has_moved(self, info: FeedInfo) -> bool:
        """The feed stands under another instrument here."""
        seat = self.roster.seats.get(info.feed_id)
        return seat is not None and seat.info.instrument_id != info.instrument_id

    def apply(self, rules: RuleBook) -> None:
        """Judge by these parameters from now on; close what is no longer judged."""
        self.roster.apply(rules)
        self.delays.apply(rules)
        for case in self.cases:
            instrument_id = case.subject.instrument_id
            if not rules.enabled(case.subject.rule, instrument_id):
                self._end(case, case.episode.at_us, "The rule was switched off.")

    def judge(self, records: Records, groups: Small, until_us: Integers) -> Points:
        """Judge `groups` (ascending) up to these moments, with their ticks in order of receipt."""
        ticks = self._ticks(records)
        rows = self.board.lay_out(ticks, groups, until_us)
        points = self.price.judge(rows, ticks)
        if self._replayed:
            self.silence.judge_holes(ticks)
        self.board.keep(ticks, rows, groups, until_us)
        return points

    def settle(self, groups: Small) -> None:
        """Once in a while: what follows from time that passed, whoever spoke or did not."""
        now_us = self.board.clock_us[groups]
        by_group = dict(zip(groups.tolist(), now_us.tolist(), strict=True))
        self.crossed.settle(groups, now_us)
        for number, moment_us in self._clocks_of_speakers(by_group).items():
            self.delays.settle(number, moment_us)
        if self._replayed:
            self.silence.settle(by_group)

    def restart(self, groups: Iterable[int], reason: str) -> None:
        """Another recording begins: nothing of the last one counts."""
        for group in groups:
            at_us = int(self.board.clock_us[group])
            for case in self.cases:
                if self._is_about(case, group):
                    self._end(case, at_us, reason)
            self.price.forget(group)
            self.crossed.forget(group)
            for seat in self.roster.groups[group].seats:
                self.delays.forget(int(self._speaker[seat.index]))
            self.board.clear(group)

    def remember(self) -> dict[str, Any]:
        """What must outlive the process, as JSON: cases, and clocks that are known to be off."""
        shifts = [
            [client_id, instrument_id, self.delays.speakers[number].shift_us]
            for (client_id, instrument_id), number in self._speakers.items()
            if self.delays.speakers[number].shift_us
        ]
        return {"cases": [case.as_dict() for case in self.cases], "shifts": shifts}

    def recall(self, memory: dict[str, Any]) -> None:
        """Go on from what `remember` gave, with the same feeds seated."""
        for client_id, instrument_id, shift_us in memory.get("shifts", []):
            if (client_id, instrument_id) in self._speakers:
                self.delays.restore(self._speakers[client_id, instrument_id], shift_us)
        for remembered in memory.get("cases", []):
            self._adopt(Case.from_dict(remembered))

    def restore(self, quotes: Iterable[LastQuote], clock_us: int) -> None:
        """The last quotes of seated feeds, judged up to `clock_us`."""
        for quote in quotes:
            seat = self.roster.seats.get(quote.feed_id)
            if seat is not None:
                max_age_us = int(self.roster.max_age_us[seat.group])
                self.board.place((seat.group, seat.slot), quote, max_age_us)
                self.board.clock_us[seat.group] = clock_us

    def quotes(self, group: int) -> list[LastQuote]:
        """The group's last quotes, as `restore` takes them."""
        board = self.board
        return [
            LastQuote(
                seat.info.feed_id,
                float(board.mids[group, seat.slot]),
                float(board.spreads[group, seat.slot]),
                int(board.received_us[group, seat.slot]),
                bool(board.fresh_until_us[group, seat.slot] != NEVER_US),
            )
            for seat in self.roster.groups[group].seats
            if board.received_us[group, seat.slot] != NEVER_US
        ]

    def signature(self) -> tuple[object, ...]:
        """Changes when, and only when, there is something new to `remember`."""
        speakers = enumerate(self.delays.speakers)
        shifts = tuple((number, each.shift_us) for number, each in speakers if each.shift_us)
        return shifts, tuple(case.signature for case in self.cases)

    def reconcile(self, still_open: Callable[[list[str]], set[str]]) -> None:
        """Let go of alerts that a person has resolved. All findings must have been recorded."""
        cases = [case for case in self.cases if case.episode.open]
        if not cases:
            return
        known = still_open([case.subject.fingerprint for case in cases])
        for case in cases:
            if case.subject.fingerprint not in known:
                case.episode.open = False
                if case.episode.idle:
                    self.cases.drop(case)
                    self.price.let_go(case)

    def _adopt(self, case: Case) -> None:
        subject = case.subject
        if subject.feed_id is not None:
            seat = self.roster.seats.get(subject.feed_id)
            if seat is None or seat.info.instrument_id != subject.instrument_id:
                return  # the feed was deleted, or is another instrument's now: see `moved`
        self.cases.put(case)
        if subject.rule == price.RULE:
            self.price.adopt(case)
        if subject.rule in (CLOCK, LATENCY):
            self.delays.watch(subject)

    def _ticks(self, records: Records) -> Ticks:
        source, received_us = records["source"], np.ascontiguousarray(records["received_us"])
        group, index = self.roster.group[source], self.roster.index[source]
        bid, ask = records["bid"], records["ask"]
        max_age_us = self.roster.max_age_us[group]
        delay_us = received_us - records["event_us"]
        in_time = self.delays.judge(self._speaker[index], received_us, delay_us, max_age_us)
        self.crossed.judge(index, received_us, (records["flags"] & CROSSED) != 0)
        return Ticks(
            group=group,
            slot=self.roster.slot[source],
            received_us=received_us,
            mid=(bid + ask) / 2,
            spread=ask - bid,
            fresh_until_us=np.where(in_time, received_us + max_age_us, NEVER_US),
        )

    def _speaker_of(self, info: FeedInfo) -> int:
        """A client speaks with one voice; in replay with one on each instrument's clock."""
        key = (info.client_id, info.instrument_id if self._replayed else None)
        if key not in self._speakers:
            self._speakers[key] = self.delays.add(Speaker(key[0], info.client_name, key[1]))
        return self._speakers[key]

    def _clocks_of_speakers(self, now_us: dict[int, int]) -> dict[int, int]:
        """By speaker: the latest moment that any of its feeds has been judged up to."""
        clocks: dict[int, int] = {}
        for group, moment_us in now_us.items():
            for seat in self.roster.groups[group].seats:
                number = int(self._speaker[seat.index])
                clocks[number] = max(clocks.get(number, NEVER_US), moment_us)
        return clocks

    def feeds_concerned(self, case: Case) -> list[int]:
        """The case's feed, or every feed that its client has on the clock in question."""
        return [
            seat.info.feed_id
            for seat in self.roster.by_index
            if seat.info.client_id == case.subject.client_id
            and (seat.info.feed_id == case.subject.feed_id or case.subject.feed_id is None)
            and self._is_about(case, seat.group)
        ]

    def _is_about(self, case: Case, group: int) -> bool:
        place = self.roster.groups[group]
        subject = case.subject
        if subject.feed_id is not None:
            return subject.instrument_id == place.instrument_id
        return subject == self.cases.subject(
            subject.rule, subject.client_id, None, place.instrument_id
        )

    def _end(self, case: Case, at_us: int, reason: str) -> None:
        describe = self._describe(case.subject.rule)
        parameters = self.roster.rules.get(RULES[case.subject.rule], case.subject.instrument_id)
        self.cases.report(case, case.episode.end(at_us), describe, parameters, reason)
        self.cases.drop(case)
        self.price.let_go(case)

    def _describe(self, rule: str) -> Describe:
        by_rule: dict[str, Describe] = {
            price.RULE: self.price.describe,
            CLOCK: self.delays.describe,
            LATENCY: self.delays.describe,
            crossing.RULE: self.crossed.describe,
            silence.RULE: self.silence.describe,
        }
        return by_rule[rule]
