"""One alert in full: how it is known, what was compared with what, and who did what about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from bridge_ingest.clock import from_us
from dashboard.formatting import grouped, lasting_text, signed
from dashboard.states import CLOSED, VERIFIED
from verification.models import (
    Alert,
    AlertEvent,
    DeviationPoint,
    Discrepancy,
    Rule,
    Silence,
)

AROUND = timedelta(seconds=90)
"""Shown before the condition began and after it ended."""
POINTS_SHOWN = 600
SIMILAR_SHOWN = 8
EXCURSIONS_SHOWN = 50

KIND_WORDS = {
    "opened": "Opened",
    "again": "Came back",
    "cleared": "Cleared",
    "worsened": "Worsened",
    "resolved": "Resolved",
    "acknowledged": "Acknowledged",
    "unacknowledged": "Acknowledgement taken back",
    "note": "Note",
    "silenced": "Silenced",
    "silence_lifted": "Silence lifted",
    "assigned": "Assigned",
}
_QUIET_KINDS = {"note", "assigned", "unacknowledged"}

_POINTS = """
SELECT (floor(extract(epoch FROM second) / %(width)s) * %(width)s * 1000)::bigint,
       (array_agg(deviation ORDER BY abs(deviation) DESC))[1],
       (array_agg(consensus ORDER BY abs(deviation) DESC))[1]
FROM verification_deviationpoint
WHERE feed_id = %(feed)s AND second BETWEEN %(start)s AND %(until)s
GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True)
class TimelineEntry:
    """As `components/timeline.html` wants it."""

    state: str
    text: str
    at: datetime
    who: str
    note: str


@dataclass(frozen=True)
class Compared:
    """One side of the comparison at the moment of opening."""

    name: str
    mid: float
    is_subject: bool


@dataclass(frozen=True)
class Episode:
    alert: Alert
    silence: Silence | None
    timeline: list[TimelineEntry]

    @property
    def state(self) -> str:
        if self.alert.resolved_at:
            return VERIFIED
        return CLOSED if self.silence else self.alert.severity

    @property
    def state_word(self) -> str:
        if self.alert.resolved_at:
            return "resolved"
        word = "silenced" if self.silence else str(self.alert.get_severity_display()).lower()
        return f"{word}, acknowledged" if self.alert.acknowledged_at else word

    @property
    def holds(self) -> bool:
        """The condition is there now, so nobody can declare it over."""
        return self.alert.condition_ended_at is None and self.alert.is_open

    @property
    def lasted_s(self) -> float:
        return (self._end - self.alert.started_at).total_seconds()

    @property
    def _end(self) -> datetime:
        return self.alert.condition_ended_at or self.alert.resolved_at or timezone.now()

    @property
    def compared(self) -> list[Compared]:
        """The feed itself first; empty for rules that compare nothing."""
        facts = self.alert.facts
        others = [
            Compared(each["name"], each["mid"], False) for each in facts.get("compared_with", [])
        ]
        if not others or facts.get("mid") is None:
            return []
        feed = self.alert.feed
        name = f"{self.alert.client.name} {feed.source.symbol}" if feed else self.alert.client.name
        return [Compared(name, facts["mid"], True), *others]

    @property
    def facts(self) -> list[tuple[str, str]]:
        return facts_of(self.alert)


def episode(alert: Alert) -> Episode:
    active = Silence.objects.select_related("created_by").filter(
        fingerprint=alert.fingerprint, ended_at=None, until__gt=timezone.now()
    )
    events = alert.events.select_related("actor")
    return Episode(alert, active.order_by("-until").first(), [_line(event) for event in events])


def excursions(alert: Alert) -> list[Discrepancy]:
    return list(alert.excursions.order_by("-started_at")[:EXCURSIONS_SHOWN])


def similar(alert: Alert) -> list[Alert]:
    """Earlier and later episodes of the same rule on the same subject."""
    rows = Alert.objects.filter(fingerprint=alert.fingerprint).exclude(pk=alert.pk)
    return list(rows.select_related("acknowledged_by").order_by("-opened_at")[:SIMILAR_SHOWN])


