"""One pair's memory and the bridge: what the terminal writes goes there, what it says comes back.

The terminal's program numbers its data. A record is freed only when the bridge has acknowledged it,
so that whatever dies, the next one finds what is missing and under its number.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from agent.client import Client
from agent.errors import RefusedError
from agent.loop import first_to_end
from agent.protocol import Identity, Welcome, encode
from agent.shm.items import item_of
from agent.shm.layout import Message, Text
from agent.shm.pair import Pair
from agent.shm.recall import Recall
from agent.terminal import Handlers, Options, now_ms
from agent.transport import Endpoint

log = logging.getLogger(__name__)

_READ_RECORDS = 4096
_LOOK_MS = 1000
_SILENCE_S = 45.0
_YIELD_EVERY = 100


@dataclass(frozen=True, slots=True)
class Watcher:
    """Whoever wants to see what passes: nobody by default."""

    on_terminal: Callable[[str], None] = lambda _: None
    on_message: Callable[[str, Message], None] = lambda *_: None
    on_line: Callable[[str, bytes], None] = lambda *_: None
    on_trouble: Callable[[str, str], None] = lambda *_: None


class Forwarder:
    """Serves one pair until cancelled. `identity` is the client's; the name is its instance."""

    def __init__(
        self, name: str, pair: Pair, endpoint: Endpoint, identity: Identity, watcher: Watcher
    ) -> None:
        self.name = name
        self._pair = pair
        self._endpoint = endpoint
        self._identity = identity
        self._watcher = watcher
        self._waiting: deque[tuple[Message, int]] = deque()
        self._steps: deque[tuple[int, int]] = deque()  # a number, and what is free once it is safe
        self._waiter = ThreadPoolExecutor(1)
        self._trouble = ""
        self._is_open = False
        self._passed = 0

    async def run(self) -> None:
        """Raises RefusedError when the bridge wants the terminal no more."""
        try:
            while True:
                await self._something()
                await self._serve(self._waiting[0][0])
        finally:
            self._pair.cut_short()
            self._waiter.shutdown()
            self._pair.close()

    # One numbering of the terminal's program.

    async def _serve(self, first: Message) -> None:
        self._watcher.on_terminal(self.name)
        recall = Recall(
            f"{self.name}-{self._pair.born:x}-{first.stream:x}",
            first.number if first.numbered else first.number + 1,
        )
        options = Options(capacity=self._pair.capacity, repeatable=True)
        identity = self._identity_for(first)
        client = Client(self._endpoint, identity, options, self._handlers(), state_file=recall)
        self._client = client
        try:
            async with client:
                parts = (self._forward(client, first), self._free(client), client.ended())
                await first_to_end(*parts)
        except RefusedError as why:
            self._tell("away", reason=str(why), final=True)
            raise

    def _identity_for(self, first: Message) -> Identity:
        about, base = self._pair.about, self._identity
        return Identity(
            base.client,
            base.key,
            "mt4",
            version=str(about.get("version", "")) or None,
            instance=self.name,
            account=str(about.get("account", "")) or None,
            utc_offset_s=first.utc_offset_s,
            seal=base.seal,
        )

    async def _forward(self, client: Client, first: Message) -> None:
        """Until the program has gone or begins another numbering, or its clock another offset."""
        begun = (first.stream, first.utc_offset_s)
        while await self._something(until_gone=True):
            message, after = self._waiting[0]
            if (message.stream, message.utc_offset_s) != begun:
                break
            self._waiting.popleft()
            await self._pass_on(client, message)
            self._steps.append((message.number, after))
            self._free_acknowledged(client)
            self._passed += 1
            if self._passed % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        await client.all_acked()
        self._free_all()

    async def _pass_on(self, client: Client, message: Message) -> None:
        missing = message.number - client.next_number + (0 if message.numbered else 1)
        if missing > 0:  # a full ring has refused them
            await client.all_acked()
            client.lose(missing)
        self._watcher.on_message(self.name, message)
        if message.numbered:
            client.append(item_of(message))
        elif isinstance(message, Text):
            self._hear(client, message.text)

    def _hear(self, client: Client, text: bytes) -> None:
        """A word without a number: how the terminal is, or something for the bridge."""
        try:
            said = json.loads(text)
            is_status = said["type"] == "status"
        except (ValueError, KeyError, TypeError):
            log.warning("%s said what can't be read: %r", self.name, text[:120])
            return
        if not is_status:
            client.say(text)
            return
        for name in ("trade_allowed", "broker_connected", "market_open"):
            setattr(client.health, name, said.get(name) is True)

    # What may be overwritten.

    async def _free(self, client: Client) -> None:
        while True:
            await client.acked_past(client.acked_through)
            self._free_acknowledged(client)

    def _free_acknowledged(self, client: Client) -> None:
        after = None
        while self._steps and self._steps[0][0] <= client.acked_through:
            _, after = self._steps.popleft()
        if after is not None:
            self._pair.free(after)

    def _free_all(self) -> None:
        if self._steps:
            self._pair.free(self._steps[-1][1])
            self._steps.clear()

    # Waiting.

    async def _something(self, *, until_gone: bool = False) -> bool:
        """Wait until a message waits; False when its writer is gone or silent for too long."""
        loop, heard_at = asyncio.get_running_loop(), time.monotonic()
        while not self._waiting:
            self._waiting.extend(self._pair.read(_READ_RECORDS))
            if self._waiting:
                break
            if until_gone and self._is_gone(heard_at):
                return False
            await loop.run_in_executor(self._waiter, self._pair.wait, _LOOK_MS)
        return True

    def _is_gone(self, heard_at: float) -> bool:
        return not self._pair.other_is_alive or time.monotonic() - heard_at > _SILENCE_S

    # What the program hears.

    def _handlers(self) -> Handlers:
        return Handlers(on_welcome=self._welcomed, on_end=self._ended, on_line=self._pass_back)

    def _welcomed(self, welcome: Welcome) -> None:
        self._is_open = True
        ahead_ms = welcome.server_time_ms - now_ms()
        self._tell("welcome", ahead_ms=ahead_ms, config=dict(welcome.config))

    def _ended(self, problem: str) -> None:
        """Also after each attempt: the same trouble is told once, the end of a session always."""
        if self._is_open or problem != self._trouble:
            self._tell("away", reason=problem, final=False)
            self._watcher.on_trouble(self.name, problem)
        self._trouble, self._is_open = problem, False

    def _pass_back(self, line: bytes) -> None:
        self._watcher.on_line(self.name, line)
        if self._pair.say(line):
            return
        message = json.loads(line)
        if message["type"] == "signal":
            why = "the program on the chart does not read its signals"
            ack = {"type": "signal_ack", "id": message["id"], "state": "rejected", "detail": why}
            self._client.say(encode(ack))

    def _tell(self, kind: str, **fields: Any) -> None:
        """Said once; a program that does not read may miss it, and learns more with the next."""
        self._pair.say(encode({"type": kind, **fields}))
