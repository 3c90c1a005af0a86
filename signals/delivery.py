"""A delivery's way to the terminal and back: hand-over, the terminal's word, expiry, repair.

States only move to a higher rank, whatever order the reports come in; a repeated report changes
nothing. Every step is a row. Rows in PostgreSQL are the truth; the outbox in Redis is what the
gateways send from, and is filled again from the rows when it has lost something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import redis
import structlog
from django.db import transaction
from django.db.models import Q

from bridge_ingest import live, outbox
from bridge_ingest.clock import from_us, to_us
from bridge_ingest.events import Event, handler
from bridge_ingest.rows import change
from signals.models import UNDER_WAY, Delivery, DeliveryState, DeliveryStep, Signal

log = structlog.get_logger(__name__)

# Until it is that old, a delivery missing from the outbox may just be on its way in, or out.
_PATIENCE = {DeliveryState.QUEUED: timedelta(seconds=2), DeliveryState.SENT: timedelta(seconds=10)}
_REPAIRED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Report:
    """What a gateway or a terminal says about one signal at one client."""

    signal_id: UUID
    client_id: int
    state: DeliveryState
    at: datetime
    detail: str = ""
    ticket: str = ""
    price: float | None = None


def hand_over(deliveries: list[Delivery]) -> None:
    """Put fresh deliveries where the gateways send from, once the caller's transaction commits."""
    transaction.on_commit(partial(_put_all, deliveries))
    for delivery in deliveries:
        _tell_pages(delivery)


def message(delivery: Delivery) -> dict[str, Any]:
    """The `signal` line as the terminal gets it; what was not given is left out."""
    signal = delivery.signal
    optional = {
        "entry": signal.entry,
        "stop_loss": signal.stop_loss,
        "take_profit": signal.take_profit,
        "confidence": signal.confidence,
        "note": signal.note or None,
    }
    return {
        "type": "signal",
        "id": str(signal.pk),
        "symbol": delivery.symbol,
        "action": signal.action,
        **{name: value for name, value in optional.items() if value is not None},
        "source": signal.source,
        "expires_ms": expires_ms(signal),
        "execute": signal.execute,
    }


def expires_ms(signal: Signal) -> int:
    return to_us(signal.expires_at) // 1000


@handler("signal_sent")
def note_sent(events: list[Event]) -> None:
    """A gateway has written the signal to a terminal's connection."""
    apply([report for event in events for report in _read(event, DeliveryState.SENT)])


@handler("signal_ack")
def note_acknowledged(events: list[Event]) -> None:
    """A terminal says how far it has got with a signal."""
    apply([report for event in events for report in _read(event, event["state"])])


def apply(reports: list[Report]) -> None:
    """Move each delivery as far as its reports say, in their order; in the caller's transaction."""
    deliveries = _lock(reports)
    moved: dict[int, Delivery] = {}
    steps: list[DeliveryStep] = []
    for report in reports:
        delivery = deliveries.get((report.signal_id, report.client_id))
        if delivery is None:
            _log_unknown(report.signal_id, report.client_id, report.state)
        elif report.state.rank > DeliveryState(delivery.state).rank:
            steps.append(_step(delivery, report))
            moved[delivery.pk] = delivery
    _store(list(moved.values()), steps)


def expire(now: datetime, *, signal: Signal | None = None, detail: str = "") -> list[Delivery]:
    """Close what is still under way though its signal has expired, and return it.

    A drawing that has been shown has reached its end: only an order still to be executed expires.
    With a `signal`, waits for reports on its rows; without, passes over rows that a report is just
    moving, since the timer looks again within a second.
    """
    of = {"signal": signal} if signal else {}
    rows = Delivery.objects.filter(UNDER_WAY, signal__expires_at__lte=now, **of)
    with transaction.atomic():
        # Claimed before they are moved, so two timers at once never make two steps of one.
        claimed = list(
            rows.select_for_update(of=("self",), skip_locked=signal is None).order_by("pk")
        )
        steps = [
            _step(each, Report(each.signal_id, each.client_id, DeliveryState.EXPIRED, now, detail))
            for each in claimed
        ]
        _store(claimed, steps)
        transaction.on_commit(partial(_drop_all, claimed))
    return claimed


