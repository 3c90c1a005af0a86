"""The Celery application, found by `celery -A fksbridge worker` and `celery -A fksbridge beat`."""

from __future__ import annotations

import ctypes
import logging.config
import os
import signal
import warnings
from typing import Any

from celery import Celery, bootsteps
from celery.beat import Scheduler
from celery.exceptions import SecurityWarning
from celery.signals import (
    setup_logging,
    task_prerun,
    worker_before_create_process,
    worker_process_init,
    worker_ready,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fksbridge.settings")

app = Celery("fksbridge")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

PR_SET_PDEATHSIG = 1

# Celery warns root because a pickled task could run anything as root; ours are JSON only.
warnings.filterwarnings(
    "ignore", message=r"\s*You're running the worker with superuser", category=SecurityWarning
)


@setup_logging.connect
def log_as_the_bridge_does(**_: object) -> None:
    """Without a receiver Celery sets up a format of its own."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


class Worker:
    """The process that has made this one for its pool; none where the pool is `solo`."""

    pid: int | None = None


@worker_before_create_process.connect
def name_the_worker(**_: object) -> None:
    """Before the fork: a pool process can't tell its worker from who takes in an orphan."""
    Worker.pid = os.getpid()


@worker_process_init.connect
def die_with_the_worker(**_: object) -> None:
    """A pool process would outlive a worker that is killed: at its work, or waiting for some at a
    pipe that its fellows hold open. The kernel says nothing of a death before it was asked to.
    """
    if Worker.pid is None:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != Worker.pid:
        os.kill(os.getpid(), signal.SIGKILL)


@worker_before_create_process.connect
@worker_ready.connect
def settle_heap(**_: object) -> None:
    """Before a pool's fork, too: a pass in a pool process writes into every object, and so copies
    every page. All tasks are loaded by then."""
    from bridge_ingest import heap

    heap.settle()


@task_prerun.connect
def keep_connection(**_: object) -> None:
    """A task goes on with the connection of the one before, unless it is broken or too old.

    Celery would close it after each task (CELERY_DB_REUSE_MAX keeps it from that), and drains are
    tasks that come every second or sooner.
    """
    from django.db import close_old_connections

    close_old_connections()


def show_life(name: str) -> None:
    """A sign of life; a Redis that is down shows itself by its absence."""
    import redis

    from bridge_ingest import heartbeat

    try:
        heartbeat.beat(name)
    except redis.RedisError as error:
        logging.getLogger(__name__).warning("heartbeat of %s not written: %s", name, error)


class Life(bootsteps.StartStopStep):
    """Part of a worker's consumer: a sign of life each second while it can listen for tasks.

    A worker of pool `solo` listens between tasks only, so a task must not run for many seconds.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        from bridge_ingest import heartbeat

        queues = list(parent.app.amqp.queues.consume_from)

        def show() -> None:
            for queue in queues:
                show_life(f"worker.{queue}")

        show()
        self.timer = parent.timer.call_repeatedly(heartbeat.BEAT_EVERY_S, show)

    def stop(self, _: Any) -> None:
        self.timer.cancel()


app.steps["consumer"].add(Life)


class LivingScheduler(Scheduler):
    """Beat's clock in memory, with a sign of life each round.

    A schedule file would be one more thing that kill -9 can break. The price: an entry's period
    starts afresh with beat, so periodic work must be asked for every hour at least.
    """

    def tick(self, *args: Any, **kwargs: Any) -> float:
        show_life("beat")
        return min(1.0, super().tick(*args, **kwargs))
