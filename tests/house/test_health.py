from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import msgspec
import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from bridge_ingest import heartbeat, names
from fksbridge.health import process_names

pytestmark = pytest.mark.django_db


def everybody_lives() -> None:
    for name in process_names():
        heartbeat.beat(name)


def asked(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/healthz")
    return answer.status_code, answer.json()


def silent_since(client: redis.Redis, name: str, seconds: float) -> None:
    sign = heartbeat.Sign(at=time.time() - seconds, pid=1)
    client.set(heartbeat.key(name), msgspec.json.encode(sign))


def test_all_well(client: Client, redis_client: redis.Redis) -> None:
    everybody_lives()
    status, body = asked(client)
    assert (status, body["status"]) == (200, "ok")
    assert set(body["parts"]) == {
        "postgres",
        "redis",
        "gateway",
        "beat",
        "worker.shard.0",
        "worker.shard.1",
        "worker.strategies",
        "worker.default",
    }
    assert set(body["parts"].values()) == {"ok"}


def test_another_gateway_is_missed_once_it_is_silent_and_not_for_ever(
    client: Client, redis_client: redis.Redis
) -> None:
    everybody_lives()
    redis_client.sadd(names.GATEWAYS, "gateway.b")
    silent_since(redis_client, "gateway.b", 60)
    assert asked(client)[1]["parts"]["gateway.b"] == "silent for 60 s"
    redis_client.delete(heartbeat.key("gateway.b"))  # as Redis does when an hour is over
    assert asked(client)[0] == 200


def test_a_process_never_heard_of_is_named(client: Client, redis_client: redis.Redis) -> None:
    everybody_lives()
    redis_client.delete(heartbeat.key("worker.shard.1"))
    status, body = asked(client)
    assert (status, body["status"]) == (503, "ailing")
    assert {name: why for name, why in body["parts"].items() if why != "ok"} == {
        "worker.shard.1": "has never shown life"
    }


@pytest.mark.parametrize(
    ("name", "silent_s", "status"),
    [("gateway", 4, 200), ("gateway", 6, 503), ("worker.default", 6, 200), ("beat", 90, 503)],
)
def test_silence_is_measured(
    client: Client, redis_client: redis.Redis, name: str, silent_s: float, status: int
) -> None:
    everybody_lives()
    silent_since(redis_client, name, silent_s)
    assert asked(client)[0] == status


def test_silence_is_told_in_seconds(client: Client, redis_client: redis.Redis) -> None:
    everybody_lives()
    silent_since(redis_client, "gateway", 30)
    assert asked(client)[1]["parts"]["gateway"] == "silent for 30 s"


def test_without_redis_nothing_can_be_known_of_the_processes(client: Client) -> None:
    nowhere = replace(settings.FKS, redis_url="unix:///nowhere/redis.sock")
    with override_settings(FKS=nowhere):
        status, body = asked(client)
    assert status == 503
    assert body["parts"]["redis"] == "does not answer"
    assert body["parts"]["gateway"] == "unknown without Redis"
    assert body["parts"]["postgres"] == "ok"


def test_a_database_that_does_not_answer_is_named(
    client: Client, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_lives()
    connection.ensure_connection()
    raw: psycopg.Connection = connection.connection
    with psycopg.connect(settings.FKS.database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [raw.info.backend_pid])
    status, body = asked(client)
    assert status == 503
    assert body["parts"]["postgres"] == "does not answer"


def test_the_answer_is_never_kept_by_a_cache(client: Client) -> None:
    assert client.get("/healthz")["Cache-Control"] == "no-store"
