"""One side of a pair's memory: its own ring to write, the other's to read.

It relies on aligned 4-byte loads and stores being whole and on the order in which x86 lets others
see them; Windows' MetaTrader runs nowhere else. Where a store must be seen before a load that
follows, `_fence` sees to it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any

from agent.shm.layout import (
    ABOUT_AT,
    ABOUT_BYTES,
    AGENT,
    BORN_WORD,
    CAPACITY_WORD,
    MAGIC,
    MAGIC_WORD,
    OWNER_WORD,
    RECORD_BYTES,
    RECORD_BYTES_WORD,
    RECORDS_AT,
    VERSION,
    VERSION_WORD,
    Message,
    messages,
    ring_word,
    said,
)
from agent.shm.memory import Memory, MemoryFault

_WRAP = 2**32
_ROLES = ("terminal", "agent")


class _Places:
    """Where the words of a ring are."""

    def __init__(self, ring: int) -> None:
        self.head = ring_word(ring, "head")
        self.dropped = ring_word(ring, "dropped")
        self.tail = ring_word(ring, "tail")
        self.sleeping = ring_word(ring, "sleeping")


class Pair:
    """`capacity` is a ring's, in records: a power of two. Raises MemoryFault.

    What is read stays there until `free`: whatever happens to this process, the next one finds it.
    """

    def __init__(self, memory: Memory, capacity: int, role: int = AGENT) -> None:
        self.capacity = capacity
        self._memory = memory
        self._role = role
        self._words = memory.view.cast("I")
        self._read = _Places(1 - role)
        self._write = _Places(role)
        self._lock = threading.Lock()
        self._cutting_short = False
        try:
            self._settle_layout()
            self._claim()
        except MemoryFault:
            self._words.release()
            memory.close()
            raise
        self._words[OWNER_WORD + role] = os.getpid()
        self.cursor = self._words[self._read.tail]

    def close(self) -> None:
        self._words[OWNER_WORD + self._role] = 0
        self._words.release()
        self._memory.close()

    # Who is there.

    @property
    def other_is_alive(self) -> bool:
        pid = self._words[OWNER_WORD + 1 - self._role]
        return pid != 0 and self._memory.is_alive(pid)

    @property
    def born(self) -> int:
        """Tells this memory from every other of its name: nanoseconds since 1970."""
        return self._words[BORN_WORD] | self._words[BORN_WORD + 1] << 32

    @property
    def about(self) -> dict[str, Any]:
        """What the terminal says of itself; empty when that can't be read."""
        text = bytes(self._memory.view[ABOUT_AT : ABOUT_AT + ABOUT_BYTES]).rstrip(b"\0")
        try:
            found = json.loads(text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    # Reading.

    def read(self, most: int) -> list[tuple[Message, int]]:
        """The next messages in at most so many records, each with what `free` takes after it."""
        start = self.cursor
        found, passed = messages(self._records(start, min(most, self._unread)))
        self.cursor = (start + passed) % _WRAP
        return [(message, (start + end) % _WRAP) for message, end in found]

    def read_raw(self, most: int) -> bytes:
        """The next records as they are."""
        records = self._records(self.cursor, min(most, self._unread))
        self.cursor = (self.cursor + len(records) // RECORD_BYTES) % _WRAP
        return records

    def free(self, index: int) -> None:
        """What lies before `index` is done with: its room is the writer's again."""
        self._words[self._read.tail] = index

    def wait(self, timeout_ms: int) -> bool:
        """Sleep until something is there to read; False when the time is over or `cut_short`."""
        sleeping = self._read.sleeping
        ends = time.monotonic() + timeout_ms / 1000
        while not self._unread:
            left = ends - time.monotonic()
            if left <= 0 or self._cutting_short:
                return False
            self._words[sleeping] = 1
            self._fence()
            if not self._unread and not self._cutting_short:
                self._memory.sleep(1 - self._role, max(1, round(left * 1000)))
            self._words[sleeping] = 0
        return True

    def cut_short(self) -> None:
        """End a `wait` in another thread, and every later one."""
        self._cutting_short = True
        self._words[self._read.sleeping] = 0
        self._memory.wake(1 - self._role)

    # Writing.

    def say(self, text: bytes) -> bool:
        """Write a text whole; False when the ring has no room for it. Raises ValueError."""
        return self.push(said(text))

    def push(self, records: list[bytes]) -> bool:
        """Write records, 64 bytes each, of which the first four get their number here."""
        words, places = self._words, self._write
        head = words[places.head]
        used = (head - words[places.tail]) % _WRAP
        if len(records) > self.capacity - used:
            words[places.dropped] = (words[places.dropped] + len(records)) % _WRAP
            return False
        for at, record in enumerate(records):
            start = self._place(self._role, head + at)
            seq = ((head + at + 1) % _WRAP).to_bytes(4, "little")
            self._memory.view[start : start + RECORD_BYTES] = seq + record[4:]
        words[places.head] = (head + len(records)) % _WRAP
        self._wake_other()
        return True

    def _wake_other(self) -> None:
        self._fence()
        if self._words[self._write.sleeping]:
            self._words[self._write.sleeping] = 0
            self._memory.wake(self._role)

    # The bytes.

    @property
    def _unread(self) -> int:
        return (self._words[self._read.head] - self.cursor) % _WRAP

    def _records(self, start: int, count: int) -> bytes:
        ring, first = 1 - self._role, start % self.capacity
        before_end = min(count, self.capacity - first)
        return self._span(ring, first, before_end) + self._span(ring, 0, count - before_end)

    def _span(self, ring: int, first: int, count: int) -> bytes:
        start = self._place(ring, first)
        return bytes(self._memory.view[start : start + count * RECORD_BYTES])

    def _place(self, ring: int, index: int) -> int:
        return RECORDS_AT + (ring * self.capacity + index % self.capacity) * RECORD_BYTES

    def _fence(self) -> None:
        """Taking a lock is an instruction with which the processor orders all before and after."""
        with self._lock:
            pass

    def _claim(self) -> None:
        if not self._memory.claim(self._role):
            raise MemoryFault(f"another {_ROLES[self._role]} has this shared memory; end it first")

    def _settle_layout(self) -> None:
        """The first to come lays out the memory; new memory is all zeros."""
        words = self._words
        if words[MAGIC_WORD] == 0:
            born = time.time_ns()
            words[MAGIC_WORD] = 1
            words[VERSION_WORD], words[CAPACITY_WORD] = VERSION, self.capacity
            words[RECORD_BYTES_WORD] = RECORD_BYTES
            words[BORN_WORD], words[BORN_WORD + 1] = born % _WRAP, born // _WRAP
            words[MAGIC_WORD] = MAGIC
        found = (words[VERSION_WORD], words[CAPACITY_WORD], words[RECORD_BYTES_WORD])
        if words[MAGIC_WORD] != MAGIC or found != (VERSION, self.capacity, RECORD_BYTES):
            raise MemoryFault(
                f"the shared memory is laid out for version {found[0]} and {found[1]} records, not "
                f"{VERSION} and {self.capacity}: --capacity must be the program's InpCapacity, and "
                "agent, program and DLL must come from one release"
            )
