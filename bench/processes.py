"""What each process of a bridge uses: processor time and memory, read from outside."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

# A word of the command line, and whose it is. Looked through in this order.
_WORDS = (
    ("--queues=shard.", "worker.shards"),
    ("--queues=strategies", "worker.strategies"),
    ("--queues=default", "worker.default"),
    ("daphne", "web"),
    ("gateway", "gateway"),
    ("beat", "beat"),
    ("redis-server", "redis"),
    ("postgres", "postgres"),
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Since the process began, and now. Of processes with children, all together."""

    cpu_s: float
    memory_mb: float


def usage(supervisor: int) -> dict[str, Usage]:
    """By name, the supervisor's children with their own; both shards' workers are one."""
    found: dict[str, Usage] = {}
    for child in psutil.Process(supervisor).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            name = name_of(child.cmdline())
            before = found.get(name, Usage(0.0, 0.0))
            now = _of_tree(child)
            found[name] = Usage(before.cpu_s + now.cpu_s, before.memory_mb + now.memory_mb)
    return found


def name_of(command: list[str]) -> str:
    line = " ".join(command)
    return next((name for word, name in _WORDS if word in line), "other")


def cores(before: dict[str, Usage], after: dict[str, Usage], seconds: float) -> dict[str, float]:
    """Processor cores in use on average between two looks, by name."""
    names = before.keys() & after.keys()
    return {name: (after[name].cpu_s - before[name].cpu_s) / seconds for name in sorted(names)}


def memory_mb(looked: dict[str, Usage], *names: str) -> float:
    return sum(used.memory_mb for name, used in looked.items() if name in names)


def own_memory_mb(pid: int) -> float:
    """PSS of one process without its children."""
    return float(psutil.Process(pid).memory_full_info().pss / 2**20)


def busy_s() -> float:
    """Processor time that this machine has spent since it started, by anybody, on anything."""
    times = psutil.cpu_times()
    return float(sum(times[:8]) - times.idle - times.iowait)


def load_average() -> float:
    """Of the last minute: what else this machine is busy with shows in it."""
    return os.getloadavg()[0]


def _of_tree(process: psutil.Process) -> Usage:
    cpu_s, memory = 0.0, 0.0
    for each in _alive([process, *process.children(recursive=True)]):
        times = each.cpu_times()
        # With what ended children used: a backend of PostgreSQL lives as long as its connection.
        cpu_s += times.user + times.system + times.children_user + times.children_system
        # Shared pages count in parts (PSS), or PostgreSQL's buffers would count once a backend.
        memory += each.memory_full_info().pss / 2**20
    return Usage(cpu_s, memory)


def _alive(processes: list[psutil.Process]) -> Iterator[psutil.Process]:
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.status()
            yield each
