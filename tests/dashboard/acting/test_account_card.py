"""What stands at a client's accounts, on its page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bridge_ingest.models import Client
from execution.models import Account, Order, Position, TradeEvent
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db


def filled_account(client: Client, name: str, events: int = 1) -> Account:
    """One working order and one that ended, one open position and one that closed."""
    now = timezone.now()
    at = {"stream_id": 1, "event_time": now, "received_at": now}
    row = Account.objects.create(
        client=client, name=name, currency="EUR", server="ICM-Live", balance=12_480.5,
        equity=-3.25, margin=None, leverage=30, seq=1, **at,
    )  # fmt: skip
    of = {"account": row, "symbol": "EURUSD", "side": "sell", **at}
    Order.objects.create(
        ticket="11", order_kind="stop_limit", volume=2, volume_left=0.5, limit_price=1.0845,
        status="working", seq=2, **of,
    )  # fmt: skip
    Order.objects.create(ticket="gone-1", volume=2, status="gone", seq=3, **of)
    Position.objects.create(ticket="12", volume=0.25, price=1.08001, stop_loss=1.09, seq=4, **of)
    Position.objects.create(ticket="closed-1", volume=0, seq=5, **of)
    for number in range(events):
        moment = {"event_time": now + timedelta(seconds=number)}
        TradeEvent.objects.create(
            entity="order", ticket=f"e{number}", event="part_filled", volume=1.5, price=1.0845,
            seq=number, **(of | moment | {"stream_id": row.pk}),
        )  # fmt: skip
    return row


def card(browser: Browser, client: Client) -> str:
    url = reverse("dashboard:client", args=[client.pk])
    return str(browser.get(url, headers=htmx("client-accounts")).content.decode())


def test_the_card_shows_what_stands_and_not_what_has_ended(as_viewer: Browser) -> None:
    client = world.client("ICM-LIVE")
    filled_account(client, "5001")
    text = card(as_viewer, client)
    assert "<h2>Account 5001</h2>" in text
    assert "<dt>Balance</dt><dd>12\u202f480.50</dd>" in text
    assert "<dt>Equity</dt><dd>\u22123.25</dd>" in text
    assert "<dt>Margin used</dt><dd>\u2013</dd>" in text
    assert "leverage 1:30" in text
    assert '<td class="nowrap">stop limit</td><td class="num">0.5</td>' in text
    assert '<td class="num">0.25</td><td class="num">1.08001</td><td class="num">1.09</td>' in text
    assert "<b>filled in part</b>" in text
    assert "gone-1" not in text
    assert "closed-1" not in text


def test_the_whole_page_holds_the_card_and_one_without_accounts_none(as_viewer: Browser) -> None:
    client, other = world.client("ICM-LIVE"), world.client("FTMO")
    filled_account(client, "5001")
    pages = [
        as_viewer.get(reverse("dashboard:client", args=[each.pk])).content.decode()
        for each in (client, other)
    ]
    assert [text.count("<h2>Account") for text in pages] == [1, 0]


def test_the_newest_events_of_each_account_are_shown(as_viewer: Browser) -> None:
    client = world.client("ICM-LIVE")
    filled_account(client, "5001", events=15)
    filled_account(client, "5002", events=2)
    text = card(as_viewer, client)
    assert text.count("filled in part") == 12
    assert ">e14<" in text
    assert ">e4<" not in text


def test_an_order_that_is_gone_says_why(as_viewer: Browser) -> None:
    client = world.client("ICM-LIVE")
    filled_account(client, "5001")
    TradeEvent.objects.update(event="gone", detail="The whole list does not name it.")
    assert "<b>gone unseen</b>" in card(as_viewer, client)
    assert "The whole list does not name it." in card(as_viewer, client)


def test_ten_accounts_cost_no_query_more_than_one(as_viewer: Browser) -> None:
    client = world.client("ICM-LIVE")
    counts = []
    for number in range(10):
        filled_account(client, f"{number}", events=3)
        with CaptureQueriesContext(connection) as captured:
            card(as_viewer, client)
        counts.append(len(captured))
    assert counts == [counts[0]] * 10
