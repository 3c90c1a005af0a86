"""Small programs for the supervisor to keep, and a supervisor to run in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from fksbridge.embedded.service import Service
from fksbridge.supervisor.console import Console
from fksbridge.supervisor.plan import Tier
from fksbridge.supervisor.supervisor import Supervisor

SLEEPS = "import time; time.sleep(600)"
DIES = "import sys; sys.exit('the oil is out')"
FORKS = "import os, time; os.fork(); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(600)"
)


def program(name: str, source: str, ready: Callable[[], bool] = lambda: True) -> Service:
    """A child that carries `name` in its command line, so that it can be found."""
    return Service(name=name, command=[sys.executable, "-c", source, name], ready=ready)


def processes(name: str) -> list[psutil.Process]:
    """Every running process of the children called `name`."""
    found = psutil.process_iter(["cmdline", "status"])
    running = [p for p in found if p.info["status"] != psutil.STATUS_ZOMBIE]
    return [p for p in running if (p.info["cmdline"] or [""])[-1] == name]


async def eventually(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Fails when the condition has not come true in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


async def keep_two(supervisor: Supervisor) -> None:
    await supervisor.start(Tier([program(f"below-{os.getppid()}", FORKS)], stop_within_s=1))
    await supervisor.start(Tier([program(f"above-{os.getppid()}", SLEEPS)], stop_within_s=1))
    supervisor.console.say("both are up")


if __name__ == "__main__":
    failure = asyncio.run(Supervisor(Path(sys.argv[1]), Console()).run(keep_two))
    sys.exit(failure or 0)
