"""Clients as the pages show them: is each terminal delivering everything?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Count, F, Max, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest

from bridge_ingest.models import (
    ApiKey,
    Client,
    Gap,
    Platform,
    Refusal,
    Session,
    Stream,
    StreamCursor,
)
from bridge_ingest.webhooks.models import WebhookInbox
from dashboard.states import ACT, CLOSED, LOOK, VERIFIED
from market.models import Feed
from verification.models import Alert

OFF = "off"


@dataclass(frozen=True, slots=True)
class Counts:
    """Items over all streams. What is neither stored, refused nor lost is on its way."""

    produced: int = 0
    stored: int = 0
    refused: int = 0
    lost: int = 0
    duplicates: int = 0
    numbered_here: bool = False

    @property
    def on_its_way(self) -> int:
        return max(0, self.produced - self.stored - self.refused - self.lost)


@dataclass(frozen=True, slots=True)
class ClientView:
    """One line of the list, and the head of a client's page."""

    client: Client
    counts: Counts
    session: Session | None
    open_sessions: int
    last_seen_at: datetime | None
    alert_state: str | None
    posted_at: datetime | None = None

    @property
    def connected(self) -> bool:
        return self.open_sessions > 0

    @property
    def state(self) -> str:
        if self.client.disabled_at:
            return CLOSED
        if self.alert_state:
            return self.alert_state
        if self.connected:
            return VERIFIED
        # Alert sources connect only to speak, so having none open says nothing about them.
        return VERIFIED if self._posts and self.last_seen_at else OFF

    @property
    def state_word(self) -> str:
        words = {VERIFIED: "delivering", CLOSED: "disabled", OFF: "not connected"}
        if self.state == OFF and self.last_seen_at is None:
            return "never seen"
        return words.get(self.state, self.state)

    @property
    def _posts(self) -> bool:
        only_posts = self.session is None and self.posted_at is not None
        return self.client.platform == Platform.TRADINGVIEW or only_posts


def client_views(clients: Iterable[Client]) -> list[ClientView]:
    """In the given order; six queries, however many there are."""
    asked = list(clients)
    ids = [client.pk for client in asked]
    counts, sessions, seen = _counts(ids), _latest_sessions(ids), _seen(ids)
    worst, posted = _worst_alerts(ids), _posted(ids)
    views = []
    for client in asked:
        open_sessions, heard_at = seen.get(client.pk, (0, None))
        posted_at = posted.get(client.pk)
        views.append(
            ClientView(
                client,
                counts.get(client.pk, Counts()),
                sessions.get(client.pk),
                open_sessions,
                max((at for at in (heard_at, posted_at) if at), default=None),
                worst.get(client.pk),
                posted_at,
            )
        )
    return views


def find_clients(text: str, platform: str, with_disabled: bool) -> list[Client]:
    rows = Client.objects.all() if with_disabled else Client.objects.filter(disabled_at=None)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(note__icontains=text))
    if platform:
        rows = rows.filter(platform=platform)
    return list(rows)


def feeds_of(client: Client) -> list[Feed]:
    """Its symbols with the instruments they became and their last quotes."""
    rows = Feed.objects.filter(source__client=client).select_related(
        "source", "instrument", "state"
    )
    return list(rows.order_by("source__symbol"))


def sessions_of(client: Client, limit: int) -> list[Session]:
    return list(client.sessions.select_related("key", "stream")[:limit])


def streams_of(client: Client, limit: int) -> list[Stream]:
    """Newest first, each with `stored` and `highest`."""
    rows = _with_stored(Stream.objects.filter(client=client)).order_by("-created_at", "-pk")
    return list(rows[:limit])


def gaps_of(client: Client, limit: int) -> list[Gap]:
    return list(Gap.objects.filter(stream__client=client).select_related("stream")[:limit])


def refusals_of(client: Client, limit: int) -> list[Refusal]:
    return list(client.refusals.all()[:limit])


def keys_of(client: Client) -> list[ApiKey]:
    """In force first, then what has ended, newest first."""
    rows = client.keys.select_related("created_by", "rotated_to", "rotated_from")
    return sorted(rows, key=lambda key: not key.is_active)


def _with_stored(streams: Any) -> Any:
    """Stored ticks lie in one cursor per shard."""
    cursors = StreamCursor.objects.filter(stream_id=OuterRef("pk")).values("stream_id")

    def of_cursors(total: Sum | Max) -> Coalesce:
        return Coalesce(
            Subquery(cursors.annotate(total=total).values("total")),
            Value(0),
            output_field=BigIntegerField(),
        )

    return streams.annotate(
        stored=of_cursors(Sum("stored")) + F("other_items"), highest=of_cursors(Max("seq"))
    )


def _counts(clients: list[int]) -> dict[int, Counts]:
    streams = _with_stored(Stream.objects.filter(client__in=clients)).order_by()
    totals = streams.values("client_id").annotate(
        total_produced=Sum(Greatest("produced", "received", "highest")),
        total_stored=Sum("stored"),
        total_refused=Sum("refused"),
        total_lost=Sum("lost"),
        total_duplicates=Sum("duplicates"),
        plain_streams=Count("pk", filter=Q(plain=True)),
    )
    return {
        row["client_id"]: Counts(
            row["total_produced"],
            row["total_stored"],
            row["total_refused"],
            row["total_lost"],
            row["total_duplicates"],
            row["plain_streams"] > 0,
        )
        for row in totals
    }


def _latest_sessions(clients: list[int]) -> dict[int, Session]:
    """By an index, and so as fast after a year of reconnecting as on the first day."""
    of_client = Session.objects.filter(client=OuterRef("pk")).order_by("-opened_at")
    newest = Client.objects.filter(pk__in=clients).values_list(Subquery(of_client.values("pk")[:1]))
    return {row.client_id: row for row in Session.objects.filter(pk__in=newest.order_by())}


def _seen(clients: list[int]) -> dict[int, tuple[int, datetime | None]]:
    rows = Session.objects.filter(client__in=clients).order_by().values("client_id")
    totals = rows.annotate(open=Count("pk", filter=Q(closed_at=None)), last=Max("last_seen_at"))
    return {row["client_id"]: (row["open"], row["last"]) for row in totals}


def _posted(clients: list[int]) -> dict[int, datetime]:
    """When each last posted a webhook: that is a sign of life, though it opens no session."""
    rows = WebhookInbox.objects.filter(client__in=clients)
    return dict(rows.values_list("client_id", "last_at"))


def _worst_alerts(clients: list[int]) -> dict[int, str]:
    rows = Alert.objects.filter(client__in=clients, resolved_at=None)
    found: dict[int, str] = {}
    for client_id, severity in rows.order_by().values_list("client_id", "severity").distinct():
        found[client_id] = ACT if ACT in (severity, found.get(client_id)) else LOOK
    return found
