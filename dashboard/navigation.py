"""The frame around every page: rail, top line, bottom bar, and which entry is the current one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from dashboard.roles import role_of
from verification.models import Alert, Severity, Silence


class Entry(NamedTuple):
    """One page of the rail. `key` is the second key of its shortcut: `g o` opens the overview."""

    name: str
    label: str
    icon: str
    key: str
    in_bottom_bar: bool = False


ENTRIES = (
    Entry("overview", "Overview", "overview", "o", in_bottom_bar=True),
    Entry("instruments", "Instruments", "instruments", "i", in_bottom_bar=True),
    Entry("alerts", "Alerts", "alerts", "a", in_bottom_bar=True),
    Entry("signals", "Signals", "signals", "s"),
    Entry("clients", "Clients", "clients", "c", in_bottom_bar=True),
    Entry("health", "Health", "health", "h"),
    Entry("imports", "History", "history", "y"),
    Entry("audit", "Audit", "audit", "u"),
    Entry("settings", "Settings", "settings", "e"),
    Entry("about", "About", "about", "b"),
)

ENVIRONMENT_WORDS = {"development": "dev", "demo": "demo", "production": "live"}


class Link(NamedTuple):
    entry: Entry
    url: str
    current: bool


class AlertCount(NamedTuple):
    """Open alerts that nobody has acknowledged, and the worst state among them."""

    waiting: int
    state: str


@dataclass(frozen=True)
class Frame:
    links: list[Link]
    alerts: AlertCount
    role: str
    environment: str
    environment_word: str

    @property
    def bottom_links(self) -> list[Link]:
        return [link for link in self.links if link.entry.in_bottom_bar]

    @property
    def more_links(self) -> list[Link]:
        return [link for link in self.links if not link.entry.in_bottom_bar]


def links_for(path: str) -> list[Link]:
    """Entries whose page is part of this installation, the one that holds `path` marked."""
    links = []
    for entry in ENTRIES:
        try:
            url = reverse(f"dashboard:{entry.name}")
        except NoReverseMatch:
            continue
        links.append(Link(entry, url, _holds(url, path)))
    return links


def _holds(url: str, path: str) -> bool:
    return path == url if url == "/" else path == url or path.startswith(f"{url.rstrip('/')}/")


def waiting_alerts() -> AlertCount:
    """Alerts that call: open, not acknowledged and not silenced."""
    silenced = Silence.objects.filter(ended_at=None, until__gt=timezone.now())
    severities = list(
        Alert.objects.filter(resolved_at=None, acknowledged_at=None)
        .exclude(fingerprint__in=silenced.values("fingerprint"))
        .values_list("severity", flat=True)
    )
    worst = Severity.ACT if Severity.ACT in severities else Severity.LOOK
    return AlertCount(len(severities), worst.value)


def frame_of(request: HttpRequest) -> Frame:
    environment = settings.FKS.env
    return Frame(
        links=links_for(request.path),
        alerts=waiting_alerts(),
        role=role_of(request.user),
        environment=environment,
        environment_word=ENVIRONMENT_WORDS[environment],
    )
