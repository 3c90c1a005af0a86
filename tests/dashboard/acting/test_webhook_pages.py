"""The inbox on the client's page, and the mapping with its preview."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from bridge_ingest.dialects.mapping import Mapping
from bridge_ingest.models import Client
from bridge_ingest.webhooks.models import WebhookAlert, WebhookMapping
from dashboard.reading.clients import client_views
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db
COLUMNS = b"licence7,long,EURUSD,1.085"
BY_COLUMN = {"dialect": "csv", "separator": "comma", "period": "M1",
             "to_action": "2", "to_symbol": "3", "to_price": "4"}  # fmt: skip


@pytest.fixture
def charts() -> Client:
    return world.client("CHARTS", "tradingview")


def url(name: str, client: Client) -> str:
    return reverse(f"dashboard:{name}", args=[client.pk])


def shown(browser: Browser, client: Client, **form: str) -> str:
    answer = browser.post(url("webhook-preview", client), form, headers=htmx("webhook-preview"))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("platform", ["tradingview", "mt5"])
def test_a_client_that_only_posts_is_seen_when_it_posts(platform: str) -> None:
    client = world.client("POSTS", platform)
    assert client_views([client])[0].state_word == "never seen"
    world.posted(client, b'{"symbol":"EURUSD","price":1.085}')
    view = client_views([client])[0]
    assert (view.state_word, view.last_seen_at is not None) == ("delivering", True)


def test_refused_alerts_stand_on_the_clients_page_with_reason_and_text_but_no_password(
    charts: Client, as_viewer: Browser
) -> None:
    world.posted(charts, b'{"passphrase": "hush-hush", "ticker": "<EURUSD>", "price": 5}')
    world.posted(charts, b'{"symbol":"USDJPY","price":151.25,"action":"sell"}')
    page = as_viewer.get(url("client", charts)).content.decode()
    assert "ticker is &#x27;&lt;EURUSD&gt;&#x27;, which is no symbol." in page
    assert "hush-hush" not in page
    assert "151.25" in page
    assert "Process again" not in page


def test_how_many_refused_alerts_were_let_go_is_shown(charts: Client, as_viewer: Browser) -> None:
    world.posted(charts, COLUMNS)
    charts.webhook_inbox.let_go = 4
    charts.webhook_inbox.save()
    assert "4 older ones let go" in as_viewer.get(url("client", charts)).content.decode()


def test_a_terminal_without_webhooks_has_no_inbox(as_viewer: Browser) -> None:
    page = as_viewer.get(url("client", world.client("ICM", "mt5"))).content.decode()
    assert "client-webhooks" not in page


def test_the_preview_shows_what_the_form_as_it_stands_would_make_of_the_last_alerts(
    charts: Client, as_operator: Browser
) -> None:
    world.posted(charts, COLUMNS)
    before = shown(as_operator, charts, dialect="", separator="comma", period="M1")
    assert "which column is which" in before
    after = shown(as_operator, charts, **BY_COLUMN)
    assert "which column is which" not in after
    for word in ("understood", "EURUSD", "BUY", "1.085", "<code>3</code>"):
        assert word in after
    assert not WebhookMapping.objects.exists()
    assert not WebhookAlert.objects.exists()


def test_a_form_with_a_mistake_previews_the_saved_mapping_and_says_so(
    charts: Client, as_operator: Browser
) -> None:
    world.posted(charts, COLUMNS)
    answer = shown(as_operator, charts, **{**BY_COLUMN, "period": "M7"})
    assert "The form is not complete" in answer
    assert "which column is which" in answer


def test_a_mapping_is_saved_and_the_refused_alerts_are_processed_again(
    charts: Client, as_operator: Browser
) -> None:
    world.posted(charts, COLUMNS, b"who knows")
    answer = as_operator.post(url("webhooks", charts), BY_COLUMN)
    assert answer.status_code == 302
    assert charts.webhook_mapping.as_mapping() == Mapping(
        "csv", "comma", {"action": "2", "symbol": "3", "price": "4"}
    )
    page = as_operator.get(url("webhooks", charts)).content.decode()
    assert 'value="csv" selected' in page
    again = as_operator.post(url("webhooks-again", charts), follow=True).content.decode()
    assert "1 alerts are stored now; 1 are still refused." in again
    assert WebhookAlert.objects.get().price == 1.085


def test_processing_again_without_a_refused_alert_says_so(
    charts: Client, as_operator: Browser
) -> None:
    answer: Any = as_operator.post(url("webhooks-again", charts), headers=htmx())
    assert (answer.status_code, answer.content) == (
        409, b"No refused alert of this client is kept.",
    )  # fmt: skip


def test_a_mapping_that_is_wrong_is_shown_with_its_mistake(
    charts: Client, as_operator: Browser
) -> None:
    answer = as_operator.post(url("webhooks", charts), {**BY_COLUMN, "dialect": "xml"})
    assert answer.status_code == 422
    assert not WebhookMapping.objects.exists()
