"""The ingest half of one process: journal, directory, live board, sessions, outside orders.

Both the gateway and the web process have one (machines may post to either); it is made on first
use, on the running event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from bridge_ingest import names
from bridge_ingest.ending import end
from bridge_ingest.gateway.directory import Directory
from bridge_ingest.gateway.tokens import Tokens
from bridge_ingest.journal.writer import Journal
from bridge_ingest.protocol.intake import Board, ClientState
from bridge_ingest.protocol.plain_session import PlainSession, PlainStream
from bridge_ingest.protocol.refusals import StrangersBook
from bridge_ingest.protocol.session import Session
from bridge_ingest.store import async_redis

log = structlog.get_logger(__name__)

AnySession = Session | PlainSession
DRAIN_TASK = "fksbridge.tasks.drain"


_COMMIT_WITHIN_S = 2.0
"""At the end: what Redis has not taken by then was not acknowledged and will be sent again."""
_LET_GO_WITHIN_S = 1.5


class Bridge:
    """See the module's docstring. `start`, `stop` and `close` once each."""

    def __init__(self, role: str) -> None:
        self.role = role
        # It is part of a stream's name: a long host name must not cut off what makes it unique.
        self.id = f"{role}-{socket.gethostname()[:24]}-{os.getpid()}-{secrets.token_hex(3)}"
        self.redis = async_redis()
        self.journal = Journal(self.redis, self.id, settings.FKS.shards, self._kick)
        self.directory = Directory()
        self.tokens = Tokens(self.directory)
        self.board = Board()
        self.sessions: dict[UUID, AnySession] = {}
        self.started_at = time.time()
        self.strangers = StrangersBook()
        self.claimed_elsewhere: set[int] = set()
        self._openings: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._plain_streams: dict[str, PlainStream] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._kicker = ThreadPoolExecutor(1, thread_name_prefix="kick")
        self._journal_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        # Here, not at the top: these modules describe what a Bridge does and import its type.
        from bridge_ingest.gateway import clocks, control, publish, watch

        self._journal_task = asyncio.create_task(self.journal.run(), name="journal")
        self._journal_task.add_done_callback(_say_why)
        for job in (
            control.listen(self),
            publish.quotes(self),
            publish.health(self),
            watch.sessions(self),
            watch.keys(self),
            watch.backlog(self),
            watch.claims(self),
            clocks.report(self),
        ):
            self.spawn(job)

    def spawn(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a job of this bridge until it ends or the bridge stops; its failure is not silent."""
        task = asyncio.create_task(job)
        self._tasks.append(task)
        task.add_done_callback(self._reap)
        return task

    async def stop(self) -> None:
        """Tell every session and commit what is pending."""
        for session in list(self.sessions.values()):
            session.end("shutdown", "The gateway is stopping; connect again.")
        await asyncio.gather(end(list(self._tasks), _LET_GO_WITHIN_S), self._end_journal())
        self._kicker.shutdown(wait=False, cancel_futures=True)
        self.directory.close()

    async def _end_journal(self) -> None:
        self.journal.stop()
        if self._journal_task is not None:
            await asyncio.wait([self._journal_task], timeout=_COMMIT_WITHIN_S)
            await end([self._journal_task], _LET_GO_WITHIN_S)

    async def close(self) -> None:
        """Let go of Redis, once the sessions have handed on what they were sent."""
        await self._sign_off()
        await self.redis.aclose()
        pool = self.redis.connection_pool
        pool.reset()  # type: ignore[no-untyped-call]
        pool.max_connections = 0  # whoever still asks gets an error, and opens nothing anew

    @property
    def is_writing(self) -> bool:
        """False when the journal's writer has died of a defect: nothing is acknowledged then."""
        return self._journal_task is not None and not self._journal_task.done()

    # Sessions.

    def opening(self, stream: int) -> asyncio.Lock:
        """Held from the end of a stream's older session until the newer one is in its place."""
        return self._openings.setdefault(stream, asyncio.Lock())

    def add(self, session: AnySession) -> None:
        self.sessions[session.id] = session

    def remove(self, session: AnySession) -> None:
        self.sessions.pop(session.id, None)

    def on_stream(self, stream: int) -> list[Session]:
        """Numbered sessions that speak for a stream."""
        return [
            session
            for session in self.sessions.values()
            if isinstance(session, Session) and session.stream == stream
        ]

    def of_client(self, client_id: int) -> list[Session]:
        """Numbered sessions of a client here."""
        return [
            session
            for session in self.sessions.values()
            if isinstance(session, Session) and session.client.id == client_id
        ]

    async def take_over(self, stream: int, owner: str, stored: int) -> int:
        """Make `owner` the only one who writes to a stream; returns its highest journalled number.

        What is on its way from this process is waited for. What another gateway's session sends
        from now on is not taken, and that session is told to end. `stored` is what PostgreSQL
        knows: it takes over when Redis has lost its data.
        """
        await self.journal.settled()
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hsetnx(names.WATERMARKS, str(stream), str(stored))
            pipe.hset(names.OWNERS, str(stream), owner)
            pipe.hget(names.WATERMARKS, str(stream))
            pipe.publish(names.CONTROL, msgspec.json.encode({"op": "taken", "stream": stream}))
            watermark = (await pipe.execute())[2]
        return int(watermark)

    async def owner(self, stream: int) -> str:
        """The session that speaks for a stream, at whatever gateway; empty for none."""
        found = cast(bytes | None, await self.redis.hget(names.OWNERS, str(stream)))
        return (found or b"").decode()

    def follow_clock(self, client: ClientState) -> None:
        """Every live session of the client goes by the offset that is in force now."""
        for session in self.sessions.values():
            if isinstance(session, Session) and session.client.id == client.id:
                session.opening.clocks.follow(client.offset_s)
        for stream in self._plain_streams.values():
            if stream.client.id == client.id:
                stream.clocks.follow(client.offset_s)

    def plain_stream(self, name: str) -> PlainStream | None:
        present = self._plain_streams.get(name)
        return None if present is None or present.is_lost else present

    async def open_plain_stream(self, name: str, client: ClientState) -> PlainStream:
        """The numbering of this process for one client's plain items."""
        own = f"plain-{self.id}"[:64]
        stream_id, stored = await self.directory.stream(client, own, plain=True)
        async with self.opening(stream_id):
            present = self.plain_stream(name)
            if present is None:
                watermark = await self.take_over(stream_id, "", stored)
                present = PlainStream(stream_id, client, watermark + 1)
                self._plain_streams[name] = present
        return present

    async def _sign_off(self) -> None:
        """Stopped in good order: nobody needs to miss this process, its claims hold no more."""
        with contextlib.suppress(RedisError, OSError):
            await self.redis.delete(names.alive(self.id))
            await self.redis.srem(names.GATEWAYS, self.role)

    # Workers.

    def _kick(self, shard: str) -> None:
        self._kicker.submit(_send_drain, shard)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.remove(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("bridge_job_failed", job=str(task.get_coro()), exc_info=error)


def _say_why(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("journal_writer_died", exc_info=error)


def queue_of(shard: str) -> str:
    """Events share the default queue; each tick shard has its own, with its own worker."""
    return "default" if shard == names.EVENTS_SHARD else f"shard.{shard}"


def _send_drain(shard: str) -> None:
    try:
        current_app.send_task(DRAIN_TASK, args=[shard], queue=queue_of(shard))
    except (BrokerError, RedisError) as error:
        # Beat drives every shard each second, so a lost kick costs a second at most.
        log.warning("drain_kick_failed", shard=shard, error=str(error))


_current: dict[int, Bridge] = {}


def current(role: str = "web") -> Bridge:
    """This loop's bridge, started on first use."""
    loop = asyncio.get_running_loop()
    bridge = _current.get(id(loop))
    if bridge is None:
        bridge = _current[id(loop)] = Bridge(role)
        bridge.start()
    return bridge


async def stop_current() -> None:
    """The first half of the end; conversations may still say what they have to say."""
    bridge = _current.get(id(asyncio.get_running_loop()))
    if bridge is not None:
        await bridge.stop()


async def close_current() -> None:
    """The second half, after the last conversation."""
    bridge = _current.pop(id(asyncio.get_running_loop()), None)
    if bridge is not None:
        await bridge.close()
