"""Group commit into Redis Streams: everything pending goes in one call, then is acked.

There is no timer: a commit starts as soon as the one before it has ended, so a lone tick waits for
nothing and a burst makes few large commits. The script compares each stream's owner and watermark
before it writes (see commit.lua): no number is ever journalled twice, whatever the number of
gateways, and the newest session wins.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Protocol

import numpy as np
import redis.asyncio
import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from bridge_ingest import names
from bridge_ingest.journal.layout import RECORD, pack_events
from bridge_ingest.journal.link import Link

log = structlog.get_logger(__name__)

HIGH_WATER_BYTES = 8 * 1024 * 1024
"""Above this much pending, sessions stop reading, so that TCP pushes back on the terminals."""
_EVENT_BYTES = 400
_RETRY_S = 0.2
_REMEMBERED_S = 7 * 86_400
"""A commit is tried again as long as Redis is away; what is left of a writer that died goes."""
_SCRIPT = resources.files(__package__).joinpath("commit.lua").read_text()


class Listener(Protocol):
    """Who owns a numbered stream and wants to hear of its commits."""

    @property
    def owner(self) -> str:
        """What the script compares with the stream's owner; empty where nobody else can be one."""

    def committed(self, seq: int) -> None:
        """Everything up to and including `seq` is durable."""

    def superseded(self) -> None:
        """Another session owns the stream: nothing of this commit was written for it."""


@dataclass(slots=True)
class Move:
    """A watermark on its way from `expected` to `seq`."""

    expected: int
    seq: int
    listener: Listener


@dataclass(slots=True)
class Pending:
    """What the next commit will write."""

    shards: int
    ticks: list[list[bytes]] = field(init=False)
    events: list[dict[str, Any]] = field(default_factory=list)
    moves: dict[int, Move] = field(default_factory=dict)
    tallies: dict[str | None, dict[str, Any]] = field(default_factory=dict)
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    tick_bytes: int = 0
    event_bytes: int = 0
    since: float = 0.0

    def __post_init__(self) -> None:
        self.ticks = [[] for _ in range(self.shards)]

    @property
    def size(self) -> int:
        """Bytes waiting; events are estimated."""
        return self.tick_bytes + self.event_bytes

    def __bool__(self) -> bool:
        return bool(self.size or self.waiters)

    def without(self, streams: set[int]) -> None:
        """Take out the numbered items of `streams` (they were superseded).

        What is said of a session (that it opened, closed, was refused something) stays true.
        """
        unwanted = np.fromiter(streams, dtype=np.int32)
        for shard, parts in enumerate(self.ticks):
            records = np.frombuffer(b"".join(parts), dtype=RECORD)
            kept = records[~np.isin(records["stream"], unwanted)]
            self.ticks[shard] = [kept.tobytes()] if len(kept) else []
        self.events = [
            event
            for event in self.events
            if event.get("stream") not in streams or not _has_number(event)
        ]
        self.tick_bytes = sum(len(part) for parts in self.ticks for part in parts)


def _has_number(event: dict[str, Any]) -> bool:
    return bool(event.get("seq")) or event["kind"] == "gap"


