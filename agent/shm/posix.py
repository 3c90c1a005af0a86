"""Shared memory on Linux: a file in memory, and a futex in it. What tests and simulations use."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import struct
from pathlib import Path

from agent.shm.layout import AGENT, TERMINAL, ring_word
from agent.shm.memory import MemoryFault

_FUTEX_WAIT, _FUTEX_WAKE, _EVERYBODY = 0, 1, 2**31 - 1
_FUTEX_CALL = {"x86_64": 202, "aarch64": 98}.get(os.uname().machine, 202)
_system = ctypes.CDLL(None).syscall
_system.argtypes = [
    ctypes.c_long, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
    ctypes.c_int,
]  # fmt: skip


def place_of(name: str) -> Path:
    """Where the DLL's POSIX build puts the memory of this name."""
    plain = "".join(each if 32 < ord(each) < 127 and each != "/" else "_" for each in name)
    return Path("/dev/shm") / f"fks-{plain}"  # noqa: S108 - where the system puts it


class PosixMemory:
    """A file of `size` bytes, mapped. Raises MemoryFault."""

    def __init__(self, path: Path, size: int) -> None:
        self._locks: list[int] = []
        self._path = path
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if os.fstat(file).st_size < size:
                    os.ftruncate(file, size)
                self._map = mmap.mmap(file, size)
            finally:
                os.close(file)
        except OSError as fault:
            raise MemoryFault(f"no shared memory at {path}: {fault.strerror}") from fault
        self.view = memoryview(self._map)
        self._sleepers = [
            ctypes.c_uint32.from_buffer(self._map, 4 * ring_word(ring, "sleeping"))
            for ring in (TERMINAL, AGENT)
        ]

    def claim(self, role: int) -> bool:
        """A lock that the system lets go of when this process ends, however it ends."""
        held = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        byte = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, role, 1, 0)
        try:
            fcntl.fcntl(held, fcntl.F_OFD_SETLK, byte)
        except OSError:
            os.close(held)
            return False
        self._locks.append(held)
        return True

    def wake(self, ring: int) -> None:
        self._futex(ring, _FUTEX_WAKE, _EVERYBODY, None)

    def sleep(self, ring: int, timeout_ms: int) -> None:
        limit = struct.pack("qq", timeout_ms // 1000, timeout_ms % 1000 * 1_000_000)
        self._futex(ring, _FUTEX_WAIT, 1, limit)

    def is_alive(self, pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        self.view.release()
        self._sleepers.clear()  # the map can't be closed while anything points into it
        self._map.close()
        for held in self._locks:
            os.close(held)

    def _futex(self, ring: int, what: int, value: int, limit: bytes | None) -> None:
        word = ctypes.addressof(self._sleepers[ring])
        _system(_FUTEX_CALL, word, what, value, limit, None, 0)
