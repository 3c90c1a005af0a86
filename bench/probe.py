"""Times ticks that are sent alone, over several terminals at once, with the load generator's parts.

`python -m bench.probe PORT --key NAME=KEY ... --rate R --seconds S [--signals]` prints one line of
JSON. With `--signals` each terminal provokes a signal of the strategy "Tight spread" now and then;
their moments are spread evenly, so that one signal does not wait for another.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from typing import Any

from agent.load.latency import Probe, Quotes, Stopwatch, percentiles
from agent.load.payload import symbols
from agent.load.wire import Wire
from agent.loop import first_to_end, run
from agent.protocol import Identity, Signal

LOAD_SYMBOLS = 50
# Pairs that the load does not send: their prices are the probes' own, and agree with each other.
PROBED = symbols(LOAD_SYMBOLS + 5)[LOAD_SYMBOLS:]
# The strategy's shortest pause is 1 s.
SIGNAL_EVERY_S = 1.3
SETTLE_S = 3.0
WARM_UP_S = 2.0


class Terminal:
    """One connection and its stopwatch."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.watch = Stopwatch()
        self.wire = Wire(probe.identity, self._acked, self._signalled)
        self.is_timed = False

    async def send(self, delay_s: float) -> None:
        """The first ticks, which make their symbols known, are not timed."""
        await asyncio.sleep(delay_s)
        began = time.monotonic()
        quotes = Quotes(self.probe, began + WARM_UP_S)
        rate = self.probe.rate
        for number in range(int(rate * (self.probe.seconds + WARM_UP_S))):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            if self.wire.ready:
                self._send_one(quotes, number, timed=number >= rate * WARM_UP_S)

    def _send_one(self, quotes: Quotes, number: int, *, timed: bool) -> None:
        line, trigger = quotes.line(number, self.wire.next, time.monotonic())
        if timed:
            self.watch.sent(self.wire.next, trigger=trigger)
        self.wire.send(line, 1)

    def _acked(self, seq: int) -> None:
        self.watch.acked(seq)

    def _signalled(self, signal: Signal) -> None:
        if signal.symbol == self.probe.signal_symbol:
            self.watch.signalled()


async def measure(probes: list[Probe], port: int) -> dict[str, Any]:
    """Percentiles over all probes in milliseconds. Raises LinkError or RefusedError."""
    terminals = [Terminal(probe) for probe in probes]
    links = [terminal.wire.keep_open("127.0.0.1", port) for terminal in terminals]
    try:
        await first_to_end(_work(terminals), *links)
    finally:
        for terminal in terminals:
            terminal.wire.close()
    return figures([terminal.watch for terminal in terminals])


async def _work(terminals: list[Terminal]) -> None:
    for terminal in terminals:
        await terminal.wire.opened()
    # A collection in the middle would be measured as the bridge's latency.
    gc.collect()
    gc.freeze()
    apart_s = SIGNAL_EVERY_S / len(terminals)
    await asyncio.gather(
        *(terminal.send(number * apart_s) for number, terminal in enumerate(terminals))
    )
    await asyncio.sleep(SETTLE_S)


def figures(watches: list[Stopwatch]) -> dict[str, Any]:
    acks = [ns for watch in watches for ns in watch.acks_ns]
    signals = [ns for watch in watches for ns in watch.signals_ns]
    return {
        "sent": sum(watch.ticks for watch in watches),
        "acked": len(acks),
        "ack_ms": percentiles(acks),
        "triggers": sum(watch.triggers for watch in watches),
        "signals": len(signals),
        "signal_ms": percentiles(signals),
    }


def probes_of(options: argparse.Namespace) -> list[Probe]:
    """One for each key; the rate is that of all together."""
    found = []
    for number, text in enumerate(options.key):
        name, _, key = text.partition("=")
        symbol = PROBED[number % len(PROBED)] if options.signals else None
        rate = options.rate / len(options.key)
        identity = Identity(name, key, "agent")
        found.append(Probe(identity, PROBED, rate, options.seconds, symbol, SIGNAL_EVERY_S))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.probe")
    parser.add_argument("port", type=int)
    parser.add_argument("--key", action="append", required=True, metavar="NAME=KEY")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--signals", action="store_true")
    options = parser.parse_args()
    print(json.dumps(run(measure(probes_of(options), options.port))))


if __name__ == "__main__":
    main()
