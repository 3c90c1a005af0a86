"""The least that could answer: loopback alone, without decoding, storing or checking anything.

A TCP port that greets a hello and echoes each tick's number as its acknowledgement, and a WebSocket
port on which every browser gets each tick at once. What these two take is the machine's share of a
latency. `python -m bench.bare` prints both ports, and runs until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import cast

from websockets.asyncio.server import ServerConnection, broadcast, serve

from agent.loop import run

WELCOME = b'{"type":"welcome","session":"bare","resume":1,"server_time_ms":0,"config":{}}\n'
TICK_START = b'{"type":"tick","seq":'


class Bare(asyncio.Protocol):
    """One terminal's connection."""

    def __init__(self, browsers: set[ServerConnection]) -> None:
        self._browsers = browsers
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._transport.write(answer(line))
            if self._browsers and line.startswith(TICK_START):
                broadcast(self._browsers, frame(line))


def answer(line: bytes) -> bytes:
    if not line.startswith(TICK_START):
        return WELCOME
    number, _, _ = line[len(TICK_START) :].partition(b",")
    return b'{"type":"ack","seq":%b}\n' % number


def frame(line: bytes) -> str:
    """One quote as the bridge's browsers get it (dashboard/live/messages.py)."""
    tick = json.loads(line)
    row = [0, tick["bid"], tick["ask"], tick["time_ms"], tick["time_ms"], tick["seq"]]
    at_ms = time.time_ns() // 1_000_000
    return json.dumps({"type": "delta", "seq": tick["seq"], "at_ms": at_ms, "quotes": [row]})


async def main() -> None:
    browsers: set[ServerConnection] = set()

    async def hold(browser: ServerConnection) -> None:
        browsers.add(browser)
        async for _ in browser:  # acknowledgements
            pass
        browsers.discard(browser)

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Bare(browsers), "127.0.0.1", 0)
    async with listener, serve(hold, "127.0.0.1", 0, compression=None) as pages:
        ports = [listener.sockets[0], next(iter(pages.sockets))]
        print(*(port.getsockname()[1] for port in ports), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    run(main())
