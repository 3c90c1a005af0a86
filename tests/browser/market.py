"""Terminals of several brokers that quote the same symbols over the real port."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from agent import Client, Identity, TcpEndpoint
from agent.loop import run

PIP = 0.0001
QUOTES_A_SECOND = 5
SWING_PIPS = 2
SWING_S = 7


@dataclass
class Market:
    """Use as a context manager: quotes flow inside of it, from a thread of its own.

    `keys`: client name -> API key. `mids`: symbol -> the price around which it swings.
    """

    tcp_port: int
    keys: Mapping[str, str]
    mids: Mapping[str, float]

    def __post_init__(self) -> None:
        self._off_pips: dict[tuple[str, str], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: run(self._trade()), name="market")

    def put_off(self, client: str, symbol: str, pips: float) -> None:
        """From now on this feed lies so far from the others; 0 makes it honest again."""
        self._off_pips[client, symbol] = pips

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(10)

    async def _trade(self) -> None:
        async with asyncio.TaskGroup() as terminals:
            for name, key in self.keys.items():
                terminals.create_task(self._quote(name, key))

    async def _quote(self, name: str, key: str) -> None:
        identity = Identity(name, key, "mt5", version="5.00 build 4755", symbols=tuple(self.mids))
        async with Client(TcpEndpoint("127.0.0.1", self.tcp_port), identity) as client:
            while not self._over.is_set():
                for symbol in self.mids:
                    bid, ask = self._prices(name, symbol)
                    client.tick(symbol, bid, ask, time.time_ns() // 1_000_000, volume=1)
                await asyncio.sleep(1 / QUOTES_A_SECOND)

    def _prices(self, name: str, symbol: str) -> tuple[float, float]:
        swing = SWING_PIPS * math.sin(time.time() / SWING_S)
        mid = self.mids[symbol] + PIP * (swing + self._off_pips.get((name, symbol), 0.0))
        return round(mid - 0.3 * PIP, 5), round(mid + 0.3 * PIP, 5)
