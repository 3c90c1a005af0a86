"""A slow browser costs the bridge nothing and comes back to a whole picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dashboard.live import fanout
from dashboard.live.fanout import WINDOW, Viewer


class Browser:
    """What was sent; `reads` held back means that the socket takes nothing."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def send(self, text: str) -> None:
        await self.reads.wait()
        self.frames.append(text)


@pytest.fixture
async def browser() -> Browser:
    return Browser()


@pytest.fixture
async def viewer(browser: Browser) -> AsyncIterator[Viewer]:
    made = Viewer(browser.send)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_deltas_arrive_in_order_after_the_snapshot(viewer: Viewer, browser: Browser) -> None:
    viewer.begin("whole", 10)
    for seq in (11, 12, 13):
        viewer.offer(f"delta {seq}", seq)
    await settle()
    assert browser.frames == ["whole", "delta 11", "delta 12", "delta 13"]


async def test_a_browser_that_answers_nothing_is_sent_one_window_and_no_more(
    viewer: Viewer, browser: Browser
) -> None:
    viewer.begin("whole", 0)
    for seq in range(1, 500):
        viewer.offer(str(seq), seq)
        await settle()
    assert len(browser.frames) == 1 + WINDOW
    assert viewer.is_behind
    assert viewer.dropped == 499 - WINDOW


async def test_a_socket_that_takes_nothing_holds_back_a_bounded_queue(
    viewer: Viewer, browser: Browser
) -> None:
    browser.reads.clear()
    viewer.begin("whole", 0)
    for seq in range(1, 10_000):
        viewer.offer(str(seq), seq)
        viewer.offer_beat("beat")
    assert len(viewer._waiting) <= WINDOW + 2


async def test_an_answer_from_behind_is_due_a_snapshot_and_a_new_window(
    viewer: Viewer, browser: Browser
) -> None:
    viewer.begin("whole", 0)
    for seq in range(1, 100):
        viewer.offer(str(seq), seq)
    assert viewer.acknowledge(WINDOW) is True
    viewer.begin("whole again", 99)
    viewer.offer("100", 100)
    await settle()
    assert browser.frames[-2:] == ["whole again", "100"]


async def test_a_late_answer_to_frames_before_the_snapshot_brings_no_second_one(
    viewer: Viewer,
) -> None:
    viewer.begin("whole", 0)
    viewer.begin("whole again", 99)
    for seq in range(100, 200):
        viewer.offer(str(seq), seq)
    assert viewer.is_behind
    assert viewer.acknowledge(20) is False
    assert viewer.acknowledge(99) is True


async def test_a_browser_that_keeps_up_is_never_behind(viewer: Viewer, browser: Browser) -> None:
    viewer.begin("whole", 0)
    for seq in range(1, 1000):
        viewer.offer(str(seq), seq)
        if seq % 5 == 0:
            await settle()
            assert viewer.acknowledge(seq) is False
    await settle()
    assert len(browser.frames) == 1000
    assert viewer.dropped == 0


async def test_one_that_stays_silent_while_behind_is_given_up(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "SILENT_TOO_LONG_S", -1.0)
    viewer.begin("whole", 0)
    assert not viewer.has_gone_silent()
    for seq in range(1, WINDOW + 2):
        viewer.offer(str(seq), seq)
    assert viewer.has_gone_silent()
