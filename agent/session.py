"""One conversation with the bridge over one connection, from `hello` to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from agent.errors import BridgeError, LinkError, ProtocolError, RefusedError, SessionError
from agent.loop import first_to_end
from agent.outgoing import Outgoing
from agent.protocol import (
    FINAL_CODES,
    HELLO_TIMEOUT_S,
    Ack,
    Command,
    Config,
    Ended,
    Incoming,
    Ping,
    Pong,
    Reject,
    Resend,
    Signal,
    Welcome,
    decode,
    encode,
    signal_ack,
)
from agent.terminal import Terminal, now_ms
from agent.transport import Transport

log = logging.getLogger(__name__)

_FINISH_S = 0.5


class StreamConflictError(BridgeError):
    """The bridge holds numbers of this stream that the terminal has never given out."""


class Session:
    """Sender, receiver and heartbeat of one connection.

    Only the sender writes, so what is said stays in order: what was queued with `say` first, then
    numbered data.
    """

    def __init__(self, terminal: Terminal, transport: Transport) -> None:
        self._terminal = terminal
        self._transport = transport
        self._queue: deque[bytes] = deque()
        self._unread: list[bytes] = []
        self._told: dict[str, str] = {}
        self._ping_told: dict[str, str] = {}
        self._ping_at = 0.0
        self._heard_at = time.monotonic()
        self._stopping = False
        self.welcome: Welcome | None = None
        self._out = Outgoing(transport, terminal.identity.seal)
        self._handlers: dict[type, Callable[[Any], None]] = {
            Ack: self._acked,
            Resend: self._resend,
            Reject: self._rejected,
            Ended: self._ended,
            Signal: self._signal,
            Config: self._config,
            Command: self._command,
            Ping: self._pinged,
            Pong: self._ponged,
            Welcome: self._welcomed_twice,
        }

    async def run(self) -> None:
        """Speak until `stop`; returns then.

        Raises LinkError, ProtocolError, SessionError, RefusedError or StreamConflictError.
        """
        try:
            terminal = self._terminal
            hello = terminal.identity.hello(terminal.stream.id)
            await self._transport.send(terminal.identity.seal(hello))
            self._begin(await self._welcomed())
            await first_to_end(self._send(), self._receive(), self._keep_alive())
            async with asyncio.timeout(_FINISH_S):
                await self._transport.finish()
        except TimeoutError as fault:
            raise LinkError("the bridge did not answer in time") from fault
        finally:
            self._transport.close()

    def say(self, message: bytes) -> None:
        """Queue a message without a number."""
        self._queue.append(message)
        self._terminal.wake.set()

    def tell(self, signal_id: str) -> None:
        """Acknowledge a signal in the state that the book has for it."""
        life = self._terminal.book.life(signal_id)
        self._told[signal_id] = life.state
        self.say(signal_ack(signal_id, life.state, life.details))

    def stop(self) -> None:
        """End in order: say the last counts, write what is queued, close."""
        self.say(self._terminal.status())
        self._stopping = True

    def cut(self) -> None:
        """Break the connection at once, as a failing line would."""
        self._transport.close()

    async def _welcomed(self) -> Welcome:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            while True:
                first, *self._unread = await self._transport.receive()
                message = decode(first)
                if isinstance(message, Welcome):
                    return message
                if isinstance(message, Ended):
                    self._ended(message)
                raise ProtocolError(f"the bridge answered hello with {first[:80]!r}")

    def _begin(self, welcome: Welcome) -> None:
        terminal, stream = self._terminal, self._terminal.stream
        if welcome.resume < 1:
            raise ProtocolError(f"the bridge wants to resume at {welcome.resume}")
        if welcome.resume > stream.ring.next and not terminal.options.repeatable:
            raise StreamConflictError(
                f"the bridge wants {welcome.resume} next, this terminal has only given out "
                f"numbers up to {stream.ring.next - 1}"
            )
        if welcome.resume <= stream.ring.acked_through:
            log.warning("the bridge has lost numbers that it had acknowledged")
        stream.resume(welcome.resume)
        terminal.sessions += 1
        if welcome.config:
            terminal.configure(welcome.config)
        self.welcome = welcome
        self._out.features = welcome.features
        self.say(terminal.status())
        for signal_id in terminal.book.unconfirmed():
            self.tell(signal_id)
        terminal.progress.set()
        terminal.handlers.on_welcome(welcome)

    async def _send(self) -> None:
        wake = self._terminal.wake
        while True:
            wake.clear()
            while (message := self._next_message()) is not None:
                await self._out.send(message)
            if self._stopping:
                return
            await wake.wait()

    def _next_message(self) -> bytes | None:
        if self._queue:
            return self._queue.popleft()
        if self._stopping:
            return None
        return self._terminal.stream.next_message(self._terminal.batch, self._out.pack)

    async def _receive(self) -> None:
        while True:
            for line in self._unread:
                self._take(line)
            self._unread = await self._transport.receive()
            self._heard_at = time.monotonic()

    async def _keep_alive(self) -> None:
        options = self._terminal.options
        while True:
            await asyncio.sleep(options.status_s)
            if time.monotonic() - self._heard_at > options.silence_s:
                raise LinkError(f"the bridge has been silent for {options.silence_s:g} s")
            self.say(self._terminal.status())
            self._ping()

    def _ping(self) -> None:
        self._ping_at = time.monotonic()
        self._ping_told = dict(self._told)
        self.say(encode({"type": "ping", "t": self._ping_mark}))

    @property
    def _ping_mark(self) -> int:
        return round(self._ping_at * 1000)

    def _take(self, line: bytes) -> None:
        message, on_line = decode(line), self._terminal.handlers.on_line
        if message is None:
            self._terminal.unknown += 1
        elif on_line is not None and self._is_passed_on(message):
            on_line(line)
        else:
            self._handlers[type(message)](message)

    def _is_passed_on(self, message: Incoming) -> bool:
        if isinstance(message, Config):
            self._terminal.configure(message.settings)
        if isinstance(message, Reject):
            self._rejected(message)
        if isinstance(message, Pong):
            return message.t != self._ping_mark
        return isinstance(message, Signal | Config | Command | Reject)

    def _acked(self, ack: Ack) -> None:
        stream = self._terminal.stream
        if ack.seq > stream.reached:
            raise ProtocolError(
                f"the bridge acknowledged number {ack.seq}, sent is {stream.reached}"
            )
        stream.ring.ack(ack.seq)
        stream.cursor = max(stream.cursor, ack.seq + 1)
        self._terminal.progress.set()

    def _resend(self, resend: Resend) -> None:
        self._terminal.stream.rewind(resend.start)
        self._terminal.wake.set()

    def _rejected(self, reject: Reject) -> None:
        self._terminal.rejected += 1
        self._terminal.rejects.append(reject)
        log.debug("refused %s: %s %s %s", reject.seq, reject.code, reject.field, reject.reason)

    def _ended(self, ended: Ended) -> None:
        kind = RefusedError if ended.code in FINAL_CODES else SessionError
        raise kind(ended.code, ended.reason)

    def _signal(self, signal: Signal) -> None:
        terminal = self._terminal
        fresh = terminal.book.arrive(signal, now_ms())
        terminal.remember_signals()
        self.tell(signal.id)
        if fresh:
            terminal.handlers.on_signal(signal)

    def _config(self, config: Config) -> None:
        self._terminal.configure(config.settings)
        self.say(_answer("config_ack", config.id))

    def _command(self, command: Command) -> None:
        done, detail = self._terminal.handlers.on_command(command)
        self.say(_answer("command_ack", command.id, ok=done, detail=detail))

    def _pinged(self, ping: Ping) -> None:
        self.say(encode({"type": "pong", "t": ping.t}))

    def _ponged(self, pong: Pong) -> None:
        if pong.t == self._ping_mark:
            self._terminal.ping_ms = (time.monotonic() - self._ping_at) * 1000
            self._terminal.book.confirm(self._ping_told)

    def _welcomed_twice(self, _: Welcome) -> None:
        raise ProtocolError("the bridge said welcome twice")


def _answer(kind: str, message_id: str | None, **fields: object) -> bytes:
    named = {} if message_id is None else {"id": message_id}
    return encode({"type": kind, **named, **fields})
