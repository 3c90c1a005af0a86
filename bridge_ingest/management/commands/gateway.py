"""`manage.py gateway`: the machines' doors."""

from __future__ import annotations

import asyncio
import resource
import signal
from typing import Any

import structlog
import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand

from bridge_ingest import heap
from bridge_ingest.gateway.server import serve

log = structlog.get_logger(__name__)
_OTHER_FILES = 500
"""Listeners, Redis, PostgreSQL, logs, posts under way."""


class Command(BaseCommand):
    help = (
        "Serve terminals: Bridge Protocol 1 over TCP, TLS, ZeroMQ, WebSocket, HTTP. SIGHUP reads "
        "the certificates anew."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        heap.settle()
        allow_connections(settings.FKS.max_sessions)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told())


def allow_connections(sessions: int) -> None:
    """Open files as many as the system lets us have: its usual 1,024 would end before our limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = sessions + _OTHER_FILES
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < needed:
        log.warning("too_few_files", allowed=wanted, needed=needed, setting="FKS_MAX_SESSIONS")


async def _until_told() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    reload = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    await serve(told, reload)