class Journal:
    """The only writer of the journal in this process. Lives on one event loop."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        writer_id: str,
        shards: int,
        kick: Callable[[str], None],
    ) -> None:
        self._link = Link(client)
        self._writer_id = writer_id
        self._shards = shards
        self._kick = kick
        self._script_sha = ""
        self._commit_number = 0
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._stopping = False
        self.pending = Pending(shards)
        self.committed_ticks = 0
        self.failing_since: float | None = None
        self.throttled = False
        self.latencies_ms: deque[float] = deque(maxlen=4096)

    # What sessions call, synchronously.

    def add_ticks(self, shard: int, data: bytes) -> None:
        pending = self.pending
        pending.ticks[shard].append(data)
        pending.tick_bytes += len(data)
        self._touch()

    def add_event(self, event: dict[str, Any], size: int = _EVENT_BYTES) -> None:
        self.pending.events.append(event)
        self.pending.event_bytes += size
        self._touch()

    def tally_refusal(self, event: dict[str, Any]) -> None:
        """Count a refusal of a flood: one event a session in each commit, however many they are."""
        present = self.pending.tallies.setdefault(event["session"], event)
        if present is event:
            self.add_event(event)
            return
        present["count"] += event["count"]
        present["numbered"] += event["numbered"]
        present["seq"] = max(present["seq"], event["seq"])

    def move(self, stream: int, expected: int, seq: int, listener: Listener) -> None:
        """Say that everything added for `stream` since `expected` ends at `seq`."""
        present = self.pending.moves.get(stream)
        if present is None:
            self.pending.moves[stream] = Move(expected, seq, listener)
        else:
            present.seq = seq

    def settled(self) -> asyncio.Future[None]:
        """A future that is done when everything added so far is durable."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pending.waiters.append(future)
        self._touch()
        return future

    @property
    def is_full(self) -> bool:
        return self.throttled or self.pending.size > HIGH_WATER_BYTES

    async def room(self) -> None:
        """Wait until there is room; readers call it before they take more."""
        while self.is_full:
            self._drained.clear()
            await self._drained.wait()

    def throttle(self, on: bool) -> None:
        """Stop or resume intake from outside, when the workers lag too far behind."""
        self.throttled = on
        if not on:
            self._drained.set()

    # The committer.

    async def run(self) -> None:
        """Commit until `stop`. Never gives up on Redis: what is pending stays pending."""
        try:
            while not (self._stopping and not self.pending):
                await self._wake.wait()
                self._wake.clear()
                if self.pending:
                    await self._commit(self._swap())
                    if self.pending:
                        self._wake.set()
        finally:
            self._link.close()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def _touch(self) -> None:
        if not self._wake.is_set():
            self.pending.since = time.perf_counter()
            self._wake.set()

    def _swap(self) -> Pending:
        taken, self.pending = self.pending, Pending(self._shards)
        self._commit_number += 1
        return taken

    async def _commit(self, pending: Pending) -> None:
        answer = await self._write(pending)
        while answer[0] == b"M":
            self._give_up(pending, {int(stream) for stream in answer[1:]})
            answer = await self._write(pending)
        self._announce(pending)
        touched = self._touched(pending)
        kicks = touched if answer[0] == b"A" else [touched[int(float(n))] for n in answer[1:]]
        for shard in kicks:
            self._kick(shard)

    def _give_up(self, pending: Pending, streams: set[int]) -> None:
        """Leave out `streams`, here and in what their sessions have added since: its numbers may
        fit again, after the newer session's, and would be taken from under it."""
        later = self.pending
        later.without(streams & later.moves.keys())
        for stream in streams:
            later.moves.pop(stream, None)
        pending.without(streams)
        for stream in streams:
            pending.moves.pop(stream).listener.superseded()

    def _announce(self, pending: Pending) -> None:
        self.latencies_ms.append((time.perf_counter() - pending.since) * 1000)
        self.committed_ticks += pending.tick_bytes // RECORD.itemsize
        for move in pending.moves.values():
            move.listener.committed(move.seq)
        for waiter in pending.waiters:
            if not waiter.done():
                waiter.set_result(None)
        if not self.is_full:
            self._drained.set()

    def _touched(self, pending: Pending) -> list[str]:
        shards = [str(shard) for shard, parts in enumerate(pending.ticks) if parts]
        return [*shards, names.EVENTS_SHARD] if pending.events else shards

    async def _write(self, pending: Pending) -> list[bytes]:
        """Run the script; on a lost connection try again, as often as it takes."""
        keys, arguments = self._arguments(pending)
        while True:
            try:
                answer = await self._run_script(keys, arguments)
            except (RedisError, OSError) as error:
                await self._wait_for_redis(error)
            else:
                self.failing_since = None
                return answer

    def _arguments(self, pending: Pending) -> tuple[list[str], list[Any]]:
        keys = [names.WATERMARKS, names.OWNERS, names.last_commit(self._writer_id)]
        arguments: list[Any] = [_REMEMBERED_S, self._commit_number, len(pending.moves)]
        for stream, move in pending.moves.items():
            arguments += (stream, move.listener.owner, move.expected, move.seq)
        for shard in self._touched(pending):
            keys += (names.journal(shard), names.inflight(shard))
            if shard == names.EVENTS_SHARD:
                arguments += (b"e", pack_events(pending.events))
            else:
                arguments += (b"t", b"".join(pending.ticks[int(shard)]))
        return keys, arguments

    async def _run_script(self, keys: list[str], arguments: list[Any]) -> list[bytes]:
        if not self._script_sha:
            self._script_sha = (await self._link.call("SCRIPT", "LOAD", _SCRIPT)).decode()
        command = ("EVALSHA", self._script_sha, len(keys), *keys, *arguments)
        answer: list[bytes] = await self._link.call(*command)
        return answer

    async def _wait_for_redis(self, error: Exception) -> None:
        self._script_sha = ""  # a restarted Redis has forgotten the script
        if self.failing_since is None:
            self.failing_since = time.time()
            lost = isinstance(error, (RedisConnectionError, OSError))
            log.error("journal_unreachable" if lost else "journal_refused", error=str(error))
        await asyncio.sleep(_RETRY_S)
