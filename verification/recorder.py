"""Findings become rows: alerts with their timelines, excursions, grid points, frontiers, memory.

Everything in the caller's transaction, which also stores the ticks that it follows from.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from bridge_ingest.clock import from_us
from market import wire
from verification.board import NEVER_US
from verification.checks.episode import Began, Closed, Ended, Opened
from verification.findings import ACT, Finding, Findings, Frontier, Points
from verification.models import (
    Alert,
    AlertEvent,
    Discrepancy,
    ReplayFrontier,
    Silence,
    VerifierMemory,
)

LiveEvent = dict[str, Any]

_POINTS = """
INSERT INTO verification_deviationpoint AS p (feed_id, second, deviation, consensus, peers)
SELECT * FROM unnest(%s, %s, %s, %s, %s)
ON CONFLICT (feed_id, second) DO UPDATE SET
    deviation = excluded.deviation, consensus = excluded.consensus, peers = excluded.peers
"""


def apply(findings: Findings) -> list[LiveEvent]:
    """Write findings down; returns what browsers are to hear once the transaction commits."""
    _write_points(findings.points)
    _write_frontiers(findings.frontiers)
    if findings.memory is not None:
        row = VerifierMemory(shard=findings.shard, memory=findings.memory)
        VerifierMemory.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["shard"], update_fields=["memory"]
        )
    return _Alerts(findings.changes).write()


def _write_points(points: Points) -> None:
    """A recording that is replayed again writes its seconds again."""
    if not len(points):
        return
    columns = [
        wire.Int4Array(points.feed_id),
        wire.TimestampArray(points.second * 1_000_000),
        wire.Float8Array(points.deviation),
        wire.Float8Array(points.consensus),
        wire.Int2Array(points.peers),
    ]
    with wire.column_cursor() as cursor:
        cursor.execute(_POINTS, columns)


def _write_frontiers(frontiers: list[Frontier]) -> None:
    rows = [
        ReplayFrontier(
            instrument_id=frontier.instrument_id,
            received_at=(
                None if frontier.received_us == NEVER_US else from_us(frontier.received_us)
            ),
            state=frontier.state,
        )
        for frontier in frontiers
    ]
    ReplayFrontier.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["instrument"],
        update_fields=["received_at", "state"],
    )


class _Alerts:
    """One call's changes, on the open alerts that they concern."""

    def __init__(self, changes: Iterable[Finding]) -> None:
        # By fingerprint, the order in which all writers of alerts take their locks, so that two
        # shards that report on one client never wait for each other. Stable within a fingerprint.
        self._changes = sorted(changes, key=lambda finding: finding.subject.fingerprint)
        self._events: list[LiveEvent] = []
        self._open: dict[str, Alert] = {}

    def write(self) -> list[LiveEvent]:
        if self._changes:
            fingerprints = {finding.subject.fingerprint for finding in self._changes}
            rows = Alert.objects.filter(resolved_at=None, fingerprint__in=fingerprints)
            locked = rows.select_for_update().order_by("fingerprint")
            self._open = {row.fingerprint: row for row in locked}
        for finding in self._changes:
            self._write(finding)
        return self._events

    def _write(self, finding: Finding) -> None:
        change = finding.change
        alert = self._open.get(finding.subject.fingerprint)
        if isinstance(change, Opened):
            self._opened(finding, change, alert)
        elif isinstance(change, Began):
            self._began(finding, change, alert)
        elif isinstance(change, Ended):
            self._ended(finding, change, alert)
        elif isinstance(change, Closed):
            self._closed(finding, change, alert)
        elif alert is not None:
            self._figures(finding, alert, from_us(change.at_us))

    def _opened(self, finding: Finding, change: Opened, alert: Alert | None) -> None:
        if alert is None:
            alert, is_new = _insert(finding, change)
            self._open[alert.fingerprint] = alert
            if is_new:
                self._announce(finding, alert)
                return
        # Another shard has opened it: the client is one, its alert is one.
        alert.holders = sorted({*alert.holders, finding.subject.holder})
        alert.condition_ended_at = None
        self._figures(finding, alert, from_us(change.at_us))

    def _announce(self, finding: Finding, alert: Alert) -> None:
        _excursion(finding, alert, alert.started_at)
        _line(alert, alert.opened_at, "opened", alert.title)
        silence = active_silence(alert.fingerprint)
        if silence is not None:
            until = f"{silence.until:%Y-%m-%d %H:%M} UTC"
            _line(alert, alert.opened_at, "silenced", f"Until {until}: {silence.reason}")
        self._tell(alert, "opened", silenced=silence is not None)

    def _began(self, finding: Finding, change: Began, alert: Alert | None) -> None:
        if alert is None:  # a person resolved it in the moment before the condition came back
            self._opened(finding, Opened(change.at_us, change.at_us), None)
            return
        at = from_us(change.at_us)
        alert.discrepancies += 1
        alert.condition_ended_at = None
        _excursion(finding, alert, at)
        _line(alert, at, "again", f"Excursion {alert.discrepancies} of this episode.")
        self._figures(finding, alert, at)
        self._tell(alert, "changed")

    def _ended(self, finding: Finding, change: Ended, alert: Alert | None) -> None:
        started, ended = from_us(change.started_us), from_us(change.ended_us)
        if alert is None:
            if finding.subject.feed_id is not None:
                _excursion(finding, None, started, ended, worst=abs(change.worst))
            return
        if len(alert.holders) > 1:
            return  # it goes on elsewhere
        Discrepancy.objects.filter(alert=alert, ended_at=None).update(
            ended_at=ended, worst=abs(change.worst)
        )
        alert.condition_ended_at = ended
        _line(alert, ended, "cleared", f"Up to {abs(change.worst):.3g} {alert.unit}.")
        self._figures(finding, alert, ended)
        self._tell(alert, "changed")

    def _closed(self, finding: Finding, change: Closed, alert: Alert | None) -> None:
        if alert is None:
            return
        alert.holders = [name for name in alert.holders if name != finding.subject.holder]
        at = from_us(change.at_us)
        if not alert.holders:
            alert.resolved_at = at
            alert.condition_ended_at = alert.condition_ended_at or at
            Discrepancy.objects.filter(alert=alert, ended_at=None).update(ended_at=at)
            _line(alert, at, "resolved", finding.reason)
            del self._open[alert.fingerprint]
        self._figures(finding, alert, at)
        self._tell(alert, "changed" if alert.is_open else "resolved")

    def _figures(self, finding: Finding, alert: Alert, at: datetime) -> None:
        """The latest figures; only a change of severity is news."""
        alert.value, alert.title = finding.value, finding.title
        alert.worst = max(alert.worst, finding.worst)
        alert.facts = alert.facts | finding.facts
        if finding.severity == ACT and alert.severity != ACT:
            alert.severity = ACT
            _line(alert, at, "worsened", f"Up to {alert.worst:.3g} {alert.unit}.")
            self._tell(alert, "changed")
        alert.save()

    def _tell(self, alert: Alert, change: str, *, silenced: bool = False) -> None:
        self._events.append(
            {
                "kind": "alert",
                "id": alert.pk,
                "change": change,
                "severity": alert.severity,
                "silenced": silenced or active_silence(alert.fingerprint) is not None,
                "client": alert.client_id,
                "feed": alert.feed_id,
            }
        )


