"""One board per web process: hears what the rooms publish, tells browsers ten times a second.

No channel layer: a group send would cost five times as much and drop silently when it is full.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import redis.asyncio
import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError
from redis.exceptions import RedisError

from bridge_ingest import names
from bridge_ingest.ending import end
from bridge_ingest.store import async_redis
from dashboard.live import history
from dashboard.live.fanout import Viewer
from dashboard.live.messages import (
    EventMessage,
    HealthMessage,
    QuoteRow,
    QuotesMessage,
    VerifyMessage,
)
from dashboard.live.picture import Picture
from market.models import FeedState

log = structlog.get_logger(__name__)

FRAME_EVERY_S = 0.1
# Quotes go out at once, so that two conflations in a row don't add up, but never closer than this.
FRAMES_APART_S = 0.05
BEAT_EVERY_S = 1.0
HEALTH_KEPT_MS = 15_000
RETRY_AFTER_S = 1.0
_LET_GO_WITHIN_S = 2.0
CHANNELS = (names.LIVE_QUOTES, names.LIVE_VERIFY, names.LIVE_EVENT, names.LIVE_HEALTH)

_decode_quotes = msgspec.json.Decoder(QuotesMessage).decode
_decode_verify = msgspec.json.Decoder(VerifyMessage).decode
_decode_health = msgspec.json.Decoder(HealthMessage).decode
_decode_kind = msgspec.json.Decoder(EventMessage).decode


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Board:
    """Lives in one event loop from `start` to `stop`; all of it runs there, so without locks."""

    def __init__(self) -> None:
        self.picture = Picture()
        self.viewers: set[Viewer] = set()
        self.unreadable = 0
        self.frames = 0
        self.hearing = asyncio.Event()
        self._recorder = history.Recorder()
        self._tasks: list[asyncio.Task[None]] = []
        self._due: asyncio.TimerHandle | None = None
        self._framed_at = 0.0
        # redis-py turns a cancellation while it connects into an error of its own, so that
        # cancelling alone may be lost.
        self._stopping = False
        self._readers: dict[bytes, Callable[[bytes], None]] = {
            names.LIVE_QUOTES.encode(): self._hear_quotes,
            names.LIVE_VERIFY.encode(): self._hear_verify,
            names.LIVE_EVENT.encode(): self._hear_event,
            names.LIVE_HEALTH.encode(): self._hear_health,
        }

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._listen(), name="board listens"),
            asyncio.create_task(self._beat(), name="board beats"),
        ]
        for task in self._tasks:
            task.add_done_callback(report_death)

    async def stop(self) -> None:
        self._stopping = True
        if self._due:
            self._due.cancel()
        await end(self._tasks, _LET_GO_WITHIN_S)

    def join(self, viewer: Viewer) -> None:
        viewer.begin(self._snapshot(), self.picture.seq)
        self.viewers.add(viewer)

    def leave(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)

    def acknowledge(self, viewer: Viewer, seq: int) -> None:
        if viewer.acknowledge(seq):
            viewer.begin(self._snapshot(), self.picture.seq)

    # Hearing

    async def _listen(self) -> None:
        """Subscribe, and again after Redis or PostgreSQL was away. Starts from what is stored."""
        while not self._stopping:
            client = async_redis()
            try:
                await self._hear_from(client)
            except (RedisError, OSError, DatabaseError) as error:
                if not self._stopping:
                    log.warning("live_board_cut_off", error=str(error))
                    await asyncio.sleep(RETRY_AFTER_S)
            finally:
                self.hearing.clear()
                await client.aclose()

    async def _hear_from(self, client: redis.asyncio.Redis) -> None:
        async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(*CHANNELS)
            self.picture.load_quotes(await database_sync_to_async(stored_quotes)())
            self.hearing.set()
            self._start_over()
            async for message in pubsub.listen():
                self.hear(message["channel"], message["data"])

    def hear(self, channel: bytes, data: bytes) -> None:
        """One published message. What can't be read is counted and shown on the Health page."""
        try:
            self._readers[channel](data)
        except msgspec.DecodeError as error:  # also what ValidationError is
            self.unreadable += 1
            log.warning("live_message_unreadable", channel=channel.decode(), error=str(error))

    def _hear_quotes(self, data: bytes) -> None:
        self.picture.apply_quotes(_decode_quotes(data))
        self._frame_within(0)

    def _hear_verify(self, data: bytes) -> None:
        self.picture.apply_verify(_decode_verify(data))
        self._frame_within(FRAME_EVERY_S)

    def _hear_event(self, data: bytes) -> None:
        _decode_kind(data)
        self.picture.add_event(msgspec.json.decode(data))
        self._frame_within(0)

    def _hear_health(self, data: bytes) -> None:
        message = _decode_health(data)
        self.picture.apply_health(message)
        self._recorder.add(message)
        self._frame_within(FRAME_EVERY_S)

    # Telling

    def _frame_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        at = max(loop.time() + seconds, self._framed_at + FRAMES_APART_S)
        if self._due and self._due.when() <= at:
            return
        if self._due:
            self._due.cancel()
        self._due = loop.call_at(at, self._send_frame)

    def _send_frame(self) -> None:
        self._due = None
        self._framed_at = asyncio.get_running_loop().time()
        delta = self.picture.take_delta(now_ms())
        if delta is None:
            return
        self.frames += 1
        for viewer in self.viewers:
            viewer.offer(delta, self.picture.seq)

    def _start_over(self) -> None:
        snapshot = self._snapshot()
        for viewer in self.viewers:
            viewer.begin(snapshot, self.picture.seq)

    def _snapshot(self) -> str:
        return self.picture.snapshot(now_ms(), upstream=self.hearing.is_set())

    async def _beat(self) -> None:
        """Once a second a sign of life to browsers and our own figures; at times the history."""
        client = async_redis()
        frames = self.frames
        recorded_at = now_ms() // history.POINT_MS
        try:
            while not self._stopping:
                await asyncio.sleep(BEAT_EVERY_S)
                at = now_ms()
                self.picture.forget_silent(at, HEALTH_KEPT_MS)
                beat = self.picture.beat(at, self.hearing.is_set())
                for viewer in self.viewers:
                    viewer.offer_beat(beat)
                rate, frames = self.frames - frames, self.frames
                await self._publish_figures(client, at, rate)
                if at // history.POINT_MS > recorded_at:
                    recorded_at = at // history.POINT_MS
                    await self._record(client, recorded_at * history.POINT_MS)
        finally:
            await client.aclose()

    async def _publish_figures(self, client: redis.asyncio.Redis, at: int, frames: int) -> None:
        payload = {"process": "web", "at_ms": at, "figures": self.figures(frames)}
        try:
            await client.publish(names.LIVE_HEALTH, msgspec.json.encode(payload))
        except (RedisError, OSError):
            return  # browsers learn it from the beat's `upstream`

    async def _record(self, client: redis.asyncio.Redis, at_ms: int) -> None:
        try:
            await history.write(client, at_ms, self._recorder.take())
        except (RedisError, OSError) as error:
            log.warning("figures_not_recorded", error=str(error))

    def figures(self, frames_per_s: int) -> dict[str, Any]:
        states = self.picture.feeds_by_state()
        return {
            "browsers": len(self.viewers),
            "frames_per_s": frames_per_s,
            "dropped": sum(viewer.dropped for viewer in self.viewers),
            "behind": sum(viewer.is_behind for viewer in self.viewers),
            "unreadable": self.unreadable,
            "feeds_verified": states["verified"],
            "feeds_look": states["look"],
            "feeds_act": states["act"],
        }


def report_death(task: asyncio.Task[None]) -> None:
    """The board's tasks end when it is stopped. Anything else is a fault that must be seen."""
    if not task.cancelled() and task.exception():
        log.error("live_board_died", task=task.get_name(), exc_info=task.exception())


def stored_quotes() -> list[QuoteRow]:
    """The last quote of every feed as rows of a quotes message."""
    return [
        (
            state.feed_id,
            state.bid,
            state.ask,
            _ms(state.event_time),
            _ms(state.received_at),
            state.ticks,
        )
        for state in FeedState.objects.all()
    ]


def _ms(at: Any) -> int:
    return int(at.timestamp() * 1000)


_boards: dict[asyncio.AbstractEventLoop, Board] = {}


def running_board() -> Board:
    """This process's board, started if it is not. Keyed by loop, of which a server has one."""
    loop = asyncio.get_running_loop()
    if loop not in _boards:
        for gone in [other for other in _boards if other.is_closed()]:
            del _boards[gone]
        _boards[loop] = Board()
        _boards[loop].start()
    return _boards[loop]


async def stop_board() -> None:
    """For servers and tests that end their loop in order."""
    board = _boards.pop(asyncio.get_running_loop(), None)
    if board:
        await board.stop()
