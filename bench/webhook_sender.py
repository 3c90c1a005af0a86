"""Alerts by HTTP, so many connections at once, for a while.

`python -m bench.webhook_sender PORT PATH AT_ONCE SECONDS [--close]`: bodies differ in their price,
but each tenth is the one before it, sent again. A connection is used for as long as the server lets
it, or with --close for one post. Prints one line of JSON: answers by status, how many bodies were
distinct, seconds, and the latencies' p50 and p99 in ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from statistics import quantiles
from typing import cast

from agent.loop import run

TEMPLATE = (
    '{"symbol":"EURUSD","exchange":"OANDA","interval":"1","action":"buy","time":"%s","price":%.6f,'
    '"stop_loss":1.05,"take_profit":1.2,"rsi":61.52,"sma_14":1.08412}'
)
STATED = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
REPEATED = 10
WITHOUT_STATUS = 0
_HEAD_ENDS = b"\r\n\r\n"


class Run:
    """What is sent, and what came back."""

    def __init__(self, path: str, seconds: float, *, close: bool) -> None:
        self.ends = time.monotonic() + seconds
        self.statuses: Counter[int] = Counter()
        self.latencies_ms: list[float] = []
        self.distinct = 0
        self._sent = 0
        connection = "close" if close else "keep-alive"
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Connection: {connection}\r\nContent-Length: "
        )

    def next(self) -> bytes:
        """The next request; every tenth is the one before it once more."""
        self._sent += 1
        is_repeat = self._sent % REPEATED == 0
        self.distinct += not is_repeat
        alert = body(self._sent - is_repeat)
        return f"{self._head}{len(alert)}\r\n\r\n{alert}".encode()


class Connection(asyncio.Protocol):
    """Sends one post, and the next when its answer is whole."""

    def __init__(self, of: Run) -> None:
        self._run = of
        self._data = b""
        self._began = 0.0
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._run.next())

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, ends, rest = self._data.partition(_HEAD_ENDS)
        lower = head.lower()
        if not ends or len(rest) < length_of(lower):
            return
        self._took(int(head.split(b" ", 2)[1]))
        if b"connection: close" in lower or time.monotonic() >= self._run.ends:
            self._transport.close()
        else:
            self._send()

    def _took(self, status: int) -> None:
        self._run.latencies_ms.append((time.perf_counter() - self._began) * 1000)
        self._run.statuses[status] += 1
        self._data, self._began = b"", 0.0

    def connection_lost(self, _: Exception | None) -> None:
        if self._began:
            self._took(WITHOUT_STATUS)
        self.gone.set_result(None)


def length_of(head: bytes) -> int:
    """What the answer's head says, in lower case; 0 where it says nothing."""
    _, _, after = head.partition(b"content-length:")
    digits = after.partition(b"\r\n")[0].strip()
    return int(digits) if digits else 0


def body(number: int) -> str:
    """An alert that differs from all others by its price and not by the time of sending."""
    return TEMPLATE % (STATED, 1.0 + number / 1e6)


async def _one_after_the_other(of: Run, port: int) -> None:
    loop = asyncio.get_running_loop()
    while time.monotonic() < of.ends:
        _, connection = await loop.create_connection(lambda: Connection(of), "127.0.0.1", port)
        await connection.gone


async def main(options: argparse.Namespace) -> None:
    began = time.monotonic()
    of = Run(options.path, options.seconds, close=options.close)
    await asyncio.gather(*(_one_after_the_other(of, options.port) for _ in range(options.at_once)))
    cuts = quantiles(of.latencies_ms, n=100)
    found = {
        "statuses": of.statuses,
        "distinct": of.distinct,
        "seconds": time.monotonic() - began,
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
    }
    print(json.dumps(found), flush=True)


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.webhook_sender")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("at_once", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--close", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    run(main(options_of()))