def active_silence(fingerprint: str) -> Silence | None:
    """The silence that holds for this fingerprint now; of several, the one that lasts longest."""
    active = Silence.objects.filter(
        fingerprint=fingerprint, ended_at=None, until__gt=timezone.now()
    )
    return active.order_by("-until").first()


def _insert(finding: Finding, change: Opened) -> tuple[Alert, bool]:
    """The open alert of the subject, and whether it is a new one: two shards may try at once."""
    subject = finding.subject
    row = Alert(
        fingerprint=subject.fingerprint,
        rule=subject.rule,
        severity=finding.severity,
        client_id=subject.client_id,
        feed_id=subject.feed_id,
        instrument_id=subject.instrument_id,
        title=finding.title,
        facts=finding.facts,
        value=finding.value,
        worst=finding.worst,
        unit=finding.unit,
        replayed=subject.replayed,
        holders=[subject.holder],
        started_at=from_us(change.started_us),
        opened_at=from_us(change.at_us),
    )
    Alert.objects.bulk_create([row], ignore_conflicts=True)
    rows = Alert.objects.filter(fingerprint=subject.fingerprint, resolved_at=None)
    alert = rows.select_for_update().get()
    return alert, subject.holder in alert.holders


def _excursion(
    finding: Finding,
    alert: Alert | None,
    started: datetime,
    ended: datetime | None = None,
    *,
    worst: float | None = None,
) -> None:
    Discrepancy.objects.create(
        alert=alert,
        rule=finding.subject.rule,
        feed_id=finding.subject.feed_id,
        started_at=started,
        ended_at=ended,
        worst=finding.value if worst is None else worst,
        unit=finding.unit,
    )


def _line(alert: Alert, at: datetime, kind: str, text: str) -> None:
    AlertEvent.objects.create(alert=alert, at=at, kind=kind, text=text[:1000])
