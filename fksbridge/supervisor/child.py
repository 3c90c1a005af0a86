"""One supervised process: started, watched, started again with growing pauses, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable

from fksbridge.embedded.service import Service, ServiceError
from fksbridge.supervisor.console import ChildLog

DEATHS_ALLOWED = 5
DEATHS_COUNTED_FOR_S = 30.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
# Reading gigabytes of log back after a kill takes minutes; that it takes long is said earlier.
READY_WITHIN_S = 600.0
SAID_TO_BE_LATE_AFTER_S = 20.0
LAST_WORDS_WITHIN_S = 0.5
CHUNK_BYTES = 65536


class CrashLoopError(Exception):
    """A child dies again and again; the text is a sentence for the operator."""


class Child:
    """Keeps `service` running until it is asked to stop. `say` gets one sentence per event."""

    def __init__(self, service: Service, log: ChildLog, say: Callable[[str], None]) -> None:
        self.service = service
        self.log = log
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._up = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._deaths: deque[float] = deque(maxlen=DEATHS_ALLOWED)

    async def keep_running(self) -> None:
        """Returns once asked to stop. Raises CrashLoopError, or ServiceError from preparing."""
        while not self._stop_asked.is_set():
            how = await self._live()
            if self._stop_asked.is_set():
                return
            pause = self._pause_after_death(how)
            self._say(f"{self.service.name} {how}; it is started again{in_seconds(pause)}.")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_asked.wait(), pause)

    async def _live(self) -> str:
        """One life, from preparation to end; says how it ended."""
        await asyncio.to_thread(self.service.prepare)
        if self._stop_asked.is_set():
            return "was stopped"
        reader, pipe, write_end = await open_pipe()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self.service.leashed(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=dict(os.environ) | dict(self.service.environ),
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        watchers = [
            asyncio.create_task(self._read_output(reader)),
            asyncio.create_task(self._announce_when_ready()),
        ]
        try:
            return how_it_ended(await process.wait())
        finally:
            self._up.clear()
            kill_group(process.pid)
            await asyncio.wait(watchers[:1], timeout=LAST_WORDS_WITHIN_S)
            for watcher in watchers:
                watcher.cancel()
            pipe.close()

    async def _read_output(self, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            self.log.feed(chunk)

    async def _announce_when_ready(self) -> None:
        while not await asyncio.to_thread(self.service.ready):  # noqa: ASYNC110 - others' state
            await asyncio.sleep(0.05)
        self._up.set()

    def _pause_after_death(self, how: str) -> float:
        now = time.monotonic()
        self._deaths.append(now)
        recent = sum(1 for death in self._deaths if now - death <= DEATHS_COUNTED_FOR_S)
        if recent >= DEATHS_ALLOWED:
            raise CrashLoopError(
                f"{self.service.name} died {recent} times within {DEATHS_COUNTED_FOR_S:.0f} s; "
                f"the last time it {how}{self.log.last_words()}"
            )
        return 0.0 if recent == 1 else min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (recent - 1))

    async def wait_until_up(self) -> None:
        """Raises ServiceError when it takes too long."""
        late = asyncio.get_running_loop().call_later(SAID_TO_BE_LATE_AFTER_S, self._say_it_is_late)
        try:
            await asyncio.wait_for(self._up.wait(), READY_WITHIN_S)
        except TimeoutError:
            raise ServiceError(
                f"{self.service.name} did not come up within {READY_WITHIN_S:.0f} s"
                + self.log.last_words()
            ) from None
        finally:
            late.cancel()

    def _say_it_is_late(self) -> None:
        self._say(f"{self.service.name} is not up yet{self.log.last_words()}")

    def ask_to_stop(self) -> None:
        self._stop_asked.set()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(self.service.stop_signal)

    def kill(self) -> None:
        self._stop_asked.set()
        if self._process is not None and self._process.returncode is None:
            kill_group(self._process.pid)


async def open_pipe() -> tuple[asyncio.StreamReader, asyncio.BaseTransport, int]:
    """A pipe of our own for a child's output: reader, its transport, and the end to write to.

    asyncio's own waits for every holder of the pipe before it reports the child's death, so that
    a grandchild that lives on would hide it.
    """
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
    )
    return reader, transport, write_end


def kill_group(leader: int) -> None:
    """Whatever a process has left running in its group ends with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def how_it_ended(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def in_seconds(pause: float) -> str:
    return f" in {pause:g} s" if pause else ""
