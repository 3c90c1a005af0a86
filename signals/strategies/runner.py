"""Runs what is switched on over each batch of journalled ticks, before the batch is stored.

A signal's id follows from the strategy, the feed and the moment of its tick: a batch that is read
again after a crash gives the same signal, which is then there already.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid5

import numpy as np
import structlog
from django.db import transaction

from bridge_ingest.clock import from_us, now_us
from bridge_ingest.journal.layout import Flag, Records
from bridge_ingest.models import Client
from signals import actions
from signals.models import Signal, StrategySetting
from signals.strategies.base import FeedTicks, Idea, ParameterError, Strategy
from signals.strategies.registry import STRATEGIES
from signals.targets import Target, receivers
from signals.ticket import Ticket, problems

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 1.0
_SIGNALS = UUID("6f1f1d0e-3c1b-4a6f-9f64-5b6c2f6b8f11")
_NOT_LIVE = int(Flag.REPLAY | Flag.BACKFILL)


class QuotedFeed(Protocol):
    """What a strategy must know of a feed; `market.feeds.FeedInfo` has it."""

    @property
    def symbol(self) -> str: ...
    @property
    def own_symbol(self) -> str: ...
    @property
    def client_id(self) -> int: ...
    @property
    def pip_size(self) -> float: ...
    @property
    def digits(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Switched:
    """A strategy that is on, with the parameters in force."""

    strategy: Strategy[Any, Any]
    parameters: Any


class Runner:
    """One worker's strategies and their memories; rebuilt empty when the worker starts."""

    def __init__(self) -> None:
        self._switched: list[Switched] = []
        self._asked_at = -_LOOK_EVERY_S
        self._memories: dict[tuple[str, int], Any] = {}
        self._receivers: dict[int, Client] = {}
        self._began_us = now_us()

    def begin(self) -> None:
        """What was received until now may be seen again, and its signals may have been placed."""
        self._began_us = now_us()

    def is_on(self) -> bool:
        return bool(self._switches())

    def observe(self, batch: Records, feeds: Mapping[int, QuotedFeed]) -> list[Signal]:
        """Place the signals that a batch gives, in the caller's transaction.

        Recorded and backfilled ticks never make a signal. Costs nothing while all is switched off,
        but for one small query a second.
        """
        switched = self._switches()
        live = batch[(batch["flags"] & _NOT_LIVE) == 0] if switched else batch[:0]
        if not len(live):
            return []
        signals: list[Signal] = []
        learned: dict[tuple[str, int], Any] = {}
        for feed_id, ticks in _by_feed(live, feeds):
            for each in switched:
                key = (each.strategy.name, feed_id)
                memory = self._memories.get(key)
                ideas, learned[key] = each.strategy.observe(ticks, each.parameters, memory)
                feed = feeds[feed_id]
                signals += [s for idea in ideas if (s := self._place(each, feed_id, feed, idea))]
        transaction.on_commit(lambda: self._memories.update(learned))
        return signals

    def _switches(self) -> list[Switched]:
        """What is on. Asked for at most once a second, with who can be sent a signal: so that a
        signal itself waits for neither."""
        now = time.monotonic()
        if now - self._asked_at >= _LOOK_EVERY_S:
            self._asked_at = now
            rows = StrategySetting.objects.filter(enabled=True, name__in=STRATEGIES)
            self._switched = [switched for row in rows for switched in _switch(row)]
            here = receivers() if self._switched else []
            self._receivers = {client.pk: client for client in here}
        return self._switched

    def _place(
        self, switched: Switched, feed_id: int, feed: QuotedFeed, idea: Idea
    ) -> Signal | None:
        """Queue the idea for the terminal whose feed gave it. Draws only, never executes."""
        name = switched.strategy.name
        signal_id = uuid5(_SIGNALS, f"{name} {feed_id} {idea.at_us}")
        # What came later nobody has seen before; asking would cost a signal 1.5 ms of its way.
        if idea.at_us <= self._began_us and Signal.objects.filter(pk=signal_id).exists():
            return None
        ticket = _ticket(feed.symbol, idea)
        # After an outage ticks may be old: then the moment is gone, and the ticket has expired.
        wrong = problems(ticket, from_us(now_us()))
        client = self._receivers.get(feed.client_id)
        if wrong or client is None:
            reason = " ".join(wrong.values()) or "the client can't receive signals"
            log.info("strategy_idea_dropped", strategy=name, feed=feed_id, reason=reason)
            return None
        return actions.place(
            ticket, [Target(client, feed.own_symbol)], actor=None, source="automatic", origin=name,
            signal_id=signal_id,
        ).signal  # fmt: skip


def _ticket(symbol: str, idea: Idea) -> Ticket:
    return Ticket(
        symbol=symbol, action=idea.action, entry=idea.entry, stop_loss=idea.stop_loss,
        take_profit=idea.take_profit, confidence=idea.confidence, note=idea.note,
        expires_at=from_us(idea.at_us + int(idea.lifetime_s * 1e6)), execute=False,
    )  # fmt: skip


def _switch(row: StrategySetting) -> Iterator[Switched]:
    strategy = STRATEGIES[row.name]
    try:
        yield Switched(strategy, strategy.parameters.read(row.parameters))
    except ParameterError as error:  # written by another version, or by hand
        log.warning("strategy_parameters_refused", strategy=row.name, reason=str(error))


def _by_feed(batch: Records, feeds: Mapping[int, QuotedFeed]) -> Iterator[tuple[int, FeedTicks]]:
    """Each feed's ticks, in order of arrival."""
    order = np.argsort(batch["source"], kind="stable")
    ids, starts = np.unique(batch["source"][order], return_index=True)
    for feed_id, rows in zip(ids.tolist(), np.split(order, starts[1:]), strict=True):
        feed = feeds.get(feed_id)
        if feed is not None:
            ticks = batch[rows]
            yield (
                feed_id,
                FeedTicks(
                    feed.pip_size, feed.digits, ticks["received_us"], ticks["bid"], ticks["ask"]
                ),
            )


_runner = Runner()


def begin() -> None:
    """This worker's runner; see `Runner.begin`."""
    _runner.begin()


def is_on() -> bool:
    """Whether any strategy is switched on; asked of PostgreSQL once a second."""
    return _runner.is_on()


def observe(batch: Records, feeds: Mapping[int, QuotedFeed]) -> list[Signal]:
    """This worker's runner; see `Runner.observe`."""
    return _runner.observe(batch, feeds)
