"""The client library: give it data as it happens, it sees to it that the bridge gets it once.

    async with Client(TcpEndpoint("127.0.0.1", 8888), Identity("ICM-LIVE", key, "mt5")) as client:
        client.tick("EURUSD", 1.08123, 1.08125, time_ms)
        await client.all_acked()

Producing never blocks: with a full ring the oldest items are dropped and reported by `gap`. A
producer that can wait (a file, say) awaits `room` first and so loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from agent.errors import LinkError, ProtocolError, RefusedError, SessionError, StalledError
from agent.protocol import Identity, encode, price_text
from agent.ring import Item, Ring
from agent.session import Session, StreamConflictError
from agent.signals import SignalBook
from agent.state import Memory
from agent.stream import Stream
from agent.terminal import Counts, Handlers, Health, Options, Terminal
from agent.transport import Endpoint

log = logging.getLogger(__name__)

_CLOSE_S = 1.0


class Client:
    """One terminal's link to the bridge. Use it as an async context manager.

    `stream_id` names the numbering; without it, and without a state file, a random one is made.
    Waiting methods raise RefusedError once the bridge has turned the terminal away for good.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        identity: Identity,
        options: Options | None = None,
        handlers: Handlers | None = None,
        *,
        stream_id: str | None = None,
        state_file: Memory | None = None,
    ) -> None:
        options = options or Options()
        if state_file is not None:
            stream, book = state_file.restore(options.capacity)
            # Until the orderly end, a crash must not find the numbering of the last run.
            state_file.save_signals(book)
        else:
            stream, book = Stream(Ring(options.capacity), stream_id), SignalBook()
        self._terminal = Terminal(
            identity, options, handlers or Handlers(), stream, book, state_file, batch=options.batch
        )
        self._endpoint = endpoint
        self._session: Session | None = None
        self._closing = asyncio.Event()
        self._away_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self.problem = ""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_connected())
        self._task.add_done_callback(lambda _: self._terminal.progress.set())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # Data

    def tick(
        self,
        symbol: str,
        bid: float,
        ask: float,
        time_ms: int,
        *,
        volume: float = 0,
        last: float | None = None,
        flags: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> int:
        """Number and queue one quote tick; returns its number.

        `time_ms` is the terminal's own clock. `extra` holds further fields of the message, such as
        `received_ms` in replay mode. Raises ValueError for a price that is not finite.
        """
        if last is None and flags is None and not extra:
            text = f"[{time_ms},{price_text(bid)},{price_text(ask)},{price_text(volume)}]"
            return self.record(symbol, text)
        fields = {"last": last, "flags": flags, **(extra or {})}
        given = {name: value for name, value in fields.items() if value is not None}
        tick = {"symbol": symbol, "bid": bid, "ask": ask, "time_ms": time_ms, "volume": volume}
        return self.message("tick", {**tick, **given})

    def record(self, symbol: str, text: str) -> int:
        """Number and queue one `ticks` record that is JSON text already; returns its number."""
        return self.append(Item("ticks", symbol, text))

    def bar(
        self,
        symbol: str,
        period: str,
        time_ms: int,
        prices: tuple[float, float, float, float],
        volume: float,
        *,
        stamp: str = "open",
        closed: bool = True,
    ) -> int:
        """Number and queue a bar; `prices` are open, high, low, close. `stamp` says whether
        `time_ms` is the moment the bar opened or closed."""
        names = ("open", "high", "low", "close")
        fields = {"symbol": symbol, "period": period, "time_ms": time_ms}
        fields.update(zip(names, prices, strict=True))
        return self.message("bar", {**fields, "volume": volume, "stamp": stamp, "closed": closed})

    def indicator(
        self, symbol: str, name: str, value: float, time_ms: int, period: str | None = None
    ) -> int:
        """Number and queue the value of an indicator."""
        fields = {"symbol": symbol, "name": name, "value": value, "time_ms": time_ms}
        return self.message("indicator", fields if period is None else {**fields, "period": period})

    def message(self, kind: str, fields: dict[str, Any]) -> int:
        """Number and queue any other data message (`order`, `position`, `account`, ...)."""
        return self.append(Item(kind, "", encode(fields).decode()[1:-1]))

    def append(self, item: Item) -> int:
        """Number and queue an item that is encoded already; returns its number."""
        seq = self._terminal.stream.ring.append(item)
        self._terminal.wake.set()
        return seq

    def lose(self, count: int) -> None:
        """Number `count` items that were lost before they came here; a `gap` reports them.

        Raises ValueError while anything is held: await `all_acked` first.
        """
        self._terminal.stream.ring.skip(count)
        self._terminal.wake.set()

    def say(self, message: bytes) -> bool:
        """Say something without a number; False, and it is not kept, when no session is open."""
        if self._session is None or self._session.welcome is None:
            return False
        self._session.say(message)
        return True

    # Signals and state

    def acknowledge(self, signal_id: str, state: str, **details: str | float) -> bool:
        """Take a signal to `state` and tell the bridge; False when it was there or past it.

        `details` are `detail`, `ticket` and `price`. Raises KeyError for an id never received.
        """
        terminal = self._terminal
        if not terminal.book.move(signal_id, state, details):
            return False
        terminal.remember_signals()
        if self._session is not None and self._session.welcome is not None:
            self._session.tell(signal_id)
        return True

    @property
    def counts(self) -> Counts:
        return self._terminal.counts()

    @property
    def health(self) -> Health:
        """What `status` says of the platform; change its fields when they change."""
        return self._terminal.health

    @property
    def acked_through(self) -> int:
        """The highest number up to which the bridge has everything."""
        return self._terminal.stream.ring.acked_through

    @property
    def next_number(self) -> int:
        return self._terminal.stream.ring.next

    @property
    def stream_id(self) -> str:
        return self._terminal.stream.id

    @property
    def signals(self) -> SignalBook:
        return self._terminal.book

    @property
    def first_reject(self) -> str:
        """The oldest refusal still remembered, as a sentence; empty when there was none."""
        if not self._terminal.rejects:
            return ""
        reject = self._terminal.rejects[0]
        return f"{reject.code} {reject.field} {reject.reason}"

    # Waiting

    @property
    def has_room(self) -> bool:
        """Whether one more item fits without dropping any."""
        return self._terminal.stream.ring.room > 0

    async def room(self, items: int = 1, *, patience_s: float | None = None) -> None:
        """Wait until `items` more fit without dropping any."""
        await self._until(lambda: self._terminal.stream.ring.room >= items, patience_s)

    async def all_acked(self, *, patience_s: float | None = None) -> None:
        """Wait until nothing is left in the ring.

        Raises StalledError when no acknowledgement arrives for `patience_s`.
        """
        await self._until(lambda: self._terminal.stream.ring.buffered == 0, patience_s)

    async def acked_past(self, number: int) -> None:
        """Wait until the bridge has acknowledged more than `number`."""
        await self._until(lambda: self.acked_through > number, None)

    async def connected(self, *, patience_s: float | None = None) -> None:
        """Wait for a session to be open."""
        await self._until(
            lambda: self._session is not None and self._session.welcome is not None, patience_s
        )

    async def ended(self) -> None:
        """Wait for the link to end for good; raises RefusedError with the bridge's reason."""
        await self._until(self._closing.is_set, None)

    async def _until(self, done: Callable[[], bool], patience_s: float | None) -> None:
        progress = self._terminal.progress
        while not done():
            if self._task is None or self._task.done():
                if self._task is not None and not self._task.cancelled():
                    self._task.result()
                raise LinkError("the client is closed")
            progress.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await progress.wait()
            except TimeoutError as fault:
                why = f"; {self.problem}" if self.problem else ""
                raise StalledError(f"no answer of the bridge for {patience_s:g} s{why}") from fault

    # The link

    def drop_oldest(self, items: int) -> int:
        """Lose the oldest unacknowledged items, as a terminal that ran out of room would."""
        return self._terminal.stream.ring.drop_oldest(items)

    def cut(self, away_s: float = 0.0) -> None:
        """Break the connection as a failing line would and stay away for `away_s`."""
        self._away_s = away_s
        if self._session is not None:
            self._session.cut()

    async def close(self) -> None:
        """Say the last counts, close the connection and write the state file."""
        self._closing.set()
        self._terminal.progress.set()
        if self._session is not None and self._session.welcome is not None:
            self._session.stop()
            await asyncio.wait([self._task] if self._task else [], timeout=_CLOSE_S)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            if self._terminal.state_file is not None:
                self._terminal.state_file.save(self._terminal.stream, self._terminal.book)

    async def _keep_connected(self) -> None:
        failures = 0
        while not self._closing.is_set():
            sessions = self._terminal.sessions
            await self._one_session()
            failures = 0 if self._terminal.sessions > sessions else failures + 1
            await self._pause(max(self._away_s, self._backoff(failures)))
            self._away_s = 0.0

    async def _one_session(self) -> None:
        """One session to its end; only an end that is final is raised."""
        try:
            transport = await self._endpoint.connect()
            self._session = Session(self._terminal, transport)
            await self._session.run()
        except RefusedError as why:
            self.problem = str(why)
            raise
        except StreamConflictError as why:
            self.problem = str(why)
            log.warning("%s: a new stream begins", why)
            self._terminal.stream = self._terminal.stream.renumbered()
        except (LinkError, SessionError, ProtocolError) as why:
            self.problem = str(why)
            log.info("%s: %s", self._terminal.identity.client, why)
        else:
            self.problem = ""
        finally:
            self._session = None
            self._terminal.handlers.on_end(self.problem)

    async def _pause(self, delay_s: float) -> None:
        try:
            async with asyncio.timeout(delay_s):
                await self._closing.wait()
        except TimeoutError:
            return

    def _backoff(self, failures: int) -> float:
        """Exponential with jitter, so that a restarted bridge is not met by all at once."""
        options = self._terminal.options
        ceiling = min(options.backoff_limit_s, options.backoff_s * 2.0 ** min(failures, 20))
        return ceiling * random.SystemRandom().uniform(0.5, 1.0)
