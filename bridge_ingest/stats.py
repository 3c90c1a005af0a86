"""What a client produced, what is stored of it, and what is missing: the numbers of its page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Max, Sum

from bridge_ingest.models import Client, Gap, Session, Stream, StreamCursor


@dataclass(frozen=True, slots=True)
class ClientStats:
    """Counts of items over all streams. produced = stored + refused + lost + on its way.

    `refusals` also counts what had no number that could be used up: noise, and the like.
    """

    produced: int
    stored: int
    duplicates: int
    refused: int
    refusals: int
    lost: int
    gaps: int
    sessions: int
    open_sessions: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def client_stats(client: Client) -> ClientStats:
    streams = list(Stream.objects.filter(client=client))
    stored, highest = _stored([stream.pk for stream in streams])
    sessions = Session.objects.filter(client=client)
    return ClientStats(
        produced=sum(max(s.produced, s.received, highest.get(s.pk, 0)) for s in streams),
        stored=sum(stored.values()) + sum(s.other_items for s in streams),
        duplicates=sum(s.duplicates for s in streams),
        refused=sum(s.refused for s in streams),
        refusals=client.refusals.aggregate(count=Sum("count"))["count"] or 0,
        lost=sum(s.lost for s in streams),
        gaps=Gap.objects.filter(stream__client=client).count(),
        sessions=sessions.count(),
        open_sessions=sessions.filter(closed_at=None).count(),
    )


def _stored(streams: list[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Stored ticks and highest stored number, by stream."""
    rows = StreamCursor.objects.filter(stream_id__in=streams).values("stream_id")
    totals = rows.annotate(count=Sum("stored"), top=Max("seq"))
    return (
        {row["stream_id"]: row["count"] for row in totals},
        {row["stream_id"]: row["top"] for row in totals},
    )
