"""Ticks one at a time: how long until each is acknowledged, and until a signal answers one."""

from __future__ import annotations

import asyncio
import gc
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.load.payload import middle
from agent.load.wire import Wire
from agent.loop import first_to_end
from agent.protocol import Identity, Signal

_SETTLE_S = 5.0
_WIDE_PIPS = 2.0
_CLIMB = 8  # ticks; the strategy wants five moves in a row unless it is told otherwise


@dataclass(frozen=True, slots=True)
class Probe:
    """`rate` ticks a second of the symbols in turn, for `seconds`.

    With `signal_symbol`, every second tick is of that symbol. Once every `signal_every_s` its mid
    rises with each of some ticks, and the last of them has a narrow spread of `tight_pips` instead
    of the wide one: what the strategy "Tight spread" waits for, whose pause between signals has to
    be shorter than that.
    """

    identity: Identity
    symbols: list[str]
    rate: float
    seconds: float
    signal_symbol: str | None = None
    signal_every_s: float = 1.0
    tight_pips: float = 0.2


class Stopwatch:
    """Times between sending and answer, in nanoseconds of the monotonic clock."""

    def __init__(self) -> None:
        self.acks_ns: list[int] = []
        self.signals_ns: list[int] = []
        self.ticks = 0
        self.triggers = 0
        self._under_way: deque[tuple[int, int]] = deque()
        self._trigger_ns: int | None = None

    def sent(self, seq: int, *, trigger: bool) -> None:
        now = time.perf_counter_ns()
        self.ticks += 1
        self._under_way.append((seq, now))
        if trigger:
            self.triggers += 1
            self._trigger_ns = now

    def acked(self, seq: int) -> None:
        now = time.perf_counter_ns()
        while self._under_way and self._under_way[0][0] <= seq:
            self.acks_ns.append(now - self._under_way.popleft()[1])

    def signalled(self) -> None:
        """A signal counts for the last tick that was meant to cause one, and only once."""
        if self._trigger_ns is not None:
            self.signals_ns.append(time.perf_counter_ns() - self._trigger_ns)
            self._trigger_ns = None


async def measure(probe: Probe, host: str, port: int) -> dict[str, Any]:
    """Send, wait for the answers, and give the percentiles in milliseconds.

    Raises LinkError or RefusedError when no connection can be had.
    """
    watch = Stopwatch()

    def on_signal(signal: Signal) -> None:
        if signal.symbol == probe.signal_symbol:
            watch.signalled()

    wire = Wire(probe.identity, watch.acked, on_signal)
    try:
        await first_to_end(_work(probe, wire, watch), wire.keep_open(host, port))
    finally:
        wire.close()
    return _figures(probe, watch)


async def _work(probe: Probe, wire: Wire, watch: Stopwatch) -> None:
    await wire.opened()
    # A collection in the middle would be measured as the bridge's latency.
    gc.collect()
    gc.freeze()
    await _send(probe, wire, watch)
    try:
        async with asyncio.timeout(_SETTLE_S):
            await wire.settled()
    except TimeoutError:
        return  # what was not acknowledged is missing from the count of ticks


async def _send(probe: Probe, wire: Wire, watch: Stopwatch) -> None:
    began = time.monotonic()
    quotes = Quotes(probe, began)
    for number in range(int(probe.rate * probe.seconds)):
        await asyncio.sleep(max(0.0, began + number / probe.rate - time.monotonic()))
        if wire.ready:
            line, trigger = quotes.line(number, wire.next, time.monotonic())
            watch.sent(wire.next, trigger=trigger)
            wire.send(line, 1)


class Quotes:
    """What the probe sends: which symbol is next, and at which price."""

    def __init__(self, probe: Probe, began: float) -> None:
        self._probe = probe
        self._trigger_at = began + probe.signal_every_s
        self._others = [name for name in probe.symbols if name != probe.signal_symbol]
        self._climbed = 0

    def line(self, number: int, seq: int, now: float) -> tuple[bytes, bool]:
        """The `number`-th tick as a line, and whether it is meant to cause a signal."""
        symbol = self._probe.signal_symbol
        if symbol is not None and (number % 2 == 0 or not self._others):
            return self._signal_tick(symbol, seq, now)
        turn = number if symbol is None else number // 2
        other = self._others[turn % len(self._others)]
        return _tick(seq, other, number % 10, _WIDE_PIPS), False

    def _signal_tick(self, symbol: str, seq: int, now: float) -> tuple[bytes, bool]:
        if now >= self._trigger_at - _CLIMB * 2 / self._probe.rate:
            self._climbed += 1
        trigger = now >= self._trigger_at and self._climbed >= _CLIMB
        line = _tick(seq, symbol, self._climbed, self._probe.tight_pips if trigger else _WIDE_PIPS)
        if trigger:
            self._trigger_at += self._probe.signal_every_s
            self._climbed = 0
        return line, trigger


def _tick(seq: int, symbol: str, points: int, spread_pips: float) -> bytes:
    """A point is a tenth of a pip, the last digit of a quote."""
    middle_price, pip = middle(symbol)
    mid = round(middle_price / pip) * pip + points * pip / 10
    half, digits = pip * spread_pips / 2, 3 if pip == 0.01 else 5
    time_ms = time.time_ns() // 1_000_000
    return (
        f'{{"type":"tick","seq":{seq},"symbol":"{symbol}","bid":{mid - half:.{digits}f},'
        f'"ask":{mid + half:.{digits}f},"time_ms":{time_ms},"volume":1}}\n'
    ).encode()


def _figures(probe: Probe, watch: Stopwatch) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "sent": watch.ticks,
        "acked": len(watch.acks_ns),
        **{f"ack_{name}_ms": value for name, value in percentiles(watch.acks_ns).items()},
    }
    if probe.signal_symbol is not None:
        figures["triggers"] = watch.triggers
        figures["signals"] = len(watch.signals_ns)
        named = percentiles(watch.signals_ns)
        figures.update({f"signal_{name}_ms": value for name, value in named.items()})
    return figures


def percentiles(times_ns: Sequence[int]) -> dict[str, float | None]:
    """p50, p99 and max in milliseconds (nearest rank); None without any time."""
    ordered = sorted(times_ns)
    if not ordered:
        return {"p50": None, "p99": None, "max": None}
    ranks = {"p50": 0.50, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[math.ceil(share * len(ordered)) - 1] / 1e6, 3)
        for name, share in ranks.items()
    }
