"""Many terminals at once, each sending single ticks at a steady pace.

`python -m bench.sessions_sender PORT SESSIONS RATE SYMBOLS SECONDS --key NAME=KEY ...`: keys are
used in turn. Each session sends RATE ticks a second, of its SYMBOLS in turn, each tick a message
of its own. Prints one line of JSON: sent, acknowledged, sessions, rejects, seconds, and the
milliseconds from a tick's sending to its acknowledgement.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import time
from array import array
from collections import deque
from typing import cast

from agent.load.latency import percentiles
from agent.load.payload import middle, symbols
from agent.loop import run

_ACK = re.compile(rb'"type":"ack","seq":(\d+)')
_OPENED_AT_ONCE = 20
_STEP_S = 0.005
_SETTLES_WITHIN_S = 30.0


class Figures:
    """Of all sessions together."""

    def __init__(self) -> None:
        self.sent = 0
        self.acked = 0
        self.rejects = 0
        self.took_ns = array("q")


class Terminal(asyncio.Protocol):
    """One session, from its hello to the end of the run."""

    def __init__(self, hello: bytes, first_symbol: int, ticks: list[str], figures: Figures) -> None:
        self._hello, self._ticks, self._figures = hello, ticks, figures
        self._turn = first_symbol
        self._data = b""
        self._sent = 0
        self._acked = 0
        self._under_way: deque[int] = deque()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._hello)

    def send(self) -> None:
        self._sent += 1
        self._turn = (self._turn + 1) % len(self._ticks)
        text = self._ticks[self._turn] % (self._sent, time.time_ns() // 1_000_000)
        self._under_way.append(time.perf_counter_ns())
        self.transport.write(text.encode())
        self._figures.sent += 1

    def data_received(self, data: bytes) -> None:
        whole, _, self._data = (self._data + data).rpartition(b"\n")
        if not self.opened.done() and b'"welcome"' in whole:
            self.opened.set_result(None)
        self._figures.rejects += whole.count(b'"reject"')
        acks = _ACK.findall(whole)
        if acks:
            self._is_acked(int(acks[-1]))

    def _is_acked(self, seq: int) -> None:
        now = time.perf_counter_ns()
        for _ in range(seq - self._acked):
            self._figures.took_ns.append(now - self._under_way.popleft())
        self._figures.acked += seq - self._acked
        self._acked = seq

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before its welcome"))


def hello_of(number: int, keys: list[tuple[str, str]]) -> bytes:
    name, key = keys[number % len(keys)]
    told = {"type": "hello", "protocol": 1, "client": name, "key": key, "platform": "agent"}
    return json.dumps({**told, "stream": f"terminal-{number}"}).encode() + b"\n"


def ticks_of(count: int) -> list[str]:
    """Each symbol's line, but for its number and time."""
    return [
        f'{{"type":"tick","seq":%d,"symbol":"{name}","bid":{middle(name)[0]:.5f},'
        f'"ask":{middle(name)[0] * 1.0001:.5f},"time_ms":%d,"volume":1}}\n'
        for name in symbols(count)
    ]


async def _open(options: argparse.Namespace, figures: Figures) -> list[Terminal]:
    keys = [(name, key) for name, _, key in (text.partition("=") for text in options.key)]
    loop, ticks = asyncio.get_running_loop(), ticks_of(options.symbols)
    gate = asyncio.Semaphore(_OPENED_AT_ONCE)

    async def one(number: int) -> Terminal:
        async with gate:
            hello = hello_of(number, keys)
            _, terminal = await loop.create_connection(
                lambda: Terminal(hello, number, ticks, figures), "127.0.0.1", options.port
            )
            await terminal.opened
            return terminal

    return await asyncio.gather(*map(one, range(options.sessions)))


async def _pace(terminals: list[Terminal], rate: float, seconds: float) -> None:
    """All in turn, so that a second's ticks are spread over the whole second."""
    began, done = time.monotonic(), 0
    total = int(len(terminals) * rate * seconds)
    while done < total:
        due = min(total, int((time.monotonic() - began) * len(terminals) * rate))
        for number in range(done, due):
            terminals[number % len(terminals)].send()
        done = due
        await asyncio.sleep(_STEP_S)


async def main(options: argparse.Namespace) -> None:
    figures = Figures()
    terminals = await _open(options, figures)
    await _know_symbols(terminals[: len(options.key)], options.symbols, figures)
    gc.collect()
    gc.freeze()
    began_cpu, began = time.process_time(), time.monotonic()
    warm = len(figures.took_ns)
    await _pace(terminals, options.rate, options.seconds)
    seconds = time.monotonic() - began
    await _settled(figures)
    found = {
        "sent": figures.sent,
        "acked": figures.acked,
        "sessions": sum(not each.transport.is_closing() for each in terminals),
        "rejects": figures.rejects,
        "seconds": seconds,
        "cpu_s": time.process_time() - began_cpu,
        **percentiles(figures.took_ns[warm:]),
    }
    print(json.dumps(found), flush=True)
    for each in terminals:
        each.transport.close()


async def _know_symbols(terminals: list[Terminal], count: int, figures: Figures) -> None:
    """One terminal of each client sends every symbol once: a symbol's first tick asks PostgreSQL,
    and that is not what is measured here."""
    for _ in range(count):
        for each in terminals:
            each.send()
        await _settled(figures)


async def _settled(figures: Figures) -> None:
    async with asyncio.timeout(_SETTLES_WITHIN_S):
        while figures.acked < figures.sent:  # noqa: ASYNC110 - counted by all sessions together
            await asyncio.sleep(0.01)


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.sessions_sender")
    parser.add_argument("port", type=int)
    parser.add_argument("sessions", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("symbols", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--key", action="append", required=True, metavar="NAME=KEY")
    return parser.parse_args()


if __name__ == "__main__":
    run(main(options_of()))
