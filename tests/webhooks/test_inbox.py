"""Posts in the inbox: repeats, bounds, mappings, reading again, and what feeds get of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings

from audit.models import AuditEntry
from bridge_ingest.actions import ActionRefused
from bridge_ingest.clock import now_us, to_us
from bridge_ingest.dialects.mapping import Mapping
from bridge_ingest.dialects.understand import understand
from bridge_ingest.events import dispatch
from bridge_ingest.models import Client, Source
from bridge_ingest.stats import client_stats
from bridge_ingest.webhooks import feeds, inbox, reading
from bridge_ingest.webhooks.actions import Outcome, process_again, save_mapping
from bridge_ingest.webhooks.models import WebhookAlert, WebhookBody, WebhookInbox
from market import adopt
from market.models import IndicatorValue, TerminalBar
from tests.dashboard import world

pytestmark = pytest.mark.django_db
EURUSD = b'{"symbol":"EURUSD","price":1.085,"action":"buy","rsi":61.5}'
COLUMNS = b"id7,long,EURUSD,1.085"
BY_COLUMN = Mapping("csv", "comma", {"action": "2", "symbol": "3", "price": "4"})


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


@pytest.fixture
def charts() -> Client:
    return world.client("CHARTS", "tradingview")


def post(client: Client, *bodies: bytes, at_us: int | None = None) -> None:
    event = {"kind": "webhook", "client": client.pk, "content_type": "", "peer": "52.89.214.238"}
    received_us = at_us or now_us()
    dispatch([{**event, "body": body, "received_us": received_us} for body in bodies])


def counts(client: Client) -> tuple[int, int, int, int]:
    box = WebhookInbox.objects.get(client=client)
    return box.stored, box.refused, box.repeats, box.let_go


def operator() -> User:
    return world.person("opal", "operator")


def again(client: Client) -> Outcome:
    return process_again(client, actor=None, source="page")


def mapped(client: Client, mapping: Mapping) -> None:
    save_mapping(client, mapping, actor=None, source="page")


def with_settings(**changes: Any) -> Any:
    return override_settings(FKS=dataclasses.replace(settings.FKS, **changes))


def test_an_alert_is_stored_with_its_two_times_and_its_indicator(charts: Client) -> None:
    post(charts, EURUSD)
    alert = WebhookAlert.objects.get()
    assert (alert.symbol, alert.price, alert.action) == ("EURUSD", 1.085, "BUY")
    assert alert.event_time == alert.received_at
    assert not alert.states_time
    value = IndicatorValue.objects.get()
    assert (value.name, value.value, value.received_at) == ("rsi", 61.5, alert.received_at)
    assert TerminalBar.objects.count() == 0


def test_a_bar_of_an_alert_is_a_bar_of_its_feed(charts: Client) -> None:
    bar = {"open": 1, "high": 2, "low": 0.5, "close": 1.5, "time": "2026-03-24T17:00:00Z"}
    post(charts, json.dumps({"ticker": "OANDA:EURUSD", "interval": "15", **bar}).encode())
    row = TerminalBar.objects.get()
    assert (row.open, row.high, row.low, row.close, row.period_s) == (1, 2, 0.5, 1.5, 900)
    assert row.start.isoformat() == "2026-03-24T17:00:00+00:00"
    alert = WebhookAlert.objects.get()
    assert (alert.event_time, alert.states_time, alert.price) == (row.start, True, 1.5)


def test_the_counts_of_the_client_add_up(charts: Client) -> None:
    post(charts, EURUSD, EURUSD, b"nonsense", b"more nonsense")
    assert counts(charts) == (1, 2, 1, 0)
    stats = client_stats(charts)
    assert (stats.produced, stats.stored, stats.refused, stats.duplicates) == (3, 1, 2, 1)


def test_the_same_body_after_the_window_is_a_new_alert(charts: Client) -> None:
    start_us = now_us() - 300_000_000
    for after_s in (0, 5, 60, 61, 100):
        post(charts, EURUSD, at_us=start_us + after_s * 1_000_000)
    assert counts(charts) == (2, 0, 3, 0)


def test_a_chosen_key_tells_alerts_apart_however_old(charts: Client) -> None:
    mapped(charts, Mapping(repeat_path="event.id"))
    one = b'{"symbol":"EURUSD","price":1.085,"event":{"id":"a1"}}'
    old_us = now_us() - 86_400_000_000
    post(charts, one, at_us=old_us)
    post(charts, one.replace(b"1.085", b"1.086"), one.replace(b"a1", b"a2"))
    assert counts(charts) == (2, 0, 1, 0)
    assert set(WebhookAlert.objects.values_list("price", flat=True)) == {1.085}


def test_without_the_chosen_key_the_digest_tells(charts: Client) -> None:
    mapped(charts, Mapping(repeat_path="event.id"))
    post(charts, EURUSD, EURUSD)
    assert counts(charts) == (1, 0, 1, 0)


def test_two_clients_may_send_the_same(charts: Client) -> None:
    other = world.client("OTHER", "tradingview")
    post(charts, EURUSD)
    post(other, EURUSD)
    assert counts(charts) == counts(other) == (1, 0, 0, 0)


def test_of_refused_bodies_the_oldest_go_and_are_counted(charts: Client) -> None:
    with with_settings(webhook_kept=3):
        post(charts, *(b"text %d" % number for number in range(5)))
        post(charts, b"text 5")
    assert counts(charts) == (0, 6, 0, 3)
    kept = WebhookBody.objects.order_by("pk")
    assert [row.text for row in kept] == ["text 3", "text 4", "text 5"]


def test_of_a_burst_all_alerts_are_stored_and_the_newest_bodies_kept(
    charts: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "KEPT_STORED", 3)
    post(charts, *(EURUSD.replace(b"1.085", b"1.08%d" % number) for number in range(5)))
    post(charts, EURUSD.replace(b"1.085", b"1.2"))
    assert counts(charts) == (6, 0, 0, 0)
    prices = WebhookAlert.objects.order_by("pk").values_list("price", flat=True)
    assert list(prices) == [1.08, 1.081, 1.082, 1.083, 1.084, 1.2]
    kept = WebhookBody.objects.order_by("pk")
    assert [row.alert.price for row in kept] == [1.083, 1.084, 1.2]


def test_after_a_mapping_refused_bodies_are_read_again_and_each_is_stored_once(
    charts: Client,
) -> None:
    received_us = now_us() - 3_600_000_000
    post(charts, COLUMNS, b"id8,short,EURUSD,1.1", b"who knows", at_us=received_us)
    assert counts(charts) == (0, 3, 0, 0)
    assert again(charts) == Outcome(stored=0, refused=3)
    mapped(charts, BY_COLUMN)
    assert again(charts) == Outcome(stored=2, refused=1)
    assert again(charts) == Outcome(stored=0, refused=1)
    assert counts(charts) == (2, 1, 0, 0)
    assert [alert.action for alert in WebhookAlert.objects.order_by("pk")] == ["BUY", "SELL"]
    assert {to_us(alert.received_at) for alert in WebhookAlert.objects.all()} == {received_us}
    stats = client_stats(charts)
    assert (stats.produced, stats.stored, stats.refused) == (3, 2, 1)


def test_what_was_stored_under_the_same_key_meanwhile_is_not_stored_again(
    charts: Client,
) -> None:
    late = b'{"symbol":"EURUSD","p":1.085,"id":"a1"}'
    post(charts, late)
    mapped(charts, Mapping(paths={"price": "p"}, repeat_path="id"))
    post(charts, late.replace(b"1.085", b"1.0850"))
    assert again(charts) == Outcome(stored=0, refused=1)
    assert WebhookBody.objects.get(state="refused").code == "repeat"


def test_reading_again_is_audited_and_needs_something_to_read(charts: Client) -> None:
    with pytest.raises(ActionRefused, match="No refused alert"):
        again(charts)
    post(charts, COLUMNS)
    save_mapping(charts, BY_COLUMN, actor=operator(), source="page")
    again(charts)
    after = {entry.action: entry.after or {} for entry in AuditEntry.objects.all()}
    assert after["webhook.map"]["paths"]["price"] == "4"
    assert after["webhook.process_again"]["stored"] == 1


def test_a_wrong_mapping_is_not_saved(charts: Client) -> None:
    with pytest.raises(ActionRefused, match="no such form"):
        mapped(charts, Mapping("xml"))


def test_a_password_in_the_body_must_fit_and_is_stored_nowhere_in_clear(charts: Client) -> None:
    keyed = Mapping(secret_path="auth.phrase")
    with pytest.raises(ActionRefused, match="Give the password"):
        mapped(charts, keyed)
    save_mapping(charts, keyed, actor=None, source="page", secret="open sesame")
    right = b'{"symbol":"EURUSD","price":1.085,"auth":{"phrase":"open sesame"}}'
    post(charts, right, right.replace(b"sesame", b"barley"), EURUSD)
    assert counts(charts) == (1, 2, 0, 0)
    assert {row.code for row in WebhookBody.objects.filter(state="refused")} == {"secret"}
    assert WebhookAlert.objects.get().unread == []
    mapped(charts, keyed)  # without a new one it stays
    post(charts, right.replace(b"1.085", b"1.086"))
    assert counts(charts)[0] == 2
    told = [str(entry.after) for entry in AuditEntry.objects.all()]
    assert not any("sesame" in each for each in [*told, charts.webhook_mapping.secret_digest])


def test_a_defect_of_ours_costs_one_alert_and_is_told(
    charts: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(body: bytes, *rest: object) -> object:
        if b"GBPUSD" in body:
            raise ZeroDivisionError
        return understand(body, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "understand", broken)
    post(charts, EURUSD.replace(b"EURUSD", b"GBPUSD"), EURUSD)
    assert counts(charts) == (1, 1, 0, 0)
    assert WebhookBody.objects.get(state="refused").code == "defect"
    monkeypatch.undo()
    assert again(charts) == Outcome(stored=1, refused=0)


def test_a_body_of_a_client_that_is_gone_stops_nobody(charts: Client) -> None:
    gone = world.client("GONE", "tradingview")
    pk = gone.pk
    gone.delete()
    gone.pk = pk
    post(gone, EURUSD)
    post(charts, EURUSD)
    assert WebhookAlert.objects.count() == 1


def test_a_client_at_its_bound_of_symbols_keeps_the_body_with_the_reason(
    charts: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_SYMBOLS", 1)
    Source.objects.create(client=charts, symbol="EURUSD", shard=0)
    post(charts, EURUSD, EURUSD.replace(b"EURUSD", b"GBPUSD"))
    assert counts(charts) == (1, 1, 0, 0)
    assert WebhookBody.objects.get(state="refused").reason == "This client has too many symbols."


@pytest.mark.parametrize(
    "body",
    [
        b'{"symbol":"EURUSD","price":1.085,"note":"a\\u0000b\\ud800","x\\u0000":1,"\\udfff":"\\ud83d"}',
        b'{"symbol":"EURUSD","x\\u0000\\ud800":Infinity}',
        b'{"\\u0000":' * 20 + b"1" + b"}" * 20,
        b"\x00\xff\xfe",
        b"x" * 70_000,
        b"\xed\xa0\x80",
    ],
)
def test_bytes_that_a_database_does_not_take_do_no_harm(charts: Client, body: bytes) -> None:
    post(charts, body)
    row = WebhookBody.objects.get()
    assert bytes(row.body) == body[: 64 * 1024 + 1]
    assert sum(counts(charts)) == 1


def test_half_of_a_long_alert_is_never_taken_for_all_of_it(charts: Client) -> None:
    post(charts, b"symbol=EURUSD\nprice=1.085\nnote=" + b"x" * 70_000)
    assert again(charts) == Outcome(stored=0, refused=1)
    assert WebhookBody.objects.get().code == "too_long"


def test_last_seen_is_the_last_post(charts: Client) -> None:
    before = now_us()
    post(charts, b"nonsense")
    seen = WebhookInbox.objects.get(client=charts).last_at
    assert abs(seen.timestamp() - before / 1e6) < timedelta(seconds=5).total_seconds()
