"""Sends several recorded feeds in the one order in which they were received."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass

from agent.client import Client
from agent.errors import InputError
from agent.protocol import Identity
from agent.replay.csv_ticks import rows
from agent.replay.feed import Feed
from agent.terminal import Counts, Options
from agent.transport import Endpoint

# So many ticks a client may be ahead of the acknowledgements. It also bounds how far the feeds can
# drift apart on their separate connections.
WINDOW = 5000
_YIELD_EVERY = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send and how. `speed` is a factor of real time, None as fast as the bridge takes it.

    `patience_s` is how long the bridge may acknowledge nothing before the replay gives up.
    """

    feeds: list[Feed]
    speed: float | None = None
    batch: int = 100
    patience_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a replay; `seconds` run from the first tick to the last acknowledgement."""

    counts: dict[str, Counts]
    seconds: float
    first_reject: str

    def summary(self) -> dict[str, object]:
        """The counts of all clients together, and of each."""
        total = {
            name: sum(getattr(counts, name) for counts in self.counts.values())
            for name in ("produced", "sent", "acked", "rejected", "resent", "dropped", "sessions")
        }
        return {
            **total,
            "seconds": round(self.seconds, 3),
            "ticks_per_s": round(total["acked"] / self.seconds) if self.seconds else 0,
            "clients": {client: asdict(counts) for client, counts in self.counts.items()},
        }


async def play(plan: Plan, endpoint: Endpoint) -> Outcome:
    """Send everything and wait until all of it is acknowledged.

    Raises RefusedError, StalledError or InputError.
    """
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(_client(feeds, plan, endpoint))
            for name, feeds in _by_client(plan.feeds).items()
        }
        for client in clients.values():
            await client.connected(patience_s=plan.patience_s)
        began = time.monotonic()
        await _send(plan, [clients[feed.client] for feed in plan.feeds])
        for client in clients.values():
            await client.all_acked(patience_s=plan.patience_s)
        seconds = time.monotonic() - began
    counts = {name: client.counts for name, client in clients.items()}
    rejects = [client.first_reject for client in clients.values() if client.first_reject]
    return Outcome(counts, seconds, rejects[0] if rejects else "")


def _by_client(feeds: list[Feed]) -> dict[str, list[Feed]]:
    grouped: dict[str, list[Feed]] = {}
    for feed in feeds:
        grouped.setdefault(feed.client, []).append(feed)
    for name, own in grouped.items():
        if len({(feed.key, feed.platform, feed.stream) for feed in own}) > 1:
            raise InputError(f"the feeds of {name} differ in key, platform or stream")
    return grouped


def _client(feeds: list[Feed], plan: Plan, endpoint: Endpoint) -> Client:
    first = feeds[0]
    identity = Identity(
        first.client,
        first.key,
        first.platform,
        mode="replay",
        symbols=tuple(dict.fromkeys(feed.symbol for feed in feeds)),
    )
    options = Options(capacity=WINDOW, batch=plan.batch, repeatable=True)
    return Client(endpoint, identity, options, stream_id=first.stream)


async def _send(plan: Plan, clients: list[Client]) -> None:
    pace = Pace(plan.speed)
    for count, (received_ms, at, record) in enumerate(merged(plan.feeds)):
        client = clients[at]
        if count % _YIELD_EVERY == 0:
            await asyncio.sleep(0)
        if plan.speed is not None:
            await pace.until(received_ms)
        if not client.has_room:
            await client.room(patience_s=plan.patience_s)
        client.record(plan.feeds[at].symbol, record)


def merged(feeds: list[Feed]) -> Iterator[tuple[int, int, str]]:
    """(received_ms, index of the feed, record) of all feeds in order of receipt."""
    return heapq.merge(*(_numbered(at, feed) for at, feed in enumerate(feeds)))


def _numbered(at: int, feed: Feed) -> Iterator[tuple[int, int, str]]:
    for received_ms, record in rows(feed):
        yield received_ms, at, record


class Pace:
    """Waits until a recorded moment comes, at a factor of real time."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._origin: tuple[float, int] | None = None

    async def until(self, moment_ms: int) -> None:
        if self._speed is None:
            return
        if self._origin is None:
            self._origin = (time.monotonic(), moment_ms)
        began, first_ms = self._origin
        delay = began + (moment_ms - first_ms) / 1000 / self._speed - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
