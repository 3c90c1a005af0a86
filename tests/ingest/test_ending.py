from __future__ import annotations

import asyncio
import time

from bridge_ingest.ending import end


async def test_a_task_that_has_lost_its_cancellation_is_cancelled_again() -> None:
    lost = 0

    async def works() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost == 2:
                    raise

    task = asyncio.create_task(works())
    await asyncio.sleep(0)
    await end([task], within_s=10)
    assert (lost, task.cancelled()) == (2, True)


async def test_a_task_that_never_ends_is_left_when_the_time_is_over() -> None:
    is_wanted = True

    async def works() -> None:
        while is_wanted:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(works())
    await asyncio.sleep(0)
    began = time.monotonic()
    await end([task], within_s=0.3)
    assert time.monotonic() - began >= 0.3
    assert not task.done()
    is_wanted = False
    await end([task], within_s=10)
    assert task.done()


async def test_what_has_ended_already_is_not_waited_for() -> None:
    async def works() -> None:
        return

    task = asyncio.create_task(works())
    await task
    began = time.monotonic()
    await end([task], within_s=60)
    await end([], within_s=60)
    assert time.monotonic() - began < 30
