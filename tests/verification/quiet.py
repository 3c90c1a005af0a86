"""Feeds and judges without a database, for rules in their pure form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from bridge_ingest.journal.layout import RECORD, Records
from market.feeds import FeedInfo
from verification.checks.episode import Began, Closed, Ended, Opened
from verification.findings import Finding, Points
from verification.judge import Judge
from verification.parameters import RuleBook, Setting


def feed(number: int, instrument: int = 1, client: int | None = None, kind: str = "fx") -> FeedInfo:
    """Feed `number` of client `number` (or `client`), quoting an instrument in pips of 0.0001."""
    owner = number if client is None else client
    return FeedInfo(
        number,
        instrument,
        f"PAIR{instrument}",
        f"PAIR{instrument}",
        owner,
        f"BROKER{owner}",
        kind,
        0.0001,
        5,
        "24x7",
        0,
    )


def rules(**by_rule: dict[str, Any]) -> RuleBook:
    return RuleBook(Setting(rule, None, True, given) for rule, given in by_rule.items())


class Bench:
    """One judge, fed with batches; `until` moves all its groups."""

    def __init__(
        self, feeds: Iterable[FeedInfo], book: RuleBook | None = None, *, replayed: bool = False
    ) -> None:
        self.judge = Judge(0, book or RuleBook(), replayed=replayed)
        self.judge.seat(feeds)
        self.points: list[Points] = []
        self.found: list[Finding] = []

    def take(self, batch: Records, until_us: int | None = None) -> list[Finding]:
        end_us = int(batch["received_us"][-1]) if until_us is None else until_us
        groups = np.arange(self.judge.board.groups, dtype=np.int32)
        self.points.append(self.judge.judge(batch, groups, np.full(len(groups), end_us)))
        self.judge.settle(groups)
        new = self.judge.cases.take()
        self.found += new
        return new

    def wait(self, until_us: int) -> list[Finding]:
        return self.take(np.zeros(0, RECORD), until_us)

    @property
    def changes(self) -> list[tuple[str, int | None, Any]]:
        """(rule, feed, change) of everything but mere progress, by moment of finding."""
        kinds = (Opened, Began, Ended, Closed)
        return [
            (each.subject.rule, each.subject.feed_id, each.change)
            for each in self.found
            if isinstance(each.change, kinds)
        ]

    @property
    def opened(self) -> list[Finding]:
        return [each for each in self.found if isinstance(each.change, Opened)]

    @property
    def closed(self) -> list[Finding]:
        return [each for each in self.found if isinstance(each.change, Closed)]
