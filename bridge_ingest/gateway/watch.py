"""What nobody says must be noticed: silent sessions, an intake that outruns the workers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from bridge_ingest.clock import now_us
from bridge_ingest.gateway import control, delivery
from bridge_ingest.gateway.report import report_seen
from bridge_ingest.protocol.session import Session

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import Bridge

log = structlog.get_logger(__name__)

SILENCE_S = 30.0
"""After so long without a byte the session is pinged, and after as long again ended."""
_REPORT_EVERY_S = 5
_REPORTED_AT_ONCE = 20
_BACKLOG_EVERY_S = 0.25
_KEYS_EVERY_S = 5.0
_CLAIMS_EVERY_S = 2.0


async def sessions(bridge: Bridge) -> None:
    """Once a second: ping the silent, end the dead, report the counters of a fifth."""
    beat = 0
    while True:
        await asyncio.sleep(1)
        beat += 1
        # While intake is held back nobody is read, so nobody can be called silent.
        numbered = [each for each in bridge.sessions.values() if isinstance(each, Session)]
        for each in numbered:
            each.each_second(now_us())
            if not bridge.journal.is_full:
                _check(each, time.monotonic())
        await _report(bridge, beat % _REPORT_EVERY_S)


async def _report(bridge: Bridge, turn: int) -> None:
    """A fifth of the sessions each second, some at a time: no acknowledgement waits for it."""
    due = [each for each in bridge.sessions.values() if each.id.int % _REPORT_EVERY_S == turn]
    for number, session in enumerate(due, start=1):
        if session.id in bridge.sessions:  # it may have closed while others were reported
            report_seen(bridge, session)
        if number % _REPORTED_AT_ONCE == 0:
            await asyncio.sleep(0)


def _check(session: Session, now: float) -> None:
    silent = now - session.last_received
    if silent > 2 * SILENCE_S:
        session.end("limit", f"Nothing was heard for {silent:.0f} s.")
    elif silent > SILENCE_S and session.pinged_at < session.last_received:
        session.pinged_at = now
        session.reply({"type": "ping", "t": int(time.time() * 1000)})


async def keys(bridge: Bridge) -> None:
    """Keys expire without anybody saying so; this also finds a revocation that was not heard."""
    while True:
        await asyncio.sleep(_KEYS_EVERY_S)
        try:
            await control.end_inactive_keys(bridge)
        except DatabaseError as error:
            log.warning("keys_unchecked", error=str(error))


async def claims(bridge: Bridge) -> None:
    """Look again at signals that a session elsewhere was sent: its gateway may have been killed."""
    while True:
        await asyncio.sleep(_CLAIMS_EVERY_S)
        clients, bridge.claimed_elsewhere = bridge.claimed_elsewhere, set()
        for client_id in clients:
            await delivery.try_deliver_to(bridge, client_id)


async def backlog(bridge: Bridge) -> None:
    """Stop reading while Redis holds too much that the workers have not stored."""
    limit = settings.FKS.journal_limit_mb * 1024 * 1024
    while True:
        await asyncio.sleep(_BACKLOG_EVERY_S)
        try:
            used = int((await bridge.redis.info("memory"))["used_memory"])
        except (RedisError, OSError):
            continue  # the committer says so, and waits
        on = used > (0.8 * limit if bridge.journal.throttled else limit)
        if on != bridge.journal.throttled:
            log.warning("intake_throttled" if on else "intake_resumed", used_mb=used >> 20)
            bridge.journal.throttle(on)