def repair(now: datetime) -> int:
    """Put back what the outbox should hold and does not, for instance after Redis was down.

    Returns how many were put back. Raises redis.RedisError while Redis is still away.
    """
    missing = [
        delivery
        for delivery in _under_way(now)
        if not outbox.holds(delivery.client_id, str(delivery.signal_id))
    ]
    for delivery in missing:
        _put(delivery)
    if missing:
        log.info("signal_outbox_repaired", deliveries=len(missing))
    return len(missing)


def _read(event: Event, state: str) -> Iterator[Report]:
    """The report in an event. An id or state that is none of ours is logged and passed over."""
    try:
        signal_id, reached = UUID(event["id"]), DeliveryState(state)
    except ValueError:
        _log_unknown(event["id"], event["client"], state)
        return
    yield Report(
        signal_id,
        event["client"],
        reached,
        from_us(event["received_us"]),
        event.get("detail", ""),
        event.get("ticket", ""),
        event.get("price"),
    )


def _log_unknown(signal_id: object, client_id: int, state: str) -> None:
    log.warning("signal_report_unknown", signal=str(signal_id), client=client_id, state=str(state))


def _lock(reports: list[Report]) -> dict[tuple[UUID, int], Delivery]:
    """The deliveries that the reports speak of, locked in one order everywhere."""
    rows = Delivery.objects.select_for_update().filter(
        signal__in={report.signal_id for report in reports},
        client__in={report.client_id for report in reports},
    )
    return {(row.signal_id, row.client_id): row for row in rows.order_by("pk")}


def _step(delivery: Delivery, report: Report) -> DeliveryStep:
    """Move the delivery in memory and return the step to store."""
    delivery.state, delivery.changed_at = report.state, report.at
    delivery.detail = report.detail[:300]
    delivery.ticket = report.ticket[:64] or delivery.ticket
    delivery.price = report.price if report.price is not None else delivery.price
    return DeliveryStep(delivery=delivery, state=report.state, at=report.at, detail=delivery.detail)


def _store(moved: list[Delivery], steps: list[DeliveryStep]) -> None:
    change(moved, ["state", "changed_at", "detail", "ticket", "price"])
    DeliveryStep.objects.bulk_create(steps)
    for delivery in moved:
        _tell_pages(delivery)


def _tell_pages(delivery: Delivery) -> None:
    live.publish_event(
        {
            "kind": "signal",
            "id": str(delivery.signal_id),
            "client": delivery.client_id,
            "state": str(delivery.state),
        }
    )


def _under_way(now: datetime) -> Iterator[Delivery]:
    waiting = Q()
    for state, patience in _PATIENCE.items():
        waiting |= Q(state=state, changed_at__lt=now - patience)
    rows = Delivery.objects.filter(waiting, signal__expires_at__gt=now).select_related("signal")
    yield from rows.order_by("pk")[:_REPAIRED_AT_ONCE]


def _put(delivery: Delivery) -> None:
    signal = delivery.signal
    outbox.put(delivery.client_id, str(signal.pk), message(delivery), expires_ms(signal))


def _put_all(deliveries: Iterable[Delivery]) -> None:
    """A Redis that is down now is no reason to fail: the rows are stored, `repair` catches up."""
    try:
        for delivery in deliveries:
            _put(delivery)
    except redis.RedisError as error:
        log.warning("signal_outbox_put_failed", error=str(error))


def _drop_all(deliveries: Iterable[Delivery]) -> None:
    """Gateways drop what has expired by themselves too, so a failure here costs nothing."""
    try:
        for delivery in deliveries:
            outbox.drop(delivery.client_id, str(delivery.signal_id))
    except redis.RedisError as error:
        log.warning("signal_outbox_drop_failed", error=str(error))
