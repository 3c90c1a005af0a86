"""A feed that an operator gives another instrument: compared there, and no longer where it was."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import redis
from django.db import transaction

from bridge_ingest.clock import now_us
from bridge_ingest.journal.layout import REPLAY, Records
from bridge_ingest.journal.reader import Entry
from bridge_ingest.models import Source
from fksbridge.pipeline import TickPipeline
from market import adopt, matching
from market.models import Feed
from tests.verification.test_verifier import SECOND_US, Terminal, together
from verification.models import Alert, AlertEvent, DeviationPoint, ReplayFrontier
from verification.moved import REASON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers look for moved feeds at once, so that no test must wait a second for it."""
    monkeypatch.setattr(matching, "_LOOK_EVERY_S", 0.0)
    adopt.forget()
    yield
    adopt.forget()


class Market:
    """Two terminals of which one writes the pair its own way, and the workers of two shards."""

    def __init__(self) -> None:
        self.oanda, self.fxcm = Terminal("OANDA"), Terminal("FXCM", "EURUSD.m")
        self.at_us = now_us() - 120 * SECOND_US
        self.pipelines = {shard: TickPipeline(shard) for shard in ("0", "1")}
        self.entries = 0

    def take(self, shard: str, *feeds: Records) -> None:
        self.entries += 1
        entry = Entry(f"{self.entries}-0".encode(), together(*feeds).tobytes())
        with transaction.atomic():
            self.pipelines[shard].process([entry])

    def trade(self, seconds: int, off: float = 0.0) -> None:
        """Both quote; FXCM stands off by so much."""
        ticks = [
            terminal.ticks(self.at_us, seconds, mid=1.1 + more)
            for terminal, more in ((self.oanda, 0.0), (self.fxcm, off))
        ]
        self.at_us += seconds * SECOND_US
        self.take("0", *ticks)

    def idle(self) -> None:
        for each in self.pipelines.values():
            with transaction.atomic():
                each.idle()

    @property
    def source(self) -> Source:
        return Source.objects.get(pk=self.fxcm.source.pk)


@pytest.fixture
def market() -> Market:
    return Market()


def open_alerts() -> list[tuple[str, str]]:
    rows = Alert.objects.filter(resolved_at=None).select_related("client")
    return [(row.rule, row.client.name) for row in rows]


def match(market: Market, target: str = "EURUSD") -> None:
    matching.match(market.source, target, actor=None, through="command", anyway=True)


def test_a_matched_feed_joins_the_consensus_while_it_trades(market: Market) -> None:
    market.trade(10)
    market.trade(5, off=0.0003)
    assert (open_alerts(), DeviationPoint.objects.count()) == ([], 0)
    match(market)
    market.trade(10)
    market.trade(5, off=0.0003)
    assert open_alerts() == [("deviation", "FXCM")]
    assert DeviationPoint.objects.values("feed").distinct().count() == 2


def test_what_was_about_the_old_instrument_ends_when_the_match_is_undone(market: Market) -> None:
    market.trade(1)
    match(market)
    market.trade(10)
    market.trade(5, off=0.0003)
    assert open_alerts() == [("deviation", "FXCM")]
    matching.undo(market.source, actor=None, through="command")
    market.idle()
    assert open_alerts() == []
    assert AlertEvent.objects.filter(kind="resolved", text=REASON).count() == 1
    market.trade(30, off=0.0003)
    market.idle()
    assert (open_alerts(), Alert.objects.count()) == ([], 1)


def test_a_feed_that_goes_to_another_shard_is_judged_there_alone(market: Market) -> None:
    """What was on its way in the old shard is stored, compared with nothing, missed by nobody."""
    Source.objects.filter(pk=market.oanda.source.pk).update(shard=1)
    adopt.forget()
    market.take("0", market.fxcm.ticks(market.at_us, 5))
    market.take("1", market.oanda.ticks(market.at_us, 5))
    match(market)
    assert market.source.shard == 1
    late, market.at_us = market.fxcm.ticks(market.at_us, 5), market.at_us + 5 * SECOND_US
    market.take("0", late)
    pair = [each.ticks(market.at_us, 10) for each in (market.oanda, market.fxcm)]
    market.take("1", *pair)
    market.idle()
    feeds = {
        shard: sorted(row[0] for row in each._verifier.picture()["feeds"])
        for shard, each in market.pipelines.items()
    }
    assert feeds == {"0": [], "1": sorted([market.oanda.source.pk, market.fxcm.source.pk])}
    state = Feed.objects.get(pk=market.fxcm.source.pk).state
    assert state.ticks == 20 + len(late) + 40
    points = DeviationPoint.objects.filter(feed=market.fxcm.source.pk)
    assert points.count() > 0
    assert open_alerts() == []


def test_a_recording_that_loses_a_feed_begins_anew_for_the_others(market: Market) -> None:
    market.trade(1)
    match(market)
    pair = [
        terminal.ticks(market.at_us, 30, flags=REPLAY) for terminal in (market.oanda, market.fxcm)
    ]
    market.take("0", *pair)
    assert ReplayFrontier.objects.count() == 1
    matching.undo(market.source, actor=None, through="command")
    alone = market.oanda.ticks(market.at_us + 30 * SECOND_US, 30, flags=REPLAY)
    market.take("0", alone)
    frontier = ReplayFrontier.objects.get()
    assert frontier.instrument.symbol == "EURUSD"
    assert np.unique(alone["source"]).tolist() == [market.oanda.source.pk]
