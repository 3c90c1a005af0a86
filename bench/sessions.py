"""A thousand terminals at once: none loses a tick, each is answered soon, and all of it is small.

Terminals share ten clients, since a client may have a hundred sessions; each sends ticks of fifty
symbols in turn, one a message. The run fails unless as many were stored as were sent.
"""

from __future__ import annotations

from collections.abc import Callable

from bench import processes
from bench.background import BenchError, last_line, module, running
from bench.figures import Quantity, Round, Section
from bench.house import House

SESSIONS = 1_000
RATE = 10.0
SYMBOLS = 50
CLIENTS = tuple(f"MANY-{number}" for number in range(1, 11))
STORED_WITHIN_S = 120.0
_NAMED = (
    "gateway", "worker.shards", "worker.strategies", "worker.default", "web", "beat", "redis",
    "postgres",
)  # fmt: skip

MANY = Section(
    "sessions",
    f"{SESSIONS:,} sessions, {RATE:.0f} ticks/s each, {SYMBOLS} symbols",
    (
        Quantity("sessions", "sessions open to the end", at_least=SESSIONS),
        Quantity("ticks_per_s", "acknowledged and stored", "ticks/s"),
        Quantity("lost", "sent, but not stored", "ticks", at_most=0),
        Quantity("p50_ms", "tick to acknowledgement, p50", "ms"),
        Quantity("p99_ms", "tick to acknowledgement, p99", "ms", at_most=50.0),
        Quantity("max_ms", "tick to acknowledgement, longest", "ms"),
        Quantity("memory", "memory of the whole bridge (PSS)", "MB", at_most=1024.0),
        *(Quantity(f"memory.{name}", f"memory: {name}", "MB") for name in _NAMED),
        *(Quantity(f"cores.{name}", f"cores: {name}") for name in _NAMED),
        Quantity("cores.generator", "cores: the terminals"),
    ),
)


def measure(house: House, seconds: float, say: Callable[[str], None]) -> Round:
    """One run of `seconds`, after all sessions are open and their symbols known."""
    keys = house.keys(CLIENTS)
    say("sessions")
    before, first = house.stored(), house.usage()
    command = module(
        "bench.sessions_sender", house.bridge.tcp_port, SESSIONS, RATE, SYMBOLS, seconds, *keys
    )
    with running(command) as sender:
        total = last_line(sender)
    if total["acked"] != total["sent"] or total["rejects"]:
        raise BenchError(f"Not everything was acknowledged: {total}.")
    house.wait_until_stored(before + total["sent"], STORED_WITHIN_S)
    last = house.usage()
    cores = processes.cores(first, last, total["seconds"])
    memory = {name: used.memory_mb for name, used in last.items()}
    return {
        "sessions": total["sessions"],
        "ticks_per_s": total["sent"] / total["seconds"],
        "lost": abs(house.stored() - before - total["sent"]),
        "p50_ms": total["p50"],
        "p99_ms": total["p99"],
        "max_ms": total["max"],
        "memory": sum(memory.values()) + house.supervisor_mb(),
        "cores.generator": total["cpu_s"] / total["seconds"],
        **{f"memory.{name}": memory[name] for name in _NAMED if name in memory},
        **{f"cores.{name}": cores[name] for name in _NAMED if name in cores},
    }
