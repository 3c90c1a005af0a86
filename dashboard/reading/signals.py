"""Signals as the pages show them: what was asked, and how far it has got at each terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from bridge_ingest.models import Client, Session
from dashboard.formatting import lasting_text
from dashboard.states import ACT, CLOSED, VERIFIED
from market.models import Instrument
from signals.models import Delivery, DeliveryState, DeliveryStep, Signal, StrategySetting
from signals.strategies.base import Strategy
from signals.strategies.registry import STRATEGIES

WAY = (DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.RECEIVED, DeliveryState.SHOWN)
"""The steps that every delivery passes when all goes well; execution is the last where asked."""

_SHAPES = {
    DeliveryState.SHOWN: VERIFIED,
    DeliveryState.EXECUTED: VERIFIED,
    DeliveryState.REJECTED: ACT,
    DeliveryState.EXPIRED: CLOSED,
}


def shape_of(state: DeliveryState) -> str:
    return _SHAPES.get(state, "signal")


@dataclass(frozen=True)
class Stop:
    """One station of a delivery's way; `at` is None while it has not been reached."""

    word: str
    at: datetime | None
    passed: bool


@dataclass(frozen=True)
class DeliveryView:
    delivery: Delivery
    signal: Signal

    @property
    def shape(self) -> str:
        return shape_of(DeliveryState(self.delivery.state))

    @property
    def word(self) -> str:
        return str(DeliveryState(self.delivery.state).label).lower()

    @cached_property
    def steps(self) -> list[DeliveryStep]:
        return sorted(self.delivery.steps.all(), key=lambda step: step.pk)

    @property
    def stops(self) -> list[Stop]:
        """The whole way, what lies ahead included; an end off it (rejected, expired) comes last."""
        reached = {step.state: step.at for step in self.steps}
        way = [*WAY, DeliveryState.EXECUTED] if self.signal.execute else list(WAY)
        ended = [state for state in reached if state not in way]
        furthest = max((way.index(state) for state in way if state in reached), default=0)
        if ended:
            way = [*way[: furthest + 1], *(DeliveryState(state) for state in ended)]
        return [
            Stop(
                str(state.label).lower(),
                reached.get(state),
                state in reached or index < furthest,
            )
            for index, state in enumerate(way)
        ]

    @property
    def took_s(self) -> float | None:
        """From the push to the terminal's first word."""
        answered = [step.at for step in self.steps if DeliveryState(step.state).rank > 1]
        if not answered or self.delivery.state == DeliveryState.EXPIRED:
            return None
        return (answered[0] - self.signal.created_at).total_seconds()


@dataclass(frozen=True)
class SignalView:
    signal: Signal
    now: datetime

    @cached_property
    def deliveries(self) -> list[DeliveryView]:
        rows = sorted(self.signal.deliveries.all(), key=lambda row: row.client.name)
        return [DeliveryView(row, self.signal) for row in rows]

    @property
    def is_open(self) -> bool:
        """Something may still happen, so it can still be stopped."""
        return self.signal.expires_at > self.now and any(
            each.delivery.state in WAY for each in self.deliveries
        )

    @property
    def expired(self) -> bool:
        return self.signal.expires_at <= self.now

    @property
    def lived(self) -> str:
        return lasting_text((self.signal.expires_at - self.signal.created_at).total_seconds())

    @property
    def by(self) -> str:
        if self.signal.created_by:
            return str(self.signal.created_by.get_username())
        strategy = STRATEGIES.get(self.signal.source)
        return strategy.title if strategy else "command line"


@dataclass(frozen=True)
class StrategyView:
    strategy: Strategy[Any, Any]
    setting: StrategySetting | None

    @property
    def enabled(self) -> bool:
        return self.setting is not None and self.setting.enabled


def signals(text: str, state: str, source: str) -> QuerySet[Signal]:
    """Newest first, with all that `SignalView` needs in a fixed number of queries."""
    rows = Signal.objects.select_related("created_by").prefetch_related(
        "deliveries__client", "deliveries__steps"
    )
    if text:
        rows = rows.filter(
            Q(symbol__icontains=text)
            | Q(note__icontains=text)
            | Q(pk__in=Delivery.objects.filter(client__name__icontains=text).values("signal"))
        )
    if state:
        rows = rows.filter(pk__in=Delivery.objects.filter(state=state).values("signal"))
    if source:
        strategies = list(STRATEGIES)
        rows = rows.filter(source=source) if source in strategies else rows.exclude(
            source__in=strategies
        )  # fmt: skip
    return rows.order_by("-created_at", "pk")


def views(rows: Iterable[Signal]) -> list[SignalView]:
    now = timezone.now()
    return [SignalView(row, now) for row in rows]


def strategies() -> list[StrategyView]:
    settings = {row.name: row for row in StrategySetting.objects.all()}
    return [StrategyView(each, settings.get(name)) for name, each in STRATEGIES.items()]


def pip_sizes() -> dict[str, float]:
    return dict(Instrument.objects.values_list("symbol", "pip_size"))


def connected(clients: Iterable[Client]) -> set[int]:
    """Of these clients, who would get a signal at once."""
    ids = [client.pk for client in clients]
    rows = Session.objects.filter(client__in=ids, closed_at=None)
    return set(rows.values_list("client_id", flat=True))
