"""What the engine reads from PostgreSQL: rules, feeds, and what it knew before a restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from bridge_ingest.clock import to_us
from bridge_ingest.models import Session
from market import adopt
from market.feeds import FeedInfo
from market.models import Feed, FeedState
from verification.board import NEVER_US, LastQuote
from verification.checks.clock import nearest_shift
from verification.checks.mute import Connection
from verification.models import Alert, ReplayFrontier, RuleSetting, VerifierMemory
from verification.moved import has_left
from verification.parameters import SECOND_US, ParameterError, RuleBook, Setting
from verification.replay import Alignment
from verification.stored import held_ticks

log = structlog.get_logger(__name__)

LATE_US = 5 * SECOND_US
"""A last quote that took longer to arrive, but for a whole shift of its clock, isn't compared."""


def settings() -> tuple[Setting, ...]:
    """The rows of RuleSetting that rules can read. One that they can't (written past the actions)
    must not stop ticks from being stored: it is logged, and the rule goes on without it."""
    read = []
    for row in RuleSetting.objects.order_by("pk"):
        setting = Setting(row.rule, row.instrument_id, row.enabled, row.parameters)
        try:
            RuleBook([setting])
        except ParameterError as error:
            log.error("rule_setting_unreadable", setting=row.pk, error=str(error))
        else:
            read.append(setting)
    return tuple(read)


def open_fingerprints(fingerprints: Iterable[str]) -> set[str]:
    """Those of them that have an open alert."""
    chosen = Alert.objects.filter(resolved_at=None, fingerprint__in=list(fingerprints))
    return set(chosen.values_list("fingerprint", flat=True))


def connections(client_ids: set[int]) -> dict[int, Connection]:
    """Each client's open live session; of several, the one that has been open for longest."""
    rows = Session.objects.filter(client_id__in=client_ids, closed_at=None, mode="live")
    found: dict[int, Connection] = {}
    for row in rows.order_by("-opened_at"):
        found[row.client_id] = Connection(
            opened_us=to_us(row.opened_at),
            heard_us=to_us(row.last_seen_at),
            market_open=row.status.get("market_open"),
            broker_connected=row.status.get("broker_connected"),
        )
    return found


def feeds_of(shard: int) -> dict[int, FeedInfo]:
    """Every feed of the shard, by id."""
    ids = Feed.objects.filter(source__shard=shard).values_list("pk", flat=True)
    return adopt.feeds_of(dict.fromkeys(ids, ()))


def live_quotes(shard: int) -> list[LastQuote]:
    """The last live tick of each of the shard's feeds, as the store keeps it."""
    rows = FeedState.objects.filter(feed__source__shard=shard, replayed=False)
    return [_last_quote(row) for row in rows]


def _last_quote(row: FeedState) -> LastQuote:
    received_us = to_us(row.received_at)
    delay_us = received_us - to_us(row.event_time)
    late = delay_us - nearest_shift(delay_us) > LATE_US
    return LastQuote(row.pk, (row.bid + row.ask) / 2, row.ask - row.bid, received_us, not late)


def recall(shard: int) -> dict[str, Any]:
    """What `remember` kept."""
    row = VerifierMemory.objects.filter(pk=shard).first()
    return dict(row.memory) if row else {}


@dataclass(frozen=True)
class Replay:
    """One instrument's replay as it stood: its alignment, and its quotes as of the frontier."""

    instrument_id: int
    alignment: Alignment
    quotes: list[LastQuote]


def replays(shard: int) -> list[Replay]:
    """The shard's replays, with the ticks that wait."""
    feeds = Feed.objects.filter(source__shard=shard)
    rows = ReplayFrontier.objects.filter(instrument__feeds__in=feeds).distinct().order_by("pk")
    found = [_replay(row) for row in rows]
    # A recording of which a feed has gone to another instrument begins anew for what is left of it.
    left = [each for each in found if has_left(each.instrument_id, each.alignment.feeds)]
    ReplayFrontier.objects.filter(instrument__in=[each.instrument_id for each in left]).delete()
    return [each for each in found if each not in left]


def _replay(row: ReplayFrontier) -> Replay:
    frontier_us = to_us(row.received_at) if row.received_at else NEVER_US
    alignment = Alignment.restored(row.state, frontier_us)
    for feed_id, held in alignment.missing(row.state):
        alignment.take_back(held_ticks(feed_id, held))
    quotes = [LastQuote(*quote) for quote in row.state["quotes"]]
    return Replay(row.instrument_id, alignment, quotes)
