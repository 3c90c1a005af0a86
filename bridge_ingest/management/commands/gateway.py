"""`manage.py gateway`: the machines' doors."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import uvloop
from django.core.management.base import BaseCommand

from bridge_ingest import heap
from bridge_ingest.gateway.server import serve


class Command(BaseCommand):
    help = (
        "Serve terminals: Bridge Protocol 1 over TCP, TLS, ZeroMQ, WebSocket, HTTP. SIGHUP reads "
        "the certificates anew."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        heap.settle()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told())


async def _until_told() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    reload = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    await serve(told, reload)
