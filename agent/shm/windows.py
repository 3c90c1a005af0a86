"""Shared memory on Windows: a named mapping and two named events of this session.

Names as the DLL's `mql4/native/system.c` has them. Sources: Microsoft's pages on CreateFileMapping,
CreateEvent (an auto-reset event stays signalled until one waiter was released), OpenProcess.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import ctypes
    import mmap

    from agent.shm.memory import MemoryFault

    _SYNCHRONIZE = 0x0010_0000
    _WAIT_TIMEOUT = 258
    _ALREADY_EXISTS = 183

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    for _name in ("CreateEventW", "CreateMutexW", "OpenProcess"):
        getattr(_kernel, _name).restype = ctypes.c_void_p
    _kernel.SetEvent.argtypes = _kernel.CloseHandle.argtypes = [ctypes.c_void_p]
    _kernel.WaitForSingleObject.argtypes = [ctypes.c_void_p, ctypes.c_uint32]

    class WindowsMemory:
        """A mapping of `size` bytes, not backed by a file. Raises MemoryFault."""

        def __init__(self, name: str, size: int) -> None:
            self._name = f"Local\\FKS-{name}"
            try:
                self._map = mmap.mmap(-1, size, tagname=self._name)
            except OSError as fault:
                raise MemoryFault(f"Windows gave no memory {self._name}: {fault}") from fault
            self.view = memoryview(self._map)
            event = self._name[:10] + self._name[10:].replace("\\", "_").replace(":", "_")
            self._events = [self._event(f"{event}-{role}") for role in ("terminal", "agent")]
            self._claims: list[int] = []

        def claim(self, role: int) -> bool:
            """A named mutex, which is gone with the last process that has it open."""
            held = _kernel.CreateMutexW(None, False, f"{self._name}-{role}-claim")
            if ctypes.get_last_error() == _ALREADY_EXISTS:
                _kernel.CloseHandle(held)
                return False
            self._claims.append(held)
            return True

        def wake(self, ring: int) -> None:
            _kernel.SetEvent(self._events[ring])

        def sleep(self, ring: int, timeout_ms: int) -> None:
            _kernel.WaitForSingleObject(self._events[ring], timeout_ms)

        def is_alive(self, pid: int) -> bool:
            process = _kernel.OpenProcess(_SYNCHRONIZE, False, pid)
            if not process:
                return False
            alive = _kernel.WaitForSingleObject(process, 0) == _WAIT_TIMEOUT
            _kernel.CloseHandle(process)
            return bool(alive)

        def close(self) -> None:
            self.view.release()
            self._map.close()
            for handle in (*self._events, *self._claims):
                _kernel.CloseHandle(handle)

        def _event(self, name: str) -> int:
            handle = _kernel.CreateEventW(None, False, False, name)
            if not handle:
                raise MemoryFault(f"Windows gave no event {name}: {ctypes.get_last_error()}")
            return int(handle)
