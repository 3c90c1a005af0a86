"""The newest alerts beside the board, what they wait for, and how many were open when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from verification.models import Alert, Silence

SHOWN = 8
SETTLED_SHOWN_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class AlertView:
    """One alert and what it needs: an open one that nobody has taken calls for an act."""

    alert: Alert
    is_silenced: bool

    @property
    def state(self) -> str:
        return "verified" if self.alert.resolved_at else self.alert.severity

    @property
    def calls(self) -> bool:
        return self.alert.is_open and self.alert.acknowledged_at is None

    @property
    def lasted_s(self) -> float:
        end = self.alert.resolved_at or timezone.now()
        return (end - self.alert.opened_at).total_seconds()


@dataclass(frozen=True)
class OpenCount:
    open: int
    acknowledged: int


def newest(now: datetime) -> list[AlertView]:
    """Those that call, the worst first, then those taken care of, then what closed lately."""
    lately = Q(resolved_at=None) | Q(resolved_at__gt=now - SETTLED_SHOWN_FOR)
    alerts = list(
        Alert.objects.filter(lately)
        .select_related("client", "instrument", "feed", "acknowledged_by")
        .order_by(
            F("resolved_at").desc(nulls_first=True),
            F("acknowledged_at").desc(nulls_first=True),
            "severity",  # act comes before look, by luck of the alphabet
            "-opened_at",
        )[:SHOWN]
    )
    silenced = silenced_fingerprints(alerts, now)
    return [AlertView(alert, alert.fingerprint in silenced) for alert in alerts]


def silenced_fingerprints(alerts: list[Alert], now: datetime) -> set[str]:
    fingerprints = {alert.fingerprint for alert in alerts}
    active = Silence.objects.filter(fingerprint__in=fingerprints, ended_at=None, until__gt=now)
    return set(active.values_list("fingerprint", flat=True))


def open_count() -> OpenCount:
    taken = list(Alert.objects.filter(resolved_at=None).values_list("acknowledged_at", flat=True))
    return OpenCount(len(taken), sum(at is not None for at in taken))


def open_history(now: datetime, span: timedelta, points: int) -> list[float | None]:
    """How many alerts were open at each of the last moments."""
    lives = list(
        Alert.objects.filter(Q(resolved_at=None) | Q(resolved_at__gt=now - span)).values_list(
            "opened_at", "resolved_at"
        )
    )
    step = span / (points - 1)
    moments = [now - span + step * at for at in range(points)]
    return [
        float(sum(opened <= moment and (not gone or gone > moment) for opened, gone in lives))
        for moment in moments
    ]
