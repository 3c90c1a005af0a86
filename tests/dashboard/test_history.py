"""Figures of the last hour, kept in Redis once whoever records them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
import redis.asyncio

from bridge_ingest.store import async_redis
from dashboard.live import history
from dashboard.live.history import POINTS_KEPT, Recorder
from dashboard.live.messages import HealthMessage
from dashboard.reading.figures import SPARK_MS, SPARK_POINTS, Figures

NOW_MS = 1_700_000_000_000


@pytest.fixture
async def client(redis_client: redis.Redis) -> AsyncIterator[redis.asyncio.Redis]:
    made = async_redis()
    yield made
    await made.aclose()


def health(process: str, **figures: Any) -> HealthMessage:
    return HealthMessage(process=process, at_ms=NOW_MS, figures=figures)


def test_a_point_keeps_the_worst_delay_and_the_mean_rate() -> None:
    recorder = Recorder()
    for rate, lag in ((100, 5.0), (200, 90.0), (300, 7.0)):
        recorder.add(health("worker.0", ticks_per_s=rate, lag_ms=lag))
    assert recorder.take() == {"worker.0": {"ticks_per_s": 200.0, "lag_ms": 90.0}}
    assert recorder.take() == {}


def test_what_is_no_number_is_no_figure_of_the_past() -> None:
    recorder = Recorder()
    recorder.add(health("gateway", ack_p99_ms=None, throttled=True, sessions=2))
    assert recorder.take() == {"gateway": {"sessions": 2.0}}


async def test_two_web_processes_that_record_the_same_moment_leave_one_point(
    client: redis.asyncio.Redis,
) -> None:
    for rate in (100.0, 999.0):
        await history.write(client, NOW_MS, {"gateway": {"ticks_per_s": rate}})
    points = history.read("gateway", 0)
    assert [(point.at_ms, point.figures) for point in points] == [(NOW_MS, {"ticks_per_s": 100.0})]


async def test_the_past_is_bounded(client: redis.asyncio.Redis) -> None:
    for at in range(POINTS_KEPT + 300):
        await history.write(client, NOW_MS + at * 5000, {"gateway": {"ticks_per_s": 1.0}})
    assert POINTS_KEPT <= len(history.read("gateway", 0)) <= POINTS_KEPT + 100
    assert 0 < await client.ttl("fks:figures:gateway") <= history.FORGOTTEN_AFTER_S


async def test_a_total_joins_the_processes_that_it_is_made_of(client: redis.asyncio.Redis) -> None:
    await history.write(
        client,
        NOW_MS,
        {
            "worker.0": {"ticks_per_s": 100.0, "lag_ms": 5.0},
            "worker.1": {"ticks_per_s": 50.0, "lag_ms": 40.0},
            "worker.events": {"ticks_per_s": 7.0, "lag_ms": 900.0},
            "gateway": {"ticks_per_s": 151.0},
        },
    )
    figures = Figures({name: history.read(name, 0) for name in history.processes()}, NOW_MS)
    assert figures.latest("stored_per_s") == 150.0  # events are no ticks
    assert figures.latest("ticks_per_s") == 151.0
    assert figures.latest("lag_ms") == 900.0
    assert figures.plot("stored_per_s", "ticks_per_s") == [[NOW_MS, 150.0, 151.0]]


async def test_a_figure_that_is_no_longer_told_has_no_latest_value(
    client: redis.asyncio.Redis,
) -> None:
    await history.write(client, NOW_MS - 60_000, {"gateway": {"ticks_per_s": 100.0}})
    figures = Figures({"gateway": history.read("gateway", 0)}, NOW_MS)
    assert figures.latest("ticks_per_s") is None
    assert figures.series("ticks_per_s") == [(NOW_MS - 60_000, 100.0)]


async def test_a_sparkline_takes_the_worst_of_each_quarter_minute(
    client: redis.asyncio.Redis,
) -> None:
    quarter_ms = SPARK_MS // SPARK_POINTS
    for at_ms, lag in ((NOW_MS, 3.0), (NOW_MS - 5000, 9.0), (NOW_MS - 3 * quarter_ms, 1.0)):
        await history.write(client, at_ms, {f"worker.{at_ms}": {"lag_ms": lag}})
    figures = Figures({name: history.read(name, 0) for name in history.processes()}, NOW_MS)
    spark = figures.spark("lag_ms")
    assert len(spark) == SPARK_POINTS
    assert spark[-4:] == [1.0, None, None, 9.0]
