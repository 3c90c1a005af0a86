"""Alerts on what is counted in a client's events: one per client while they keep coming."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bridge_ingest.clock import from_us
from bridge_ingest.events import Event
from bridge_ingest.live import publish_event
from bridge_ingest.models import Client
from verification import recorder
from verification.checks.episode import Began, Closed, Ended, Opened
from verification.findings import Change, Finding, Findings, Points, Subject
from verification.models import Alert


@dataclass(frozen=True)
class Count:
    """What a client's new events come to, and what its alert says then. Figures are in `unit`."""

    new: float
    of_episode: float
    unit: str
    severity: str
    title: str
    facts: dict[str, Any]


Judge = Callable[[Client, list[Event], dict[str, Any] | None], Count | None]
"""A client, its new events and the facts of its open alert; None when they are worth no alert."""


def record(rule: str, events: list[Event], judge: Judge) -> None:
    """Open the clients' alerts, or count one more excursion in those that are open."""
    by_client: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        by_client[event["client"]].append(event)
    changes: list[Finding] = []
    for client in Client.objects.filter(pk__in=by_client).order_by("pk"):
        changes += _findings(rule, client, by_client[client.pk], judge)
    for event in recorder.apply(Findings(shard=0, points=Points.join([]), changes=changes)):
        publish_event(event)


def closings(rule: str, now_us: int, close_after_s: float, reason: str) -> list[Finding]:
    """Open alerts in which nothing more was counted for long enough."""
    before = from_us(now_us) - timedelta(seconds=close_after_s)
    rows = Alert.objects.filter(rule=rule, resolved_at=None, condition_ended_at__lt=before)
    return [
        Finding(
            subject=_subject(rule, alert.client_id),
            change=Closed(now_us, forgotten=False),
            value=alert.value,
            worst=alert.worst,
            unit=alert.unit,
            severity=alert.severity,
            title=alert.title,
            facts=alert.facts,
            reason=reason,
        )
        for alert in rows
    ]


def _findings(rule: str, client: Client, events: list[Event], judge: Judge) -> list[Finding]:
    subject = _subject(rule, client.pk)
    alert = Alert.objects.filter(fingerprint=subject.fingerprint, resolved_at=None).first()
    count = judge(client, events, alert.facts if alert else None)
    if count is None:
        return []
    moments = [int(event["received_us"]) for event in events]
    first_us, last_us = min(moments), max(moments)
    began: Change = Began(first_us) if alert else Opened(last_us, first_us)
    return [
        Finding(
            subject=subject,
            change=change,
            value=count.new,
            worst=count.of_episode,
            unit=count.unit,
            severity=count.severity,
            title=count.title,
            facts=count.facts,
        )
        for change in (began, Ended(first_us, last_us, count.new))
    ]


def _subject(rule: str, client: int) -> Subject:
    return Subject(rule, client, None, None, replayed=False, holder="events")
