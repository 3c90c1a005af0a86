"""From lines to the bridge: numbered, acknowledged, and remembered once they are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

from agent.client import Client
from agent.errors import InputError
from agent.protocol import Identity
from agent.ring import Item
from agent.tail.checkpoint import Checkpoint, Step
from agent.tail.follower import Follower, Line
from agent.tail.rows import (
    FORMATS,
    BadRowError,
    Context,
    RowFormat,
    format_of,
    is_header,
    need_period,
)
from agent.terminal import Counts, Options
from agent.transport import Endpoint

log = logging.getLogger(__name__)

CAPACITY = 5000
_YIELD_EVERY = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What to follow and how. `once`: stop at the end of the file instead of waiting for more.

    `from_end`: at the very first start, leave out what the file holds already.
    """

    file: Path
    state: Path
    identity: Identity
    symbol: str
    period: str = ""
    once: bool = False
    from_end: bool = False
    poll_s: float = 0.2
    patience_s: float = 60.0


@dataclass(slots=True)
class Tally:
    """What became of lines. `bad` are lines that are no rows, of which the first is kept."""

    sent: int = 0
    bad: int = 0
    first_bad: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    counts: Counts
    tally: Tally
    lost_place: bool
    first_reject: str


@dataclass(slots=True)
class Tail:
    """Follows one file until it is cancelled, or with `once` until its end."""

    plan: Plan
    endpoint: Endpoint
    tally: Tally = field(default_factory=Tally)
    outcome: Outcome | None = None

    async def run(self) -> Outcome:
        """Raises RefusedError, StalledError or InputError."""
        checkpoint = Checkpoint(self.plan.state)
        follower = self._follower(checkpoint)
        options = Options(capacity=CAPACITY, repeatable=True)
        client = Client(self.endpoint, self.plan.identity, options, state_file=checkpoint)
        try:
            async with client:
                await client.connected(patience_s=self.plan.patience_s if self.plan.once else None)
                await self._follow(client, follower, checkpoint)
        finally:
            follower.close()
            self.outcome = Outcome(
                client.counts, self.tally, follower.lost_place, client.first_reject
            )
        return self.outcome

    def _follower(self, checkpoint: Checkpoint) -> Follower:
        follower = Follower(self.plan.file, checkpoint.progress.place)
        if follower.lost_place:
            log.warning("%s is not the file that was read before: it is read whole", self.plan.file)
            checkpoint.begin_anew()
        if checkpoint.is_new and self.plan.from_end:
            checkpoint.progress.place = follower.skip_to_end().saved()
        return follower

    async def _follow(self, client: Client, follower: Follower, checkpoint: Checkpoint) -> None:
        reader = _Reader(self.plan, checkpoint)
        while True:
            for number, line in enumerate(follower.lines()):
                if number % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)
                await self._send(client, reader, line)
                checkpoint.note_now_and_then(client.acked_through)
            checkpoint.note_now_and_then(client.acked_through)
            if self.plan.once:
                await client.all_acked(patience_s=self.plan.patience_s)
                return
            await self._pause(client)

    async def _pause(self, client: Client) -> None:
        """Raises RefusedError when the bridge turns the client away meanwhile."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.plan.poll_s):
                await client.ended()

    async def _send(self, client: Client, reader: _Reader, line: Line) -> None:
        try:
            item = reader.item(line)
        except BadRowError as fault:
            self.tally.bad += 1
            self.tally.first_bad = self.tally.first_bad or f"{line.text[:80]!r}: {fault}"
            log.warning("line passed over: %r: %s", line.text[:80], fault)
            return
        if item is None:
            return
        if not client.has_room:
            await client.room()
        reader.note(client.append(item), line)
        self.tally.sent += 1


class _Reader:
    """Lines of whatever format the file has; remembers with each row what the next one needs."""

    def __init__(self, plan: Plan, checkpoint: Checkpoint) -> None:
        progress = checkpoint.progress
        self._checkpoint = checkpoint
        self._context = Context(plan.symbol, plan.period, dict(progress.sides))
        self._format: RowFormat | None = FORMATS.get(progress.format)

    def item(self, line: Line) -> Item | None:
        """None for a header and a blank line. Raises BadRowError and InputError."""
        if line.is_first or self._format is None:
            self._format = format_of(line.text) or self._format
            if self._format is None:
                raise InputError(f"the file begins as no known format does: {line.text[:80]!r}")
            need_period(self._format, self._context)
        if not line.text or is_header(line.text):
            return None
        return self._format.read(line.text, self._context)

    def note(self, seq: int, line: Line) -> None:
        form = self._format.name if self._format else ""
        step = Step(seq, line.place, form, dict(self._context.sides))
        self._checkpoint.progress.steps.append(step)
