"""As many ticks as asked for, paced or as fast as they are taken, with figures per 5 s."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.load.encoding import encoding
from agent.load.payload import Payload, symbols
from agent.load.wire import Wire
from agent.loop import first_to_end
from agent.protocol import Identity

WINDOW_S = 5.0
_BEAT_S = 0.004
_BURST = 16  # messages handed over at once
_SETTLE_S = 30.0

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Load:
    """What to send. `rate` is in ticks a second over all connections, 0 for as fast as possible;
    `ahead` is how many unacknowledged ticks each connection may have under way."""

    identities: list[Identity]
    symbols: int
    batch: int
    rate: float
    seconds: float
    ahead: int = 200_000
    encoding: str = "json"
    tls: ssl.SSLContext | None = None


class Generator:
    """Sends over all wires in turn, whichever can take more."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._payload = encoding(load.encoding, Payload(symbols(load.symbols), load.batch))
        greeting = self._payload.greeting
        self.wires = [Wire(each, greeting=greeting, tls=load.tls) for each in load.identities]
        self.sent_bytes = 0
        self._turns = [0] * len(self.wires)
        self._generated = 0

    @property
    def sent(self) -> int:
        return sum(wire.next - 1 for wire in self.wires)

    @property
    def acked(self) -> int:
        return sum(wire.acked for wire in self.wires)

    async def send_until(self, end: float) -> None:
        """Generate until the monotonic clock shows `end`."""
        began = time.monotonic()
        while (now := time.monotonic()) < end:
            due = self._load.rate * (now - began) if self._load.rate else float("inf")
            busy = self._generate(due)
            # A wire that is full empties only while the loop turns.
            await asyncio.sleep(0 if busy and not self._load.rate else _BEAT_S)

    def _generate(self, due: float) -> bool:
        """Hand over up to `due` ticks in all, one burst a wire; False when no wire could."""
        busy = False
        for at, wire in enumerate(self.wires):
            room = self._load.ahead - (wire.next - 1 - wire.acked)
            ticks = min(room, (due - self._generated) / (len(self.wires) - at))
            count = int(min(_BURST if not self._load.rate else 10**6, ticks // self._load.batch))
            if wire.ready and count > 0:
                self._burst(at, count)
                busy = True
        return busy

    def _burst(self, at: int, count: int) -> None:
        wire, ticks = self.wires[at], count * self._load.batch
        now_ms = time.time_ns() // 1_000_000
        data = self._payload.messages(wire.next, self._turns[at], count, now_ms)
        self.sent_bytes += len(data)
        wire.send(data, ticks)
        self._turns[at] = (self._turns[at] + count) % self._load.symbols
        self._generated += ticks


async def measure(load: Load, host: str, port: int, report: Report) -> dict[str, Any]:
    """Send for `load.seconds`, report each window, wait for the last acknowledgements.

    Raises LinkError or RefusedError when a connection cannot be had.
    """
    generator = Generator(load)
    total: dict[str, Any] = {}
    try:
        links = [wire.keep_open(host, port) for wire in generator.wires]
        await first_to_end(_work(generator, load.seconds, report, total), *links)
    finally:
        for wire in generator.wires:
            wire.close()
    return total


async def _work(
    generator: Generator, seconds: float, report: Report, total: dict[str, Any]
) -> None:
    for wire in generator.wires:
        await wire.opened()
    began, cpu = time.monotonic(), time.process_time()
    end = began + seconds
    await first_to_end(generator.send_until(end), _windows(generator, report))
    cpu = time.process_time() - cpu
    settled = await _settle(generator)
    total.update(_total(generator, time.monotonic() - began))
    total.update({"settled": settled, "cpu_s": round(cpu, 2)})


async def _windows(generator: Generator, report: Report) -> None:
    began, sent, acked = time.monotonic(), 0, 0
    while True:
        start = time.monotonic()
        await asyncio.sleep(WINDOW_S)
        now = time.monotonic()
        new_sent, new_acked = generator.sent - sent, generator.acked - acked
        sent, acked = sent + new_sent, acked + new_acked
        report(
            {
                "at_s": round(now - began, 1),
                "sent": new_sent,
                "acked": new_acked,
                "acked_per_s": round(new_acked / (now - start)),
            }
        )


def _total(generator: Generator, seconds: float) -> dict[str, Any]:
    wires = generator.wires
    return {
        "total": True,
        "seconds": round(seconds, 3),
        "sent": generator.sent,
        "acked": generator.acked,
        "acked_per_s": round(generator.acked / seconds),
        "rejected": sum(wire.rejected for wire in wires),
        "resends": sum(wire.resends for wire in wires),
        "connections": sum(wire.connections for wire in wires),
        "bytes": generator.sent_bytes,
    }


async def _settle(generator: Generator) -> bool:
    """Wait for everything to be acknowledged; False when it was not in time."""
    try:
        async with asyncio.timeout(_SETTLE_S):
            for wire in generator.wires:
                await wire.settled()
    except TimeoutError:
        return False
    return True
