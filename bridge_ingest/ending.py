"""The end of tasks whose cancellation may be lost on its way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

_AGAIN_AFTER_S = 0.25


async def end(tasks: Iterable[asyncio.Task[Any]], within_s: float) -> None:
    """Cancel until each of them has ended, or the time is over.

    Python 3.11's asyncio.wait_for, in which redis-py writes and connects, loses a cancellation
    that comes together with its result; the task goes on then as if nobody had asked.
    """
    ends = time.monotonic() + within_s
    left = set(tasks)
    while left and time.monotonic() < ends:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_AFTER_S)
