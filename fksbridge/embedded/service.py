"""What a supervisor must know to run one child process; PostgreSQL and Redis are such too."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fksbridge.embedded.account import Account

GIVES_WAY = 5
"""Niceness of those who store: where the processor is short, what arrives is taken first."""
LEASH = Path(__file__).with_name("leash.py")


class ServiceError(Exception):
    """A service can't start; the text is a sentence for the operator."""


def nothing() -> None:
    pass


def always() -> bool:
    return True


@dataclass(frozen=True)
class Service:
    """One program to keep running.

    `prepare` runs before every start, first or not; it may take seconds and raises ServiceError.
    `ready` says whether others may rely on the service now. `death_signal` is what the kernel sends
    when the supervisor itself is killed. `niceness` as in nice(1).
    """

    name: str
    command: list[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    prepare: Callable[[], None] = nothing
    ready: Callable[[], bool] = always
    niceness: int = 0

    def leashed(self) -> list[str]:
        """The command line that starts it as a child that dies with this process."""
        account = self.account or Account(name="", uid=-1, gid=-1)
        words = [os.getpid(), int(self.death_signal), account.uid, account.gid, self.niceness]
        return [sys.executable, "-I", "-S", str(LEASH), *map(str, words), *self.command]
