"""What the agent asks of the system: memory by a name, waking and sleeping, and who is alive."""

from __future__ import annotations

import sys
from typing import Protocol

from agent.errors import BridgeError


class MemoryFault(BridgeError):
    """The shared memory can't be had; the text says why and what to do."""


class Memory(Protocol):
    """Bytes that another process sees. Its owner calls `close`."""

    @property
    def view(self) -> memoryview:
        """All of it, as unsigned bytes."""

    def claim(self, role: int) -> bool:
        """Whether no other living process holds the role; it is ours until this process ends."""

    def wake(self, ring: int) -> None:
        """End the sleep of whoever waits for this ring."""

    def sleep(self, ring: int, timeout_ms: int) -> None:
        """Until woken, or at once when the ring's `sleeping` is 0 by now, or until the timeout."""

    def is_alive(self, pid: int) -> bool: ...

    def close(self) -> None: ...


def open_memory(name: str, size: int) -> Memory:
    """The memory of a pair, made where it is not there yet. Raises MemoryFault."""
    if sys.platform == "win32":
        from agent.shm.windows import WindowsMemory

        return WindowsMemory(name, size)
    else:  # noqa: RET505 - a type checker follows only one of two branches on the platform
        from agent.shm.posix import PosixMemory, place_of

        return PosixMemory(place_of(name), size)
