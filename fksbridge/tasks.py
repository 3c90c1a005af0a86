"""Celery's side of the journal: tasks carry a shard's name, never data."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from functools import cache

import structlog
from celery import current_app, shared_task
from django.conf import settings
from django.db import Error as DatabaseError
from django.db.models import F
from django.utils import timezone
from redis.exceptions import RedisError

from bridge_ingest import heartbeat, names
from bridge_ingest.gateway.bridge import DRAIN_TASK, queue_of
from bridge_ingest.models import Session
from bridge_ingest.recorder import LOST
from bridge_ingest.store import sync_redis
from fksbridge.drain import Drain
from fksbridge.pipeline import all_shards
from fksbridge.watch import WORKER, Watch
from market import partitions
from verification.housekeeping import forget_older_than

log = structlog.get_logger(__name__)

_LOST_AFTER = timedelta(seconds=20)
_drains: dict[str, Drain] = {}


@shared_task(name=DRAIN_TASK)
def drain(shard: str) -> None:
    """Store what lies in a shard's journal. Driven by commits, and each second by beat."""
    here = _drains.setdefault(shard, Drain(shard, sync_redis()))
    try:
        more = here.run()
    except (DatabaseError, RedisError, OSError) as error:
        # The cursor has not moved; beat drives the shard again within a second.
        log.error("drain_failed", shard=shard, error=str(error))
        _complain(f"worker.{queue_of(shard)}", f"cannot store: {type(error).__name__}: {error}")
        return
    except Exception as error:
        _complain(f"worker.{queue_of(shard)}", f"cannot store: {type(error).__name__}: {error}")
        raise
    if more:
        _send(shard)


@shared_task(name="fksbridge.tasks.watch")
def watch() -> None:
    """Let strategies look at what is journalled, as long as any is switched on."""
    try:
        more = _watch().run()
    except (DatabaseError, RedisError, OSError) as error:
        log.error("watch_failed", error=str(error))
        _complain(WORKER, f"cannot watch: {type(error).__name__}: {error}")
        return
    if more:
        _send_watch()


@cache
def _watch() -> Watch:
    return Watch(sync_redis())


@shared_task(name="fksbridge.tasks.drive")
def drive() -> None:
    """Start a drain wherever none is on its way: after a worker's death, for rules of silence."""
    for shard in all_shards():
        _send(shard)
    _send_watch()


@shared_task(name="fksbridge.tasks.close_lost_sessions")
def close_lost_sessions() -> None:
    """A gateway that was killed could not say that its sessions ended."""
    lost = Session.objects.filter(closed_at=None, last_seen_at__lt=timezone.now() - _LOST_AFTER)
    lost.update(closed_at=F("last_seen_at"), close_code=LOST, close_reason="The gateway was gone.")


@shared_task(name="fksbridge.tasks.forget_old")
def forget_old() -> None:
    """Drop ticks and deviations past their keeping time, so that the disk does not fill."""
    if settings.FKS.tick_retention_days:
        days = partitions.drop_older_than(settings.FKS.tick_retention_days)
        log.info("ticks_dropped", days=[str(day) for day in days])
    if settings.FKS.deviation_retention_days:
        points, excursions = forget_older_than(settings.FKS.deviation_retention_days)
        log.info("deviations_forgotten", points=points, excursions=excursions)


def _complain(worker: str, trouble: str) -> None:
    """Work that can't be done is for the operator to see, on /healthz and the Health page."""
    with contextlib.suppress(RedisError):
        heartbeat.complain(worker, trouble)


def _send(shard: str) -> None:
    if sync_redis().set(names.inflight(shard), b"queued", nx=True, px=2000):
        current_app.send_task(DRAIN_TASK, args=[shard], queue=queue_of(shard))


def _send_watch() -> None:
    if sync_redis().set(names.WATCHING, b"queued", nx=True, px=2000):
        current_app.send_task("fksbridge.tasks.watch", queue="strategies")
