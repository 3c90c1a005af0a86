"""Every change to signals and strategies: one transaction, one audit entry, the rest on commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import actions as audit
from bridge_ingest.models import Client
from signals import delivery, rows
from signals.models import Delivery, Signal, StrategySetting
from signals.strategies import registry
from signals.targets import Target, Turned, choose, find_instrument, market_price, receivers
from signals.ticket import Ticket, TicketAction, TicketRefused, problems

MANUAL = "manual"


class SignalClosed(Exception):
    """The signal has expired already, so there is nothing left to stop."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a ticket: the signal, and the clients that it could not go to."""

    signal: Signal
    deliveries: list[Delivery]
    turned: list[Turned] = field(default_factory=list)


def push(
    *,
    symbol: str,
    action: TicketAction,
    clients: Iterable[Client] | Literal["all"],
    expires_at: datetime,
    actor: User | None,
    source: str,
    entry: float | None = None,
    stop_loss: float | None = None,
    take_profit: float | None = None,
    confidence: float | None = None,
    note: str = "",
    execute: bool = False,
    signal_id: UUID | None = None,
) -> Pushed:
    """Check a ticket as a desk would and queue it for each client that can receive it.

    A client that can't is reported in `turned`; the others get theirs. Given a `signal_id`, a
    second push of the same ticket returns what the first one made.
    Raises TicketRefused when a field is wrong or when no client is left.
    """
    repeated = _pushed_before(signal_id)
    if repeated:
        return repeated
    ticket = Ticket(
        symbol=symbol.strip(), action=action, expires_at=expires_at, entry=entry,
        stop_loss=stop_loss, take_profit=take_profit, confidence=confidence, note=note.strip(),
        execute=execute,
    )  # fmt: skip
    ticket, targets, turned = _examine(ticket, receivers() if clients == "all" else clients)
    try:
        with transaction.atomic():
            placed = place(ticket, targets, actor=actor, source=source, signal_id=signal_id)
    except IntegrityError:  # the same ticket, pushed twice at the same moment
        repeated = _pushed_before(signal_id)
        if repeated is None:
            raise
        return repeated
    return Pushed(placed.signal, placed.deliveries, turned)


def place(
    ticket: Ticket,
    targets: list[Target],
    *,
    actor: User | None,
    source: str,
    origin: str = MANUAL,
    signal_id: UUID | None = None,
) -> Pushed:
    """Store a checked ticket and queue it, in one transaction (the caller's, if it has one)."""
    now = timezone.now()
    # No savepoint: a strategy's signal would wait for two more answers of PostgreSQL.
    with transaction.atomic(savepoint=False):
        signal = Signal(
            id=signal_id or uuid4(), symbol=ticket.symbol, action=ticket.action,
            entry=ticket.entry, stop_loss=ticket.stop_loss, take_profit=ticket.take_profit,
            confidence=ticket.confidence, note=ticket.note, source=origin, execute=ticket.execute,
            created_at=now, created_by=actor, expires_at=ticket.expires_at,
        )  # fmt: skip
        deliveries = [
            Delivery(
                signal=signal,
                client=each.client,
                symbol=each.symbol,
                changed_at=now,
                execute=ticket.execute,
            )
            for each in targets
        ]
        rows.store(signal, deliveries)
        after = _facts(signal) | {"clients": [target.client.name for target in targets]}
        audit.record(actor=actor, action="signal.push", object=signal, after=after, source=source)
        delivery.hand_over(deliveries)
    return Pushed(signal, deliveries)


def cancel(*, signal: Signal, actor: User | None, source: str) -> list[Delivery]:
    """Let a signal expire now and return the deliveries that this stopped.

    A terminal that has it already can't be made to forget it: the protocol has no recall.
    Raises SignalClosed when it has expired before.
    """
    now = timezone.now()
    with transaction.atomic():
        locked = Signal.objects.select_for_update().get(pk=signal.pk)
        if locked.expires_at <= now:
            raise SignalClosed(f"It expired at {locked.expires_at:%H:%M:%S} UTC already.")
        before = {"expires_at": locked.expires_at}
        Signal.objects.filter(pk=signal.pk).update(expires_at=now)
        name = actor.get_username() if actor else "the command line"
        stopped = delivery.expire(now, signal=locked, detail=f"expired early by {name}")
        audit.record(
            actor=actor, action="signal.expire", object=locked, before=before,
            after={"expires_at": now}, source=source,
        )  # fmt: skip
    signal.expires_at = now
    return stopped


def set_strategy(
    *, name: str, enabled: bool, parameters: dict[str, Any], actor: User | None, source: str
) -> StrategySetting:
    """Switch a built-in strategy on or off and set its parameters; workers follow within 1 s.

    Raises KeyError for a strategy that does not exist, ParameterError for a wrong parameter.
    """
    checked = registry.parameters_of(name, parameters)
    now = timezone.now()
    with transaction.atomic():
        row, _ = StrategySetting.objects.select_for_update().get_or_create(
            name=name, defaults={"updated_at": now}
        )
        before = {"enabled": row.enabled, "parameters": row.parameters}
        row.enabled, row.parameters, row.updated_at = enabled, checked, now
        row.save()
        after = {"enabled": enabled, "parameters": checked}
        audit.record(
            actor=actor, action="strategy.set", object=row, before=before, after=after,
            source=source,
        )  # fmt: skip
    return row


def _examine(
    ticket: Ticket, clients: Iterable[Client]
) -> tuple[Ticket, list[Target], list[Turned]]:
    """The ticket under its canonical symbol, and where it goes. Raises TicketRefused."""
    instrument = find_instrument(ticket.symbol)
    price = market_price(instrument) if instrument else None
    wrong = problems(ticket, timezone.now(), price)
    targets, turned = choose(ticket.symbol, instrument, clients)
    if not targets:
        wrong["clients"] = _nobody(turned)
    if wrong:
        raise TicketRefused(wrong)
    return (replace(ticket, symbol=instrument.symbol) if instrument else ticket), targets, turned


def _nobody(turned: list[Turned]) -> str:
    if not turned:
        return "Choose at least one client that can receive signals."
    return " ".join(f"{each.client.name}: {each.reason}" for each in turned)


def _pushed_before(signal_id: UUID | None) -> Pushed | None:
    signal = Signal.objects.filter(pk=signal_id).first() if signal_id else None
    if signal is None:
        return None
    return Pushed(signal, list(signal.deliveries.select_related("client")))


def _facts(signal: Signal) -> dict[str, Any]:
    """What the audit log keeps of a signal: what was set, nothing empty."""
    fields = ("symbol", "action", "entry", "stop_loss", "take_profit", "confidence", "note")
    given = {
        name: getattr(signal, name) for name in fields if getattr(signal, name) not in (None, "")
    }
    return given | {
        "source": signal.source, "execute": signal.execute, "expires_at": signal.expires_at
    }  # fmt: skip
