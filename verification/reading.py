"""Alerts as commands and other readers see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from verification.models import Alert, Silence


def silenced(fingerprints: Iterable[str]) -> set[str]:
    """Those of them that call nobody now."""
    active = Silence.objects.filter(
        fingerprint__in=list(fingerprints), ended_at=None, until__gt=timezone.now()
    )
    return set(active.values_list("fingerprint", flat=True))


def as_json(alert: Alert, *, silenced: bool) -> dict[str, Any]:
    """One alert for machines; `value` and `worst` are magnitudes in `unit`."""
    return {
        "id": alert.pk,
        "rule": alert.rule,
        "severity": alert.severity,
        "title": alert.title,
        "client": alert.client.name,
        "feed": alert.feed_id,
        "instrument": alert.instrument.symbol if alert.instrument else None,
        "value": alert.value,
        "worst": alert.worst,
        "unit": alert.unit,
        "started_at": alert.started_at,
        "opened_at": alert.opened_at,
        "condition_ended_at": alert.condition_ended_at,
        "resolved_at": alert.resolved_at,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": _name(alert.acknowledged_by),
        "assignee": _name(alert.assignee),
        "silenced": silenced,
        "replayed": alert.replayed,
        "excursions": alert.discrepancies,
        "facts": alert.facts,
    }


def _name(user: Any) -> str | None:
    return None if user is None else str(user.get_username())
