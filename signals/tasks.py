"""What happens to signals on a timer."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from signals import delivery


@shared_task
def tend_deliveries() -> None:
    """Every second: close what has expired, then fill the outbox again where it lost something.

    Raises redis.RedisError while Redis is away; the next run tries again.
    """
    now = timezone.now()
    delivery.expire(now)
    delivery.repair(now)
