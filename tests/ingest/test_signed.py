"""Clients that sign: what is taken, refused, asked for again, and how the operator learns of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from agent import signing
from bridge_ingest import actions
from bridge_ingest.models import Client, Refusal
from bridge_ingest.stats import client_stats
from market import adopt
from tests.ingest.door import Door, client_with_key, door, drain_all, tick
from tests.ingest.lines import KEPT_OPEN, Line, plug
from verification.models import Alert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


def signing_client(*, must_sign: bool = True) -> tuple[Client, str, str]:
    """Client, key and signing secret."""
    client, key = client_with_key("A")
    secret = actions.issue_signing_secret(client, actor=None, source="command")
    actions.update_client(client, actor=None, source="command", must_sign=must_sign)
    return client, key, secret


def hello(key: str) -> bytes:
    told = {"type": "hello", "protocol": 1, "client": "A", "key": key, "platform": "mt5"}
    return json.dumps({**told, "stream": "s"}).encode()


def line_of(seq: int, **changes: Any) -> bytes:
    return json.dumps(tick(seq, **changes)).encode()


def converse(transport: str, talk: Any) -> Any:
    async def run() -> Any:
        async with door() as gate, plug(transport, gate) as connect:
            said = await talk(await connect())
            await asyncio.sleep(0)
            for session in list(gate.bridge.sessions.values()):
                session.end("shutdown", "The test is over.")
            await gate.settle()
            return said

    said = asyncio.run(run())
    drain_all()
    return said


@pytest.mark.parametrize("transport", KEPT_OPEN)
def test_signed_lines_are_taken_and_unsigned_ones_asked_for_again(transport: str) -> None:
    client, key, secret = signing_client()
    seal = signing.hmac_sha256(secret)

    async def talk(line: Line) -> Any:
        await line.send_bytes(seal(hello(key)))
        assert (await line.read())["type"] == "welcome"
        await line.send_bytes(seal(line_of(1)), line_of(2), seal(line_of(3)))
        reject = await line.until("reject")
        assert (await line.until("resend"))["from"] == 2
        await line.send_bytes(seal(line_of(2)), seal(line_of(3)))
        await line.until("ack", seq=3)
        return reject["code"], reject.get("seq")

    assert converse(transport, talk) == ("digest", None)
    stats = client_stats(client)
    assert (stats.produced, stats.stored, stats.refused, stats.refusals) == (3, 3, 0, 1)


def test_a_damaged_line_of_any_client_is_asked_for_again_and_uses_up_nothing() -> None:
    client, key = client_with_key("A")
    good = signing.sha256(line_of(1))

    async def talk(line: Line) -> None:
        await line.hello("A", key)
        await line.send_bytes(good.replace(b"EURUSD", b"EURUSE"))
        await line.until("resend")
        await line.send_bytes(good, line_of(2))
        await line.until("ack", seq=2)

    converse("tcp", talk)
    assert (client_stats(client).stored, Refusal.objects.get().code) == (2, "digest")


def test_a_line_that_stays_damaged_is_asked_for_once_a_second_and_no_oftener() -> None:
    _, key = client_with_key("A")
    bad = line_of(1) + b"\tsha256:00"

    async def talk(line: Line) -> list[str]:
        await line.hello("A", key)
        began = time.monotonic()
        await line.send_bytes(*[bad] * 5)
        kinds = [(await line.read())["type"] for _ in range(7)]
        assert 0.9 < time.monotonic() - began < 4
        return kinds

    # The second asking comes by itself: it was held back, and nothing else would bring the item.
    assert sorted(converse("tcp", talk)) == ["reject"] * 5 + ["resend"] * 2


@pytest.mark.parametrize("seal", [signing.unsealed, signing.sha256, signing.hmac_sha256("wrong")])
def test_a_hello_that_is_not_signed_with_the_secret_opens_nothing(seal: signing.Seal) -> None:
    _, key, _ = signing_client()

    async def talk(line: Line) -> Any:
        await line.send_bytes(seal(hello(key)))
        return (await line.read())["code"]

    assert converse("tcp", talk) == "auth"
    assert not Alert.objects.exists()


def test_wrong_digests_become_an_alert_once_there_are_several() -> None:
    client, key, _ = signing_client()

    async def talk(line: Line) -> None:
        await line.send_bytes(signing.hmac_sha256("wrong")(hello(key)))
        await line.read()

    for count in (1, 2, 3):
        assert Alert.objects.count() == 0
        converse("tcp", talk)
        assert Refusal.objects.filter(client=client, code="digest").count() == count
    alert = Alert.objects.get()
    assert (alert.rule, alert.client, alert.facts) == ("signature", client, {"refusals": 3})
    converse("tcp", talk)
    alert.refresh_from_db()
    assert (alert.facts, alert.discrepancies) == ({"refusals": 4}, 2)
    assert alert.title == "4 digests of A did not fit what was sent"


def test_demanding_signatures_ends_the_sessions_that_do_not_sign() -> None:
    client, key, _ = signing_client(must_sign=False)

    async def talk(line: Line) -> Any:
        await line.hello("A", key)
        await asyncio.to_thread(_demand, client)
        return (await asyncio.wait_for(line.until("error"), 2))["code"]

    assert converse("tcp", talk) == "shutdown"


def _demand(client: Client) -> None:
    from django.db import connections

    actions.update_client(client, actor=None, source="command", must_sign=True)
    connections.close_all()


def test_a_key_in_a_refused_line_is_not_kept() -> None:
    _, key = client_with_key("A")

    async def talk(line: Line) -> None:
        await line.hello("A", key)
        await line.send_bytes(hello(key) + b"\tsha256:00", hello(key).replace(b"mt5", b"abacus"))
        for _ in range(2):
            await line.until("reject")

    converse("tcp", talk)
    bodies = list(Refusal.objects.values_list("body", flat=True))
    assert len(bodies) == 2
    assert not any(key in body for body in bodies)


# HTTP.


def headers(key: str, signature: str = "") -> dict[str, str]:
    given = {"authorization": f"Bearer {key}", "x_bridge_client": "A", "x_bridge_stream": "s"}
    return given | ({"x_bridge_signature": signature} if signature else {})


def post(key: str, *posts: tuple[bytes, str]) -> list[tuple[int, str]]:
    """Status and code of each post of body and signature."""

    async def talk() -> list[tuple[int, str]]:
        async with door() as gate:
            return [await _post(gate, key, *each) for each in posts]

    answers = asyncio.run(talk())
    drain_all()
    return answers


async def _post(gate: Door, key: str, body: bytes, signature: str) -> tuple[int, str]:
    status, answer = await gate.post("/api/data", body, **headers(key, signature))
    return status, answer.get("code", "")


def test_a_signed_post_is_taken_once_and_not_again() -> None:
    client, key, secret = signing_client()
    body, now = line_of(1) + b"\r\n\0", int(time.time())
    signed = signing.http_signature(secret, now, body)
    again = signing.http_signature(secret, now - 1, body)
    answers = post(key, (body, signed), (body, signed), (body, again))
    assert answers == [(200, ""), (401, "auth"), (200, "")]
    stats = client_stats(client)
    assert (stats.stored, stats.duplicates) == (1, 1)


@pytest.mark.parametrize("signature", ["", "nonsense", "t=,hmac=00", "t=99999999999999,hmac=00"])
def test_a_post_without_a_sound_signature_is_refused(signature: str) -> None:
    client, key, _ = signing_client()
    assert post(key, (line_of(1), signature)) == [(401, "auth")]
    assert client_stats(client).stored == 0


def test_a_post_signed_with_another_secret_is_refused() -> None:
    client, key, _ = signing_client()
    signature = signing.http_signature("wrong", int(time.time()), line_of(1))
    assert post(key, (line_of(1), signature)) == [(401, "auth")]
    assert client_stats(client).stored == 0


@pytest.mark.parametrize("apart_s", [-301, 302])
def test_a_signature_of_another_time_is_refused(apart_s: int) -> None:
    _, key, secret = signing_client()
    signature = signing.http_signature(secret, int(time.time()) + apart_s, line_of(1))
    assert post(key, (line_of(1), signature)) == [(401, "auth")]
    assert "300 s are allowed" in Refusal.objects.get(code="digest").reason


@pytest.mark.parametrize("demand", ["must_sign", "needs_certificate"])
def test_a_webhook_of_a_client_that_must_prove_more_is_refused(demand: str) -> None:
    client, _, _ = signing_client(must_sign=False)
    token = actions.issue_key(client, scopes=["webhook"], actor=None, source="command").text
    actions.update_client(client, actor=None, source="command", **{demand: True})
    body = b'{"symbol":"EURUSD","time":1700000000000,"open":1,"high":2,"low":1,"close":2,"rsi":5}'

    async def talk() -> tuple[int, Any]:
        async with door() as gate:
            return await gate.post(f"/api/bridge/{token}", body)

    status, answer = asyncio.run(talk())
    drain_all()
    assert (status, answer["status"]) == (403, "error")
    assert client_stats(client).stored == 0
