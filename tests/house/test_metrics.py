"""Metrics and limits: one place for both, and what a real gateway tells of its use."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client, override_settings

from bridge_ingest import heartbeat, names
from bridge_ingest.models import Source
from dashboard.reading.limits import Limit, limits_in_use
from fksbridge.figures import Figures
from fksbridge.health import process_names
from tests.dashboard import world
from tests.dashboard.conftest import as_viewer, viewer  # noqa: F401 - fixtures
from tests.ingest.door import client_with_key, door, tick

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLE = re.compile(r'^([a-z0-9_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (-?[0-9.e+-]+)$')


def told(client: Client, **headers: str) -> dict[str, float]:
    """Samples by name and labels; every line must be one, or a HELP or TYPE of the next."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = {}
    for line in answer.content.decode().splitlines():
        if not line.startswith("# "):
            match = SAMPLE.match(line)
            assert match, line
            samples[f"{match[1]}{{{match[2] or ''}}}"] = float(match[3])
    return samples


def with_settings(**changes: Any) -> Any:
    return override_settings(FKS=dataclasses.replace(settings.FKS, **changes))


def by_name() -> dict[str, Limit]:
    return {limit.name: limit for limit in limits_in_use()}


def test_every_part_is_up_or_down(client: Client, redis_client: redis.Redis) -> None:
    for name in process_names():
        heartbeat.beat(name)
    redis_client.delete(heartbeat.key("worker.shard.1"))
    samples = told(client)
    up = {name: value for name, value in samples.items() if name.startswith("fks_up")}
    assert len(up) == len(process_names()) + 2
    assert up['fks_up{part="worker.shard.1"}'] == 0
    assert sum(up.values()) == len(up) - 1


def test_the_figures_of_processes_stand_there_until_they_are_old(
    client: Client, redis_client: redis.Redis
) -> None:
    Figures("worker.0").tell(pending=3)
    samples = told(client)
    assert samples['fks_pending{process="worker.0"}'] == 3
    assert samples['fks_journal_entries{shard="0"}'] == 0
    message = {"process": "worker.0", "at_ms": 1, "figures": {"pending": 3}}
    redis_client.hset(names.FIGURES, "worker.0", json.dumps(message))
    assert 'fks_pending{process="worker.0"}' not in told(client)


def test_every_limit_of_the_settings_is_told_with_its_value(
    client: Client, redis_client: redis.Redis
) -> None:
    samples = told(client)
    for name in ("max_sessions", "client_ticks_per_s", "journal_limit_mb", "webhook_kept"):
        [value] = [v for key, v in samples.items() if key.startswith(f'fks_limit{{limit="{name}"')]
        assert value == getattr(settings.FKS, name)
    assert 0 < samples['fks_limit_used_ratio{limit="journal_limit_mb"}'] < 1
    assert 'fks_limit_used_ratio{limit="max_sessions"}' not in samples  # no gateway is there to ask


def test_a_gateway_tells_how_far_its_limits_are_used(redis_client: redis.Redis) -> None:
    with with_settings(max_sessions=4, client_sessions=2, client_ticks_per_s=1_000_000):
        _, key = client_with_key("BUSY")

        async def talk() -> dict[str, Limit]:
            async with door() as gate, gate.terminal() as one, gate.terminal() as two:
                await one.hello("BUSY", key, "a")
                await two.hello("BUSY", key, "b")
                rows = [[1_795_235_490_000, 1.1, 1.2]] * 1000
                one.send(tick(1), {"type": "ticks", "seq": 2, "symbol": "EURUSD", "ticks": rows})
                await one.until("ack", seq=1001)
                redis_client.delete(names.USE)
                async with asyncio.timeout(10):
                    while not redis_client.hlen(names.USE):  # noqa: ASYNC110 - told once a second
                        await asyncio.sleep(0.05)
                return await asyncio.to_thread(_limits)

        found = asyncio.run(talk())
    assert (found["max_sessions"].share, found["client_sessions"].share) == (0.5, 1.0)
    assert (found["client_sessions"].who, found["client_sessions"].state) == ("BUSY", "act")


def _limits() -> dict[str, Limit]:
    from django.db import connections

    try:
        return by_name()
    finally:
        connections.close_all()


def test_the_client_with_most_symbols_is_named(redis_client: redis.Redis) -> None:
    for name, count in (("FEW", 1), ("MANY", 50)):
        of = world.client(name)
        Source.objects.bulk_create(Source(client=of, symbol=f"S{n}", shard=0) for n in range(count))
    symbols = by_name()["symbols"]
    assert (symbols.share, symbols.who, symbols.variable) == (0.01, "MANY", "")


def test_strangers_get_no_metrics_and_a_reading_key_does(
    client: Client, redis_client: redis.Redis
) -> None:
    _, key = client_with_key("READER", "read")
    _, other = client_with_key("READER", "ingest")
    with with_settings(plain_loopback=False):
        assert client.get("/metrics").status_code == 401
        bearer = {"Authorization": f"Bearer {other}"}
        assert client.get("/metrics", headers=bearer).status_code == 403
        assert told(client, Authorization=f"Bearer {key}")
    assert client.get("/metrics", headers={"X-Forwarded-For": "9.9.9.9"}).status_code == 401
    assert client.post("/metrics").status_code == 405


def test_the_page_shows_each_limit_with_its_use(
    as_viewer: Client,  # noqa: F811 - the fixture
    redis_client: redis.Redis,
) -> None:
    text = as_viewer.get("/settings/limits").content.decode()
    for limit in limits_in_use():
        assert limit.title in text
    assert "FKS_CLIENT_TICKS_PER_S" in text
    part = as_viewer.get("/settings/limits", headers={"HX-Request": "1", "HX-Target": "limit-list"})
    assert b"<html" not in part.content


def test_while_redis_is_away_it_says_so_and_fails_not(client: Client) -> None:
    with with_settings(redis_url="redis://127.0.0.1:1/0"):
        assert told(client)['fks_up{part="redis"}'] == 0
