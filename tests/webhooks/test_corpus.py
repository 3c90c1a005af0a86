"""Every recorded alert body, through the door and the drain, in each content type."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from bridge_ingest.models import Client
from bridge_ingest.webhooks.models import WebhookAlert, WebhookBody, WebhookInbox
from market import adopt
from market.models import IndicatorValue, TerminalBar
from tests.ingest.door import client_with_key, door, drain_all
from tests.webhooks.corpus import CONTENT_TYPES, INCOMPLETE, STORED, Recorded, recorded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


def send(key: str, bodies: list[Recorded], content_type: str, times: int = 1) -> set[int]:
    async def talk() -> set[int]:
        async with door() as gate:
            answers = [
                await gate.post(f"/api/bridge/{key}", each.body.encode(), content_type=content_type)
                for each in bodies
                for _ in range(times)
            ]
            return {status for status, _ in answers}

    return asyncio.run(talk())


def named(bodies: list[Recorded], client: Client) -> dict[str, WebhookBody]:
    """Rows by the name of the recorded body; rows were made in the order of sending."""
    rows = list(WebhookBody.objects.filter(client=client).order_by("pk"))
    kept = {each.body.strip(): each.name for each in bodies}
    return {kept[row.text]: row for row in rows}


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_a_body_with_a_price_is_stored_right_and_every_other_one_is_kept_with_its_reason(
    content_type: str,
) -> None:
    bodies = recorded()
    client, key = client_with_key("TV", "webhook")
    assert send(key, bodies, content_type) == {200}
    drain_all()
    rows = named(bodies, client)
    assert set(rows) == {each.name for each in bodies}
    stored = {name for name, row in rows.items() if row.state == "stored"}
    assert stored == set(STORED)
    for name, expected in STORED.items():
        alert = WebhookAlert.objects.get(body=rows[name])
        assert _said(alert) == expected, name
    refused = [row for name, row in rows.items() if name not in STORED]
    assert all(len(row.reason.split()) >= 4 and row.code for row in refused)
    for name, words in INCOMPLETE.items():
        assert words in rows[name].reason


def _said(alert: WebhookAlert) -> tuple[Any, ...]:
    return alert.symbol, alert.price, alert.action, alert.stop_loss, alert.take_profit


def test_each_json_object_with_a_price_is_either_stored_or_says_what_it_lacks() -> None:
    """Read from the file itself, so that no body is forgotten by hand."""
    words = ("price", "order_price", "entry", "entry_price", "close")

    def prices(content: Any) -> list[float]:
        if not isinstance(content, dict):
            return []
        own = [content[word] for word in words if _is_price(content.get(word))]
        return own + [price for each in content.values() for price in prices(each)]

    whole = {
        each.name
        for each in recorded()
        if each.parses_as == "json:dict" and prices(json.loads(each.body))
    }
    assert whole - set(STORED) == set(INCOMPLETE)


def _is_price(value: Any) -> bool:
    try:
        return value is not None and math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def test_sent_twice_is_stored_once_and_no_nan_is_stored_anywhere() -> None:
    bodies = recorded()
    client, key = client_with_key("TV", "webhook")
    assert send(key, bodies, "text/plain", times=2) == {200}
    drain_all()
    inbox = WebhookInbox.objects.get(client=client)
    expected = len(STORED), len(bodies) - len(STORED), len(bodies)
    assert (inbox.stored, inbox.refused, inbox.repeats) == expected
    assert WebhookBody.objects.count() == len(bodies)
    numbers = [value for alert in WebhookAlert.objects.all() for value in _numbers(alert)]
    numbers += list(IndicatorValue.objects.values_list("value", flat=True))
    numbers += [row.close for row in TerminalBar.objects.all()]
    assert len(numbers) > 60
    assert all(map(math.isfinite, numbers))


def _numbers(alert: WebhookAlert) -> list[float]:
    own = [alert.price, alert.stop_loss, alert.take_profit, alert.quantity, alert.volume]
    bar = list((alert.bar or {}).values())
    return [value for value in [*own, *bar, *alert.indicators.values()] if value is not None]
