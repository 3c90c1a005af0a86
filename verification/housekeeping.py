"""What is only of use for a while: grid points, and excursions that never became an alert."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from market.models import Feed
from verification.models import Discrepancy

_FORGET = "DELETE FROM verification_deviationpoint WHERE feed_id = %s AND second < %s"


def forget_older_than(days: int) -> tuple[int, int]:
    """(points, excursions) removed. Alerts and their excursions stay.

    Feed by feed, each in a transaction of its own: the key begins with the feed, so each is found
    without reading the rest, and no worker waits for long.
    """
    limit = timezone.now() - timedelta(days=days)
    points = 0
    for feed_id in Feed.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_FORGET, [feed_id, limit])
            points += cursor.rowcount
    old = Discrepancy.objects.filter(alert=None, started_at__lt=limit)
    return points, old.delete()[0]
