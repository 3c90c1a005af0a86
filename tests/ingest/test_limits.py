"""What one client may send: it is slowed down and told so, and nothing is lost."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from bridge_ingest.models import Refusal
from bridge_ingest.protocol.limits import BURST_S, Bucket, Limits
from bridge_ingest.stats import client_stats
from tests.ingest.door import client_with_key, door, drain_all, tick

pytestmark = pytest.mark.django_db(transaction=True)
amounts = st.lists(st.tuples(st.floats(0.001, 5), st.integers(0, 5000)), max_size=50)


@given(amounts)
def test_nobody_gets_more_than_the_rate_and_one_burst(steps: list[tuple[float, int]]) -> None:
    bucket, now, taken = Bucket(1000.0), 0.0, 0
    for pause_s, amount in steps:
        now += pause_s
        now += bucket.owes_s(now)  # waits as it is told to
        bucket.take(amount, now)
        taken += amount
    end = now + bucket.owes_s(now)
    assert taken <= 1000.0 * (end + BURST_S) + 1e-6


def test_a_rate_of_zero_is_no_limit() -> None:
    limits = Limits.of()
    limits.ticks.take(1e12, 0.0)
    assert limits.owes(0.0) == (0.0, "")


def test_the_tightest_limit_is_the_one_that_is_told() -> None:
    limits = Limits.of(ticks=100, messages=10)
    limits.ticks.take(300, 0.0)
    limits.messages.take(70, 0.0)
    wait_s, reason = limits.owes(0.0)
    assert wait_s == pytest.approx(5.0)
    assert reason == "This client may send 10 messages a second; it is read no faster."


def limited(settings: Settings, **changes: int) -> None:
    settings.FKS = dataclasses.replace(settings.FKS, **changes)


def test_a_client_that_sends_too_fast_is_slowed_down_told_so_and_loses_nothing(
    redis_client: redis.Redis, settings: Settings
) -> None:
    limited(settings, client_ticks_per_s=100)
    client, key = client_with_key("FAST")

    async def talk() -> tuple[dict[str, Any], float]:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("FAST", key)
            started = time.monotonic()
            for seq in range(1, 351):  # 200 at once, and 150 that take a second and a half
                terminal.send(tick(seq))
            told = await terminal.until("reject")
            await terminal.until("ack", seq=350)
            terminal.send(tick(351))
            await terminal.until("ack", seq=351)
            return told, time.monotonic() - started

    told, took_s = asyncio.run(talk())
    assert (told["code"], told["reason"]) == (
        "rate", "This client may send 100 ticks a second; it is read no faster.",
    )  # fmt: skip
    assert took_s > 1.4
    drain_all()
    stats = client_stats(client)
    assert (stats.produced, stats.stored) == (351, 351)
    assert Refusal.objects.get().code == "rate"


def test_a_client_may_not_open_more_sessions_than_its_limit(
    redis_client: redis.Redis, settings: Settings
) -> None:
    limited(settings, client_sessions=2)
    _, key = client_with_key("MANY")
    _, other = client_with_key("OTHER")

    async def talk() -> list[dict[str, Any]]:
        async with (
            door() as gate,
            gate.terminal() as a,
            gate.terminal() as b,
            gate.terminal() as c,
            gate.terminal() as d,
        ):
            await a.hello("MANY", key, "1")
            await b.hello("MANY", key, "2")
            return [await c.hello("MANY", key, "3"), await d.hello("OTHER", other)]

    refused, welcomed = asyncio.run(talk())
    assert (refused["type"], refused["code"]) == ("error", "limit")
    assert refused["reason"] == "This client has 2 sessions here already; close one first."
    assert welcomed["type"] == "welcome"


def test_posts_beyond_the_rate_are_answered_429_and_store_nothing(
    redis_client: redis.Redis, settings: Settings
) -> None:
    limited(settings, client_posts_per_s=5)
    client, key = client_with_key("POSTS", "ingest", "webhook")
    headers = {"authorization": f"Bearer {key}", "x_bridge_client": "POSTS", "x_bridge_stream": "s"}

    async def talk() -> list[tuple[int, str]]:
        async with door() as gate:
            data = [
                await gate.post("/api/data", json.dumps(tick(seq)).encode(), **headers)
                for seq in range(1, 13)
            ]
            data.append(await gate.post(f"/api/bridge/{key}", b"EURUSD Crossing 1.0850"))
            return [(status, answer.get("code", "")) for status, answer in data]

    answers = asyncio.run(talk())
    taken = answers.count((200, ""))
    assert 10 <= taken <= 11  # two seconds' worth, and what time has brought
    assert answers.count((429, "rate")) == 13 - taken
    assert answers[-1] == (429, "rate")
    drain_all()
    stats = client_stats(client)
    assert (stats.stored, stats.sessions, stats.open_sessions) == (taken, taken, 0)