def plot(alert: Alert) -> dict[str, Any] | None:
    """What `<deviation-plot>` draws, in the alert's unit; None for rules without a deviation."""
    if alert.rule != Rule.DEVIATION or alert.feed_id is None:
        return None
    end = alert.condition_ended_at or alert.resolved_at or _last_known(alert)
    return {
        "unit": alert.unit,
        "limit": alert.facts.get("threshold"),
        "points": _points(alert, alert.started_at - AROUND, end + AROUND),
        "bands": [[_ms(row.started_at), _ms(row.ended_at or end)] for row in excursions(alert)],
        "moments": list(_moments(alert)),
    }


def _last_known(alert: Alert) -> datetime:
    """An open episode goes on to its last compared second; in a recording that is not today's."""
    rows = DeviationPoint.objects.filter(feed=alert.feed_id).order_by("-second")
    return rows.values_list("second", flat=True).first() or alert.opened_at


def _points(alert: Alert, start: datetime, until: datetime) -> list[list[float]]:
    """[ms, deviation]; where seconds are drawn together, the worst of them is shown."""
    width = max(1, math.ceil((until - start).total_seconds() / POINTS_SHOWN))
    given = {"width": width, "feed": alert.feed_id, "start": start, "until": until}
    with connection.cursor() as cursor:
        cursor.execute(_POINTS, given)
        rows = cursor.fetchall()
    pip_size = alert.instrument.pip_size if alert.instrument else 1.0
    return [[at, _in_unit(alert.unit, off, consensus, pip_size)] for at, off, consensus in rows]


def _in_unit(unit: str, deviation: float, consensus: float, pip_size: float) -> float:
    figure = deviation / abs(consensus) * 1e4 if unit == "bps" else deviation / pip_size
    return round(figure, 3)


def _moments(alert: Alert) -> Any:
    for at, label in (
        (alert.opened_at, "opened"),
        (alert.acknowledged_at, "acknowledged"),
        (alert.resolved_at, "resolved"),
    ):
        if at is not None:
            yield {"at": _ms(at), "label": label}


def _line(event: AlertEvent) -> TimelineEntry:
    word = KIND_WORDS.get(event.kind, event.kind.replace("_", " ").capitalize())
    who = event.actor.get_username() if event.actor else ""
    if not who and event.source != "automatic":
        who = "the command line" if event.source == "command" else event.source
    return TimelineEntry(_shape(event.kind), word, event.at, who, event.text)


def _shape(kind: str) -> str:
    if kind in ("resolved", "cleared"):
        return VERIFIED
    if kind in ("opened", "again", "worsened"):
        return "act" if kind == "worsened" else "look"
    return "off" if kind in _QUIET_KINDS else CLOSED


def facts_of(alert: Alert) -> list[tuple[str, str]]:
    """How we know, line by line, as the rule has put it down."""
    known = alert.facts
    return [
        (label, show(known[name])) for name, label, show in _FACTS if known.get(name) is not None
    ]


def _seconds(value: Any) -> str:
    return f"{round(value, 1):g} s" if value < 120 else lasting_text(value)


def _clock(value_us: int) -> str:
    return f"{from_us(value_us).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _pips(value: float) -> str:
    return f"{value:.1f} pips"


def _off(unit: str) -> Any:
    return lambda value: f"{signed(value, 1 if unit == 'pips' else 2)} {unit}"


_FACTS: tuple[tuple[str, str, Any], ...] = (
    ("deviation_pips", "Off by, when it opened", _off("pips")),
    ("deviation_bps", "Of the price", _off("bps")),
    ("deviation_spreads", "In its own spreads", _off("spreads")),
    ("spread_pips", "Its spread", _pips),
    ("persistence_s", "Lasting at least", _seconds),
    ("max_age_s", "Quotes compared up to", _seconds),
    ("longest_s", "Longest excursion", _seconds),
    ("last_tick_us", "Last tick", _clock),
    ("limit_s", "Silence allowed", _seconds),
    ("others_tick", "Others go on ticking", _yes_no),
    ("broker_connected", "Terminal says its broker is there", _yes_no),
    ("shift_s", "Clock shifted by", _seconds),
    ("window_s", "Judged over", _seconds),
    ("numbers", "Numbers lost", grouped),
    ("gaps", "In gaps", grouped),
    ("refusals", "Digests refused", grouped),
)
"""Fact -> its label, and how its value is put."""


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
