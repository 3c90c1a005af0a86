"""Runs all simulated terminals together, and their faults."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from datetime import UTC, datetime

from agent.errors import InputError
from agent.simulate.config import DemoConfig
from agent.simulate.faults import Fault, FaultBoard, schedule
from agent.simulate.terminals import Terminal
from agent.simulate.tradingview import AlertSource


class Demo:
    """The cast of a demo. `rate` is the average number of ticks a second of a feed.

    `turned_away` says afterwards that the bridge wanted none of its terminals.
    """

    def __init__(self, config: DemoConfig, faults: list[str], rate: float) -> None:
        self._board = FaultBoard()
        self._terminals = {
            each.client: Terminal(each, config, self._board, say, rate)
            for each in config.terminals
            if each.kind != "tradingview"
        }
        self._alert_sources = [
            AlertSource(each, config, say)
            for each in config.terminals
            if each.kind == "tradingview"
        ]
        feeds = {name: terminal.shared_symbols for name, terminal in self._terminals.items()}
        self._faults = schedule(faults, feeds)
        self._strikes: set[asyncio.Task[None]] = set()
        self.turned_away = False
        if not self._terminals:
            raise InputError("a demo needs at least one terminal that is not TradingView")

    async def run(self, seconds: float | None) -> None:
        """Until a signal to stop, for so many seconds, or until the bridge wants no terminal."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with asyncio.TaskGroup() as group:
            trading = [group.create_task(each.run()) for each in self._terminals.values()]
            beside = [group.create_task(each.run()) for each in self._alert_sources]
            beside.append(group.create_task(self._strike_all(group)))
            stopped = group.create_task(stop.wait())
            over = group.create_task(asyncio.wait(trading))
            await asyncio.wait(
                [stopped, over], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            self.turned_away = over.done()
            for task in (*trading, *beside, *self._strikes, stopped, over):
                task.cancel()

    def counts(self) -> dict[str, dict[str, int]]:
        """Produced, acked and dropped of each terminal."""
        return {
            name: {
                "produced": terminal.client.counts.produced,
                "acked": terminal.client.counts.acked,
                "dropped": terminal.client.counts.dropped,
            }
            for name, terminal in self._terminals.items()
        }

    async def _strike_all(self, group: asyncio.TaskGroup) -> None:
        began = time.monotonic()
        for fault in self._faults:
            await asyncio.sleep(max(0.0, began + fault.at_s - time.monotonic()))
            strike = group.create_task(self._strike(fault))
            self._strikes.add(strike)
            strike.add_done_callback(self._strikes.discard)

    async def _strike(self, fault: Fault) -> None:
        say(f"fault {fault.kind}: {fault.sentence()}")
        if fault.kind == "gap":
            await self._terminals[fault.client].lose_numbers(fault.duration_s)
            return
        self._board.switch(fault, on=True)
        await asyncio.sleep(fault.duration_s)
        self._board.switch(fault, on=False)
        say(f"fault {fault.kind} over: {fault.client} {fault.symbol}".rstrip())


def say(sentence: str) -> None:
    """One line with the time, seen at once."""
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {sentence}\n")
    sys.stdout.flush()
