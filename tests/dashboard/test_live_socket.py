"""The live socket end to end in one process: real Redis, the real ASGI application, its board."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import redis
import redis.asyncio
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from bridge_ingest import names
from bridge_ingest.store import async_redis
from dashboard.live import consumer
from dashboard.live.board import Board, running_board, stop_board
from fksbridge.asgi import application
from tests.dashboard import world

pytestmark = pytest.mark.django_db(transaction=True)

Publish = Callable[[str, dict[str, Any]], Awaitable[None]]


@pytest.fixture
async def publish(redis_client: redis.Redis) -> AsyncIterator[Publish]:
    client = async_redis()

    async def send(channel: str, payload: dict[str, Any]) -> None:
        await client.publish(channel, json.dumps(payload))

    yield send
    await client.aclose()
    await stop_board()
    await sync_to_async(connections.close_all)()  # those of the thread that Channels used


@pytest.fixture
async def cookie() -> str:
    return await sync_to_async(signed_in_cookie)()


def signed_in_cookie() -> str:
    browser = Client()
    browser.force_login(world.person("vera", "viewer"))
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


def socket(cookie: str = "", origin: str = "http://localhost") -> WebsocketCommunicator:
    headers = [(b"host", b"localhost"), (b"origin", origin.encode()), (b"cookie", cookie.encode())]
    return WebsocketCommunicator(application, "/ws/live", headers)


async def frame(browser: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    """The next frame of a kind; others may come between."""
    async with asyncio.timeout(5):
        while True:
            read: dict[str, Any] = json.loads(await browser.receive_from(timeout=5))
            if read["type"] == kind:
                return read


async def delta_with(browser: WebsocketCommunicator, part: str) -> Any:
    """The rows of the next delta that has any for `part`."""
    while True:
        read = await frame(browser, "delta")
        if part in read:
            return read[part]


async def listening() -> Board:
    board = running_board()
    async with asyncio.timeout(5):
        await board.hearing.wait()
    return board


async def opened(cookie: str) -> tuple[WebsocketCommunicator, dict[str, Any]]:
    """A browser that has its first snapshot, from a board that hears."""
    await listening()
    browser = socket(cookie)
    await browser.connect()
    return browser, await frame(browser, "snapshot")


async def test_a_stranger_is_told_to_sign_in(publish: Publish) -> None:
    browser = socket()
    accepted, _ = await browser.connect()
    assert accepted
    assert (await browser.receive_output())["code"] == consumer.NOT_SIGNED_IN


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:9999", ""])
async def test_a_page_of_another_origin_is_refused(
    publish: Publish, cookie: str, origin: str
) -> None:
    accepted, _ = await socket(cookie, origin).connect()
    assert not accepted


async def test_the_first_frame_is_whole_and_holds_what_is_stored(
    publish: Publish, cookie: str
) -> None:
    feed = await sync_to_async(world.feed)(bid=1.08124, ask=1.08132)
    browser, whole = await opened(cookie)
    assert [row[:3] for row in whole["quotes"]] == [[feed.pk, 1.08124, 1.08132]]
    await browser.disconnect()


async def test_quotes_states_events_and_figures_reach_the_browser(
    publish: Publish, cookie: str
) -> None:
    browser, _ = await opened(cookie)
    await publish(names.LIVE_QUOTES, {"at_ms": 1, "quotes": [[7, 1.1, 1.2, 3, 4, 5]]})
    assert await delta_with(browser, "quotes") == [[7, 1.1, 1.2, 3, 4, 5]]
    rows = {"feeds": [[7, 0.0003, 3.0, "act"]], "instruments": [[1, 3.0, 1.0, "act"]]}
    await publish(names.LIVE_VERIFY, {"at_ms": 1, **rows})
    assert await delta_with(browser, "feeds") == rows["feeds"]
    await publish(names.LIVE_EVENT, {"kind": "alert", "id": 9, "change": "opened"})
    assert await delta_with(browser, "events") == [{"kind": "alert", "id": 9, "change": "opened"}]
    await publish(names.LIVE_HEALTH, {"process": "gateway", "at_ms": 1, "figures": {"sessions": 2}})
    heard = {row[0]: row[2] for row in await delta_with(browser, "health")}
    assert heard["gateway"] == {"sessions": 2}
    await browser.disconnect()


async def test_numbers_follow_each_other_from_the_snapshot_on(
    publish: Publish, cookie: str
) -> None:
    browser, whole = await opened(cookie)
    for number in range(8):
        await publish(names.LIVE_QUOTES, {"at_ms": 1, "quotes": [[7, number, 1.2, 3, 4, 5]]})
        await asyncio.sleep(0.06)
    seen = [(await frame(browser, "delta"))["seq"] for _ in range(4)]
    assert seen == list(range(seen[0], seen[0] + 4))
    assert seen[0] == whole["seq"] + 1
    await browser.disconnect()


async def test_a_hundred_messages_within_a_tenth_of_a_second_are_few_frames(
    publish: Publish, cookie: str
) -> None:
    browser, _ = await opened(cookie)
    board = running_board()
    before = board.frames
    for number in range(100):
        await publish(names.LIVE_QUOTES, {"at_ms": 1, "quotes": [[7, number, 1.2, 3, 4, 5]]})
    await asyncio.sleep(0.3)
    assert board.picture.quotes[7][1] == 99
    assert 1 <= board.frames - before <= 10
    await browser.disconnect()


async def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(
    publish: Publish, cookie: str
) -> None:
    browser, _ = await opened(cookie)
    for nonsense in ({}, {"at_ms": 1, "quotes": [[1, "x"]]}, {"at_ms": "now", "quotes": []}):
        await publish(names.LIVE_QUOTES, nonsense)
    await publish(names.LIVE_QUOTES, {"at_ms": 1, "quotes": [[7, 1.1, 1.2, 3, 4, 5]]})
    assert await delta_with(browser, "quotes") == [[7, 1.1, 1.2, 3, 4, 5]]
    assert running_board().unreadable == 3
    assert running_board().figures(0)["unreadable"] == 3
    await browser.disconnect()


async def test_a_beat_comes_each_second_and_says_whether_data_are_heard(
    publish: Publish, cookie: str
) -> None:
    browser, _ = await opened(cookie)
    assert (await frame(browser, "beat"))["upstream"] is True
    await browser.disconnect()


async def test_a_browser_that_never_answers_is_sent_no_more_than_a_window(
    publish: Publish, cookie: str
) -> None:
    browser, whole = await opened(cookie)
    board = running_board()
    for number in range(40):
        board.hear(
            names.LIVE_QUOTES.encode(),
            json.dumps({"at_ms": 1, "quotes": [[7, number, 1.2, 3, 4, 5]]}).encode(),
        )
        board._send_frame()
    assert board.figures(0)["behind"] == 1
    await browser.send_to(json.dumps({"type": "ack", "seq": whole["seq"] + 5}))
    again = await frame(browser, "snapshot")
    assert again["quotes"] == [[7, 39, 1.2, 3, 4, 5]]
    await browser.disconnect()


async def test_the_board_hears_again_after_redis_cut_it_off(
    publish: Publish, cookie: str, redis_client: redis.Redis
) -> None:
    browser, _ = await opened(cookie)
    redis_client.client_kill_filter(_type="pubsub")
    await frame(browser, "snapshot")  # it may have missed something, so all starts over
    await publish(names.LIVE_QUOTES, {"at_ms": 1, "quotes": [[7, 1.1, 1.2, 3, 4, 5]]})
    assert await delta_with(browser, "quotes") == [[7, 1.1, 1.2, 3, 4, 5]]
    await browser.disconnect()


async def test_what_is_no_acknowledgement_ends_the_socket(publish: Publish, cookie: str) -> None:
    browser, _ = await opened(cookie)
    await browser.send_to("DROP TABLE ticks")
    async with asyncio.timeout(5):
        while (output := await browser.receive_output())["type"] != "websocket.close":
            pass
    assert output["code"] == consumer.UNREADABLE


async def test_the_socket_ends_with_the_users_session(
    publish: Publish, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "CHECKED_EVERY_S", 0.05)
    browser, _ = await opened(cookie)
    await User.objects.filter(username="vera").aupdate(is_active=False)
    async with asyncio.timeout(5):
        while (output := await browser.receive_output())["type"] != "websocket.close":
            pass
    assert output["code"] == consumer.NOT_SIGNED_IN


async def test_a_browser_that_left_is_forgotten(publish: Publish, cookie: str) -> None:
    browser, _ = await opened(cookie)
    assert len(running_board().viewers) == 1
    await browser.disconnect()
    assert running_board().viewers == set()
