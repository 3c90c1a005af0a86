"""The list of alerts: filters that combine and live in the address, and what each line shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict
from django.utils import timezone

from bridge_ingest.models import Client
from dashboard.states import CLOSED, VERIFIED
from market.models import Instrument
from verification.models import Alert, AlertEvent, Rule, Silence

STATES = {
    "open": "Open",
    "waiting": "Waiting for somebody",
    "acknowledged": "Acknowledged",
    "resolved": "Resolved",
    "all": "All",
}
SILENCED = {"": "Silenced or not", "no": "Not silenced", "yes": "Silenced"}


@dataclass(frozen=True)
class AlertFilter:
    """What the address asks for. Anything that it can't mean counts as not given."""

    state: str = "open"
    rule: str = ""
    client: int | None = None
    instrument: int | None = None
    mine: bool = False
    silenced: str = ""
    text: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> AlertFilter:
        return cls(
            state=_one_of(query.get("state", ""), STATES, "open"),
            rule=_one_of(query.get("rule", ""), Rule.values, ""),
            client=_number(query.get("client", "")),
            instrument=_number(query.get("instrument", "")),
            mine=query.get("mine") == "1",
            silenced=_one_of(query.get("silenced", ""), SILENCED, ""),
            text=query.get("q", "").strip()[:100],
        )

    @property
    def narrows(self) -> bool:
        return self != AlertFilter()


@dataclass(frozen=True)
class AlertLine:
    """One alert in the list."""

    alert: Alert

    @property
    def state(self) -> str:
        if self.alert.resolved_at:
            return VERIFIED
        return CLOSED if self.is_silenced else self.alert.severity

    @property
    def calls(self) -> bool:
        return self.alert.is_open and self.alert.acknowledged_at is None and not self.is_silenced

    @property
    def is_silenced(self) -> bool:
        return bool(getattr(self.alert, "is_silenced", False))

    @property
    def last_note(self) -> str:
        return getattr(self.alert, "last_note", "") or ""


def alerts(chosen: AlertFilter, user: User) -> QuerySet[Alert]:
    """Open ones first, the newest of each first; with `is_silenced` and `last_note`."""
    now = timezone.now()
    rows = with_overlays(now).filter(_state(chosen.state, now))
    if chosen.rule:
        rows = rows.filter(rule=chosen.rule)
    if chosen.client is not None:
        rows = rows.filter(client=chosen.client)
    if chosen.instrument is not None:
        rows = rows.filter(instrument=chosen.instrument)
    if chosen.mine:
        rows = rows.filter(Q(assignee=user) | Q(acknowledged_by=user))
    if chosen.silenced:
        silenced = Q(_silenced(now))
        rows = rows.filter(silenced if chosen.silenced == "yes" else ~silenced)
    if chosen.text:
        rows = rows.filter(_mentions(chosen.text))
    return rows.order_by(F("resolved_at").desc(nulls_first=True), "-opened_at", "-pk")


def with_overlays(now: datetime) -> QuerySet[Alert]:
    """Alerts with what lies over them: an active silence, and the last note."""
    notes = AlertEvent.objects.filter(alert=OuterRef("pk"), kind="note").order_by("-at", "-pk")
    return Alert.objects.select_related(
        "client", "instrument", "feed__source", "acknowledged_by", "assignee", "resolved_by"
    ).annotate(is_silenced=_silenced(now), last_note=Subquery(notes.values("text")[:1]))


def choices() -> dict[str, object]:
    """What the filter offers; three queries."""
    return {
        "states": STATES,
        "silenced_choices": SILENCED,
        "rules": Rule.choices,
        "clients": Client.objects.order_by("name").values_list("pk", "name"),
        "instruments": Instrument.objects.order_by("symbol").values_list("pk", "symbol"),
        "people": people(),
    }


def people() -> list[User]:
    """Those to whom an alert can be given."""
    return list(User.objects.filter(is_active=True).order_by("username"))


def _silenced(now: datetime) -> Exists:
    fingerprint = OuterRef("fingerprint")
    return Exists(Silence.objects.filter(fingerprint=fingerprint, ended_at=None, until__gt=now))


def _state(state: str, now: datetime) -> Q:
    return {
        "open": Q(resolved_at=None),
        "waiting": Q(resolved_at=None, acknowledged_at=None) & ~Q(_silenced(now)),
        "acknowledged": Q(resolved_at=None, acknowledged_at__isnull=False),
        "resolved": Q(resolved_at__isnull=False),
        "all": Q(),
    }[state]


def _mentions(text: str) -> Q:
    noted = AlertEvent.objects.filter(kind="note", text__icontains=text).values("alert")
    return (
        Q(title__icontains=text)
        | Q(client__name__icontains=text)
        | Q(instrument__symbol__icontains=text)
        | Q(pk__in=noted)
    )


def _one_of(value: str, allowed: Iterable[str], default: str) -> str:
    return value if value in allowed else default


def _number(value: str) -> int | None:
    return int(value) if value.isdecimal() and len(value) < 10 else None
