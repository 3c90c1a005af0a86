"""A list of alerts in one body: each is one alert, or the whole is refused by the item's number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bridge_ingest.dialects.array import MAX_ITEMS, cut, items_of
from bridge_ingest.dialects.mapping import PLAIN, Mapping
from bridge_ingest.models import Client
from bridge_ingest.stats import client_stats
from bridge_ingest.webhooks.models import WebhookAlert, WebhookBody
from dashboard.reading.webhooks import previews, rules_of
from market import adopt
from tests.dashboard import world
from tests.webhooks.test_inbox import again, counts, mapped, post

pytestmark = pytest.mark.django_db
EURUSD = {"symbol": "EURUSD", "price": 1.085, "action": "buy", "rsi": 61.5}
GBPUSD = {"symbol": "GBPUSD", "price": 1.27, "action": "sell"}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


@pytest.fixture
def charts() -> Client:
    return world.client("CHARTS", "tradingview")


def listed(*items: Any) -> bytes:
    return json.dumps(items).encode()


def alerts() -> list[tuple[str, float, str]]:
    return list(WebhookAlert.objects.order_by("pk").values_list("symbol", "price", "action"))


def test_each_item_of_a_list_is_an_alert_and_a_body_of_its_own(charts: Client) -> None:
    post(charts, listed(EURUSD, GBPUSD))
    assert alerts() == [("EURUSD", 1.085, "BUY"), ("GBPUSD", 1.27, "SELL")]
    assert [json.loads(bytes(row.body)) for row in WebhookBody.objects.order_by("pk")] == [
        EURUSD, GBPUSD,
    ]  # fmt: skip
    assert counts(charts) == (2, 0, 0, 0)
    assert client_stats(charts).stored == 2


def test_a_list_that_is_sent_again_is_stored_once(charts: Client) -> None:
    post(charts, listed(EURUSD, GBPUSD), listed(EURUSD, GBPUSD))
    post(charts, listed(GBPUSD, EURUSD, {**EURUSD, "price": 1.086}))
    assert [price for _, price, _ in alerts()] == [1.085, 1.27, 1.086]
    assert counts(charts) == (3, 0, 4, 0)


@pytest.mark.parametrize(
    ("bad", "code", "reason"),
    [
        ({"symbol": "GBPUSD"}, "missing", "Item 2 of 3: No price"),
        ({**GBPUSD, "price": "{{close}}"}, "placeholder", ""),
        ({**GBPUSD, "price": -1}, "price", "Item 2 of 3: "),
        (5, "dialect", "Item 2 of 3: "),
        ("text", "dialect", "Item 2 of 3: "),
        (None, "dialect", "Item 2 of 3: "),
        ([GBPUSD, {**GBPUSD, "price": 2}], "ambiguous", "Item 2 of 3: "),
    ],
)
def test_one_item_that_is_not_understood_refuses_the_whole_by_its_number(
    charts: Client, bad: Any, code: str, reason: str
) -> None:
    body = listed(EURUSD, bad, GBPUSD)
    post(charts, body)
    row = WebhookBody.objects.get()
    assert (row.code, bytes(row.body), alerts()) == (code, body, [])
    assert row.reason.startswith(reason)
    assert counts(charts) == (0, 1, 0, 0)


def test_nan_in_one_item_refuses_the_whole(charts: Client) -> None:
    post(charts, b'[{"symbol":"A","price":1},{"symbol":"B","price":NaN}]')
    row = WebhookBody.objects.get()
    assert (row.code, row.reason[:12], alerts()) == ("not_finite", "Item 2 of 2:", [])


def test_items_that_agree_are_not_merged_into_one(charts: Client) -> None:
    """Flattened, these two would be one alert of EURUSD with half of each."""
    post(charts, listed(EURUSD, {"symbol": "EURUSD", "price": 1.085, "macd": 0.2}))
    rows = WebhookAlert.objects.order_by("pk").values_list("action", "indicators")
    assert list(rows) == [("BUY", {"rsi": 61.5}), ("", {"macd": 0.2})]


def test_a_list_of_one_is_that_alert(charts: Client) -> None:
    post(charts, listed(EURUSD))
    assert alerts() == [("EURUSD", 1.085, "BUY")]


def test_a_list_inside_a_wrapper_is_refused_whole(charts: Client) -> None:
    post(charts, json.dumps({"text": json.dumps([EURUSD, GBPUSD])}).encode())
    assert (WebhookBody.objects.get().code, alerts()) == ("json", [])


def test_too_long_a_list_is_refused_whole(charts: Client) -> None:
    post(charts, listed(*({"symbol": "A", "price": n} for n in range(1, MAX_ITEMS + 2))))
    assert (WebhookBody.objects.get().code, alerts()) == ("limit", [])


def test_a_refused_list_is_taken_apart_once_a_mapping_understands_it(charts: Client) -> None:
    strange = listed({"s": "EURUSD", "at": 1.1}, {"s": "GBPUSD", "at": 1.2})
    post(charts, strange, listed({"s": "EURUSD", "at": 1.1}, {"s": "X"}))
    assert counts(charts) == (0, 2, 0, 0)
    mapped(charts, Mapping("", "comma", {"symbol": "s", "price": "at"}))
    [newest, oldest] = previews(charts, rules_of(charts))
    assert newest.reason.startswith("Item 2 of 2: ")
    assert [fact for _, fact in oldest.facts] == ["EURUSD  at 1.1", "GBPUSD  at 1.2"]
    outcome = again(charts)
    assert (outcome.stored, outcome.refused) == (2, 1)
    assert [symbol for symbol, _, _ in alerts()] == ["EURUSD", "GBPUSD"]
    assert sorted(WebhookBody.objects.values_list("state", flat=True)) == [
        "refused", "stored", "stored",
    ]  # fmt: skip
    assert counts(charts) == (2, 1, 0, 0)
    stats = client_stats(charts)
    assert (stats.produced, stats.stored, stats.refused) == (3, 2, 1)


def test_a_mapping_by_places_reads_the_list_as_one_alert(charts: Client) -> None:
    mapped(charts, Mapping("", "comma", {"symbol": "0.s", "price": "1.at"}))
    post(charts, listed({"s": "EURUSD"}, {"at": 1.1}))
    assert alerts() == [("EURUSD", 1.1, "")]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("[]", []),
        ("{}", []),
        ("[1, {}]", ["1", "{}"]),
        (' [ {"a":"],["} ,\n{"b":[1,2]}\t]'.strip(), ['{"a":"],["}', '{"b":[1,2]}']),
        ("[{},]", []),
        ("[{},{},]", []),
        ("[,{}]", []),
        ("[{} {}]", []),
        ("[{}", []),
        ("[{}] x", []),
        ("[" * 100_000, []),
    ],
)
def test_a_list_is_cut_where_its_items_end(text: str, items: list[str]) -> None:
    assert cut(text) == items


def test_numbers_alone_are_no_list_of_alerts() -> None:
    assert items_of(b"[1,2,3]", PLAIN) is None
