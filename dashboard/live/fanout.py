"""Frames to many browsers, none of which may hold up the others or fill our memory.

A WebSocket server buffers what a slow browser does not read, without limit, and says nothing of
it. So each browser acknowledges the deltas that it has worked through, and one with more than
WINDOW of them outstanding is sent nothing until it answers: then a snapshot, which holds everything
it missed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

WINDOW = 20
"""Deltas that may be unacknowledged: two seconds' worth."""
SILENT_TOO_LONG_S = 60.0

Send = Callable[[str], Awaitable[None]]


class Viewer:
    """One browser's connection. `offer` never waits; `run` does the sending."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: deque[str] = deque(maxlen=WINDOW + 2)
        self._wake = asyncio.Event()
        self._base_seq = 0
        self._acknowledged = 0
        self._answered_at = asyncio.get_running_loop().time()
        self.is_behind = False
        self.dropped = 0

    def begin(self, snapshot: str, seq: int) -> None:
        """Start, or start over, from a whole picture; whatever still waited is part of it."""
        self._waiting.clear()
        self._base_seq = self._acknowledged = seq
        self.is_behind = False
        self._put(snapshot)

    def offer(self, delta: str, seq: int) -> None:
        """Take the next delta, or drop it and everything until this browser has caught up."""
        if self.is_behind or seq - self._acknowledged > WINDOW:
            self.is_behind = True
            self.dropped += 1
            return
        self._put(delta)

    def offer_beat(self, beat: str) -> None:
        if not self.is_behind:
            self._put(beat)

    def acknowledge(self, seq: int) -> bool:
        """Note an answer; true when the browser is behind, alive, and due a new snapshot."""
        self._answered_at = asyncio.get_running_loop().time()
        self._acknowledged = max(self._acknowledged, seq)
        return self.is_behind and seq >= self._base_seq

    def has_gone_silent(self) -> bool:
        silent_s = asyncio.get_running_loop().time() - self._answered_at
        return self.is_behind and silent_s > SILENT_TOO_LONG_S

    async def run(self) -> None:
        """Send until cancelled. The queue is bounded by the window, so nothing piles up."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send(self._waiting.popleft())

    def _put(self, frame: str) -> None:
        self._waiting.append(frame)
        self._wake.set()
