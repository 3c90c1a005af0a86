"""Posting an alert: what is answered at once, and what is left for the worker."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.conf import settings
from django.test import override_settings

from bridge_ingest import actions
from bridge_ingest.gateway import posts
from bridge_ingest.gateway.directory import Directory
from bridge_ingest.models import Client
from bridge_ingest.webhooks.models import WebhookAlert, WebhookBody, WebhookInbox
from market import adopt
from tests.ingest.door import Door, client_with_key, door, drain_all

pytestmark = pytest.mark.django_db(transaction=True)
EURUSD = b'{"symbol":"EURUSD","price":1.085,"action":"buy"}'
SUCCESS = (200, {"status": "success"})


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


def talk(*turns: Any) -> list[Any]:
    """What each turn at one gateway, one after the other, was answered: (status, content)."""

    async def run() -> list[Any]:
        async with door() as gate:
            return [await turn(gate) for turn in turns]

    return asyncio.run(run())


def post(key: str, body: bytes, **headers: str) -> Any:
    return lambda gate: gate.post(f"/api/bridge/{key}", body, **headers)


def test_an_alert_is_answered_before_it_is_understood() -> None:
    client, key = client_with_key("TV", "webhook")
    assert talk(post(key, EURUSD), post(key, b"nonsense"), post(key, b"")) == [SUCCESS] * 3
    assert not WebhookBody.objects.exists()
    drain_all()
    inbox = WebhookInbox.objects.get(client=client)
    assert (inbox.stored, inbox.refused) == (1, 2)


def test_an_alert_that_is_too_long_is_told_so_and_its_beginning_is_kept() -> None:
    _, key = client_with_key("TV", "webhook")
    ((status, answer),) = talk(post(key, b"x" * 65_537))
    assert (status, answer["code"]) == (413, "too_long")
    drain_all()
    assert WebhookBody.objects.get().code == "too_long"


def test_what_redis_can_not_take_now_is_to_be_sent_again() -> None:
    _, key = client_with_key("TV", "webhook")

    async def away(gate: Door) -> tuple[int, dict[str, Any]]:
        gate.bridge.journal.throttle(on=True)
        answer = await gate.post(f"/api/bridge/{key}", EURUSD)
        gate.bridge.journal.throttle(on=False)
        return answer

    ((status, answer), again) = talk(away, post(key, EURUSD))
    assert (status, answer["code"]) == (503, "busy")
    assert again == SUCCESS
    drain_all()
    assert WebhookAlert.objects.count() == 1


def test_an_alert_that_was_stored_after_the_sender_gave_up_is_not_stored_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer comes too late, TradingView sends again; both copies lie in the journal."""
    _, key = client_with_key("TV", "webhook")

    async def late(gate: Door) -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr(posts, "_COMMIT_WITHIN_S", 0)
        answer = await gate.post(f"/api/bridge/{key}", EURUSD)
        monkeypatch.undo()
        return answer

    ((status, _), again) = talk(late, post(key, EURUSD))
    assert (status, again) == (503, SUCCESS)
    drain_all()
    assert WebhookAlert.objects.count() == 1
    assert WebhookInbox.objects.get().repeats == 1


def bound_to(address: str) -> str:
    client = Client.objects.create(name="BOUND", platform="tradingview")
    issued = actions.issue_key(
        client, scopes=["webhook"], allowed_addresses=[address], actor=None, source="command"
    )
    return issued.text


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (0, "52.89.214.238", 403),  # nobody vouches for what the header says
        (1, "52.89.214.238", 200),
        (1, "52.89.214.238, 203.0.113.9", 403),  # the proxy saw another sender
        (2, "52.89.214.238, 203.0.113.9", 200),
        (2, "52.89.214.238", 403),
        (1, "", 403),
    ],
)
def test_a_key_bound_to_an_address_believes_no_more_proxies_than_there_are(
    proxies: int, forwarded: str, status: int
) -> None:
    key = bound_to("52.89.214.238")
    with override_settings(FKS=dataclasses.replace(settings.FKS, trusted_proxies=proxies)):
        ((answered, _),) = talk(post(key, EURUSD, **{"x-forwarded-for": forwarded}))
    assert answered == status


def test_a_burst_asks_postgres_once_whose_address_it_is() -> None:
    _, key = client_with_key("TV", "webhook")
    asked: list[str] = []
    real = Directory.identify

    async def counted(self: Directory, token: str, *rest: Any) -> Any:
        asked.append(token)
        return await real(self, token, *rest)

    async def burst(gate: Door) -> Any:
        bodies = [EURUSD.replace(b"1.085", b"1.08%d" % number) for number in range(50)]
        return await asyncio.gather(*(gate.post(f"/api/bridge/{key}", each) for each in bodies))

    with patch.object(Directory, "identify", counted):
        (answers,) = talk(burst)
    assert answers == [SUCCESS] * 50
    assert asked == [key]
    drain_all()
    assert WebhookAlert.objects.count() == 50


def test_a_stranger_is_asked_about_each_time_and_leaves_nothing() -> None:
    (first, second) = talk(post("fks_none_such", EURUSD), post("fks_none_such", EURUSD))
    assert first[0] == second[0] == 403
    drain_all()
    assert not WebhookBody.objects.exists()
