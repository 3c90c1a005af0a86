"""Many browsers on one live socket each, and a terminal whose ticks are looked for in their frames.

`python -m bench.browsers` is a process of its own, so that what it costs is not counted as the
bridge's. It prints one line of JSON. Each marked tick has a price that no other has; the time runs
from the terminal's `write` until a browser has the frame that shows it, its JSON read.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import time
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from agent.load.latency import percentiles
from agent.load.wire import Wire
from agent.loop import first_to_end, run
from agent.protocol import Identity

SYMBOL = "XAUUSD"
# Frames come at tenths of a second; this period visits every phase between them.
EVERY_S = 0.137
ACKNOWLEDGE_EVERY = 5
SETTLE_S = 1.0
_PRICE = 2000.0


class Frame(msgspec.Struct):
    """What is read of a snapshot, a delta or a beat (dashboard/live/messages.py)."""

    type: str
    seq: int
    quotes: list[tuple[int, float, float, int, int, int]] = []


_decode = msgspec.json.Decoder(Frame).decode


class Marks:
    """Marked ticks: when each was sent, and after how long each browser saw it."""

    def __init__(self) -> None:
        self._sent_ns: dict[float, int] = {}
        self.seen_ns: list[int] = []

    @property
    def sent(self) -> int:
        return len(self._sent_ns)

    def line(self, seq: int) -> bytes:
        """The next marked tick, sent now."""
        bid = round(_PRICE + (self.sent + 1) / 100, 2)
        time_ms = time.time_ns() // 1_000_000
        self._sent_ns[bid] = time.perf_counter_ns()
        return (
            f'{{"type":"tick","seq":{seq},"symbol":"{SYMBOL}","bid":{bid},'
            f'"ask":{round(bid + 0.3, 2)},"time_ms":{time_ms}}}\n'
        ).encode()

    def look(self, frame: Frame, at_ns: int) -> None:
        for row in frame.quotes:
            sent_ns = self._sent_ns.get(row[1])
            if sent_ns is not None:
                self.seen_ns.append(at_ns - sent_ns)


class Crowd:
    """Browsers, and what their frames come to."""

    def __init__(self, url: str, cookie: str, origin: str, count: int) -> None:
        self._url = url
        self._headers = {"Cookie": cookie} if cookie else {}
        self._origin = origin or None
        self._count = count
        self._browsers: list[ClientConnection] = []
        self.marks = Marks()
        self.is_timed = False
        self.frames = 0
        self.bytes = 0
        self.ended = 0

    async def __aenter__(self) -> Crowd:
        for _ in range(self._count):
            self._browsers.append(await self._open())
        self._tasks = [asyncio.create_task(self._watch(browser)) for browser in self._browsers]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(browser.close() for browser in self._browsers))

    async def _open(self) -> ClientConnection:
        return await connect(
            self._url,
            additional_headers=self._headers,
            origin=self._origin,  # type: ignore[arg-type]  # a NewType of str
            compression=None,
            max_size=None,
        )

    async def _watch(self, browser: ClientConnection) -> None:
        async for text in browser:
            frame = _decode(text)
            if self.is_timed:
                self.marks.look(frame, time.perf_counter_ns())
                self.frames += 1
                self.bytes += len(text)
            if frame.type == "delta" and frame.seq % ACKNOWLEDGE_EVERY == 0:
                await browser.send(f'{{"type":"ack","seq":{frame.seq}}}')
        self.ended += 1


async def send_marks(wire: Wire, marks: Marks, seconds: float) -> None:
    began, count = time.monotonic(), int(seconds / EVERY_S)
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number * EVERY_S - time.monotonic()))
        if wire.ready:
            wire.send(marks.line(wire.next), 1)


async def measure(crowd: Crowd, wire: Wire, seconds: float) -> dict[str, Any]:
    await wire.opened()
    async with crowd:
        # The first tick makes the symbol known, which is not what is timed.
        wire.send(Marks().line(wire.next), 1)
        await asyncio.sleep(SETTLE_S)
        gc.collect()
        gc.freeze()
        crowd.is_timed = True
        began, cpu = time.monotonic(), time.process_time()
        await send_marks(wire, crowd.marks, seconds)
        elapsed, cpu = time.monotonic() - began, time.process_time() - cpu
        frames, size = crowd.frames, crowd.bytes
        await asyncio.sleep(SETTLE_S)
    return {
        "marks": crowd.marks.sent,
        "seen": len(crowd.marks.seen_ns),
        "seen_ms": percentiles(crowd.marks.seen_ns),
        "frames_per_s": frames / elapsed,
        "kbytes_per_frame": size / max(1, frames) / 1024,
        "cores": cpu / elapsed,
        "ended": crowd.ended,
    }


async def work(options: argparse.Namespace) -> dict[str, Any]:
    name, _, key = options.key.partition("=")
    wire = Wire(Identity(name, key, "agent"))
    found: dict[str, Any] = {}

    async def measured() -> None:
        crowd = Crowd(options.url, options.cookie, options.origin, options.browsers)
        found.update(await measure(crowd, wire, options.seconds))

    with contextlib.closing(wire):
        await first_to_end(measured(), wire.keep_open("127.0.0.1", options.port))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.browsers")
    parser.add_argument("url", help="of the live socket")
    parser.add_argument("port", type=int, help="of the terminal's door")
    parser.add_argument("--key", required=True, metavar="NAME=KEY")
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--cookie", default="")
    parser.add_argument("--origin", default="")
    print(json.dumps(run(work(parser.parse_args()))))


if __name__ == "__main__":
    main()
