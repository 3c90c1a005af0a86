"""Feeds that an operator has matched with another instrument: what was about the old one ends."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F
from django.utils import timezone

from bridge_ingest.live import publish_event
from market.models import Feed
from verification.models import Alert, AlertEvent, Discrepancy

REASON = "Its symbol was matched with another instrument."


def close_alerts(shard: int) -> None:
    """Resolve open alerts about feeds of this shard that are another instrument's by now.

    Nothing could clear them any more: what they were about is not compared. Run by the worker that
    judges the feeds, within its transaction; repeating it does nothing.
    """
    moved = Alert.objects.filter(
        resolved_at=None, feed__source__shard=shard, instrument__isnull=False
    ).exclude(instrument=F("feed__instrument"))
    now = timezone.now()
    for alert in moved.select_for_update(of=("self",)).order_by("fingerprint"):
        alert.condition_ended_at = alert.condition_ended_at or now
        alert.resolved_at = now
        alert.save(update_fields=["condition_ended_at", "resolved_at"])
        Discrepancy.objects.filter(alert=alert, ended_at=None).update(ended_at=now)
        AlertEvent.objects.create(alert=alert, at=now, kind="resolved", text=REASON)
        publish_event({"kind": "alert", "id": alert.pk, "change": "resolved"})


def has_left(instrument_id: int, feeds: Iterable[int]) -> bool:
    """Whether one of these feeds, replayed together, is another instrument's by now."""
    there = Feed.objects.filter(pk__in=list(feeds))
    return there.exclude(instrument=instrument_id).exists()
