"""Starts children tier by tier, keeps them running, and stops them in the reverse order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from fksbridge.embedded.service import Service, ServiceError
from fksbridge.supervisor.child import Child, CrashLoopError, how_it_ended, kill_group
from fksbridge.supervisor.console import ChildLog, Console
from fksbridge.supervisor.plan import Tier

QUIET = {"postgres", "redis"}
"""Their logs are for the files: what matters in them shows in the processes that use them."""
STOPPED_WITHIN_S = 3.5
KILLED_WITHIN_S = 0.5
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Runs children until one of them crash-loops, or until SIGINT, SIGTERM or SIGHUP."""

    def __init__(self, log_folder: Path, console: Console) -> None:
        self.log_folder = log_folder
        self.console = console
        self._tiers: list[tuple[Tier, list[Child]]] = []
        self._keepers: dict[Child, asyncio.Task[None]] = {}
        self._outcome: asyncio.Future[str]

    async def run(self, work: Callable[[Supervisor], Awaitable[None]]) -> str:
        """Do `work`, which starts tiers; keep them until the end; stop them.

        Returns what went wrong, in a sentence, or "" when it was asked to end.
        """
        loop = asyncio.get_running_loop()
        self._outcome = loop.create_future()
        for number in END_SIGNALS:
            loop.add_signal_handler(number, self._asked_to_end)
        working = asyncio.create_task(self._watched(work(self)))
        try:
            return await self._outcome
        finally:
            working.cancel()
            await asyncio.wait({working})
            await self._stop_all()

    async def start(self, tier: Tier) -> None:
        """Start its services together and wait until all are up. Raises ServiceError."""
        children = [self._child(service) for service in tier.services]
        self._tiers.append((tier, children))
        for child in children:
            self._keepers[child] = asyncio.create_task(self._watched(child.keep_running()))
        await asyncio.gather(*(child.wait_until_up() for child in children))

    async def run_once(self, name: str, command: list[str]) -> str:
        """Run a command to its end; its standard output. Raises ServiceError if it fails."""
        service = Service(name=name, command=command)
        log = ChildLog(name, self.log_folder, self.console)
        process = await asyncio.create_subprocess_exec(
            *service.leashed(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = await process.communicate()
        finally:
            kill_group(process.pid)
        log.feed(errors)
        log.close()
        if process.returncode:
            raise ServiceError(f"{name} {how_it_ended(process.returncode)}{log.last_words()}")
        return output.decode()

    def _child(self, service: Service) -> Child:
        console = None if service.name in QUIET else self.console
        return Child(service, ChildLog(service.name, self.log_folder, console), self.console.say)

    async def _watched(self, work: Awaitable[None]) -> None:
        """Its failure is the supervisor's: expected ones as a sentence, others as they are."""
        try:
            await work
        except (CrashLoopError, ServiceError) as error:
            if not self._outcome.done():
                self._outcome.set_result(str(error))
        except Exception as error:
            if self._outcome.done():
                raise
            self._outcome.set_exception(error)

    def _asked_to_end(self) -> None:
        if self._outcome.done():  # asked again: no more patience
            for child in self._keepers:
                child.kill()
            return
        self.console.say("Stopping.")
        self._outcome.set_result("")

    async def _stop_all(self) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + STOPPED_WITHIN_S
        for tier, children in reversed(self._tiers):
            keepers = {self._keepers[child] for child in children}
            for child in children:
                child.ask_to_stop()
            patience = min(tier.stop_within_s, max(0.0, deadline - clock()))
            _, running = await asyncio.wait(keepers, timeout=patience)
            for child in children:
                child.kill()
            if running:
                await asyncio.wait(running, timeout=KILLED_WITHIN_S)
            for child in children:
                child.log.close()
