"""Signals: the ticket, the list, each delivery's way, and strategies."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest import events, outbox
from bridge_ingest.clock import now_us
from bridge_ingest.models import Client
from dashboard.reading.signals import DeliveryView, SignalView, signals, views
from dashboard.templatetags.acting import clock_ms, plain_price, short_span
from signals.actions import push
from signals.models import Delivery, Signal, StrategySetting
from tests.dashboard.acting.conftest import htmx
from tests.signals.builders import make_client, make_feed, make_instrument

pytestmark = pytest.mark.django_db


@pytest.fixture
def oanda() -> Client:
    return make_client("OANDA")


def ticket(*clients: Client, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": "EURUSD", "action": "BUY", "entry": "1.08125", "stop_loss": "1.0802",
        "take_profit": "1.0823", "confidence": "0.7", "note": "after the news", "life": "300",
        "execute": "", "ticket": str(uuid4()), "clients": [str(each.pk) for each in clients],
    } | changes  # fmt: skip


def send(browser: Browser, sent: dict[str, Any], target: str = "ticket") -> Any:
    headers = htmx(target) if target else {}
    return browser.post(reverse("dashboard:signal-push"), sent, headers=headers)


def push_to(*clients: Client, **changes: Any) -> Signal:
    given: dict[str, Any] = {
        "symbol": "EURUSD", "action": "CLOSE", "actor": None, "source": "command",
        "expires_at": timezone.now() + timedelta(minutes=5),
    }  # fmt: skip
    return push(clients=clients, **(given | changes)).signal


def report(signal: Signal, client: Client, *states: str, **details: Any) -> None:
    for state in states:
        kind = "signal_sent" if state == "sent" else "signal_ack"
        events.dispatch([
            {"kind": kind, "client": client.pk, "id": str(signal.pk), "state": state,
             "received_us": now_us(), **details}
        ])  # fmt: skip


def delivery_of(signal: Signal) -> DeliveryView:
    (view,) = views([signals("", "", "").get(pk=signal.pk)])
    (delivery,) = view.deliveries
    return delivery


def test_a_ticket_becomes_a_signal_in_the_outbox(
    oanda: Client, as_operator: Browser, commits: Any
) -> None:
    with commits():
        answer = send(as_operator, ticket(oanda))
    signal = Signal.objects.get()
    assert (signal.entry, signal.stop_loss, signal.execute) == (1.08125, 1.0802, False)
    assert signal.created_by is not None
    assert signal.created_by.username == "olga"
    assert outbox.holds(oanda.pk, str(signal.pk))
    told = json.loads(answer["HX-Trigger"])["toast"]["text"]
    assert told == "BUY EURUSD is on its way to OANDA."
    text = answer.content.decode()
    assert 'id="signal-list" hx-swap-oob="innerHTML"' in text
    assert 'value="EURUSD"' in text
    assert f'value="{oanda.pk}" checked' in text


def test_the_next_ticket_is_a_new_one(oanda: Client, as_operator: Browser) -> None:
    sent = ticket(oanda)
    answer = send(as_operator, sent)
    assert str(answer.context["ticket"]["ticket"].value()) != sent["ticket"]
    send(as_operator, sent)  # a second click on the first one
    assert Signal.objects.count() == 1


def test_without_scripts_the_ticket_leads_to_its_signal(
    oanda: Client, as_operator: Browser
) -> None:
    answer = send(as_operator, ticket(oanda), target="")
    assert answer["Location"] == reverse("dashboard:signal", args=[Signal.objects.get().pk])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stop_loss": "1.09"}, "the stop loss must lie below the entry"),
        ({"entry": "abc"}, "Enter a number."),
        ({"entry": "nan"}, "Enter a number."),
        ({"entry": "-1"}, "must be a number above zero"),
        ({"symbol": ""}, "This field is required."),
        ({"action": "HOLD"}, "Select a valid choice"),
        ({"clients": []}, "Choose at least one client"),
        ({"clients": ["999999"]}, "Select a valid choice"),
        ({"life": "999999999"}, "Select a valid choice"),
        ({"ticket": "1"}, "Enter a valid UUID."),
    ],
)
def test_what_is_wrong_with_a_ticket_stands_beside_its_field(
    oanda: Client, as_operator: Browser, changes: dict[str, Any], reason: str
) -> None:
    answer = send(as_operator, ticket(oanda) | changes)
    assert answer.status_code == 422
    text = answer.content.decode()
    if "ticket" not in changes:
        assert reason in text
        assert 'value="after the news"' in text  # what was typed is still there
    assert not Signal.objects.exists()


def test_a_client_that_can_not_receive_is_offered_with_the_reason_and_can_not_be_ticked(
    oanda: Client, as_operator: Browser
) -> None:
    charts = make_client("Charts", "tradingview")
    text = as_operator.get("/signals").content.decode()
    assert "TradingView opens no connection" in text
    assert f'value="{charts.pk}" disabled' in text
    answer = send(as_operator, ticket(oanda, charts))
    assert "Not sent to Charts. TradingView opens no connection" in answer.content.decode()


def test_the_ticket_opens_in_a_dialog_filled_in_from_the_address(
    oanda: Client, as_operator: Browser
) -> None:
    url = reverse("dashboard:signal-push")
    given = {"symbol": "XAUUSD", "client": str(oanda.pk)}
    text = as_operator.get(url, given, headers=htmx("dialog-slot")).content.decode()
    assert "<dialog" in text
    assert 'value="XAUUSD"' in text
    assert f'value="{oanda.pk}" checked' in text
    done = send(as_operator, ticket(oanda), target="dialog-slot")
    assert "<dialog" not in done.content.decode()
    wrong = send(as_operator, ticket(oanda, stop_loss="2"), target="dialog-slot")
    assert wrong.status_code == 422
    assert "<dialog" in wrong.content.decode()


def test_a_deliverys_way_shows_what_was_passed_and_what_lies_ahead(oanda: Client) -> None:
    signal = push_to(oanda, execute=True)
    report(signal, oanda, "sent", "received")
    stops = delivery_of(signal).stops
    assert [stop.word for stop in stops] == ["queued", "sent", "received", "shown", "executed"]
    assert [stop.passed for stop in stops] == [True, True, True, False, False]
    assert [stop.at is not None for stop in stops] == [True, True, True, False, False]


def test_a_step_that_was_jumped_over_counts_as_passed(oanda: Client) -> None:
    signal = push_to(oanda)
    report(signal, oanda, "shown")
    stops = delivery_of(signal).stops
    assert [(stop.word, stop.passed) for stop in stops] == [
        ("queued", True), ("sent", True), ("received", True), ("shown", True),
    ]  # fmt: skip


def test_an_end_off_the_way_comes_after_what_was_reached(oanda: Client) -> None:
    signal = push_to(oanda, execute=True)
    report(signal, oanda, "sent", "received")
    report(signal, oanda, "rejected", detail="market closed")
    view = delivery_of(signal)
    assert [stop.word for stop in view.stops] == ["queued", "sent", "received", "rejected"]
    assert (view.shape, view.word) == ("act", "rejected")
    assert view.took_s is not None


def test_an_expired_delivery_has_no_answer_time(oanda: Client, as_operator: Browser) -> None:
    signal = push_to(oanda)
    as_operator.post(reverse("dashboard:signal-expire", args=[signal.pk]))
    view = delivery_of(signal)
    assert view.took_s is None
    assert view.shape == "closed"


def test_a_signal_expires_early_where_it_was_clicked(oanda: Client, as_operator: Browser) -> None:
    signal = push_to(oanda)
    url = reverse("dashboard:signal-expire", args=[signal.pk])
    row = as_operator.post(url, headers=htmx(f"signal-{signal.pk}"))
    assert row.content.decode().count("<article") == 1
    assert "Expire now" not in row.content.decode()
    assert json.loads(row["HX-Trigger"])["toast"]["text"] == (
        "CLOSE EURUSD expired; 1 delivery stopped."
    )
    again = as_operator.post(url, headers=htmx("signal-facts"))
    assert again.status_code == 409
    assert "already" in again.content.decode()


def test_one_signal_has_a_page_with_every_step(oanda: Client, as_viewer: Browser) -> None:
    signal = push_to(oanda, execute=True)
    report(signal, oanda, "sent", "received", "shown")
    report(signal, oanda, "executed", ticket="778", price=1.0813)
    url = reverse("dashboard:signal", args=[signal.pk])
    text = as_viewer.get(url).content.decode()
    for word in ("Queued", "Sent", "Received", "Shown", "Executed", "778", "1.0813"):
        assert word in text
    assert "<html" not in as_viewer.get(url, headers=htmx("signal-facts")).content.decode()


def test_the_list_is_filtered(oanda: Client, as_viewer: Browser) -> None:
    fxcm = make_client("FXCM")
    first = push_to(oanda, symbol="EURUSD", note="alpha")
    second = push_to(fxcm, symbol="XAUUSD")
    Signal.objects.filter(pk=second.pk).update(source="tight_spread")
    report(first, oanda, "shown")

    def found(**query: str) -> set[str]:
        rows = signals(query.get("q", ""), query.get("state", ""), query.get("source", ""))
        return set(rows.values_list("symbol", flat=True))

    assert found() == {"EURUSD", "XAUUSD"}
    assert found(q="eur") == found(q="alpha") == found(q="oanda") == {"EURUSD"}
    assert found(state="queued") == {"XAUUSD"}
    assert found(source="manual") == {"EURUSD"}
    assert found(source="tight_spread") == {"XAUUSD"}
    text = as_viewer.get("/signals", {"q": "nothing"}).content.decode()
    assert "No signal fits this filter" in text


def test_who_pushed_a_signal_is_named(oanda: Client, operator: Any) -> None:
    by_hand, by_rule, by_command = push_to(oanda, actor=operator), push_to(oanda), push_to(oanda)
    by_rule.source = "tight_spread"
    now = timezone.now()
    assert SignalView(by_hand, now).by == "olga"
    assert SignalView(by_rule, now).by == "Tight spread (demonstration)"
    assert SignalView(by_command, now).by == "command line"


def strategy(browser: Browser, **changes: Any) -> Any:
    sent = {
        "tight_spread-enabled": "on", "tight_spread-max_spread_pips": "1.5",
        "tight_spread-run_ticks": "3", "tight_spread-stop_pips": "10",
        "tight_spread-target_pips": "20", "tight_spread-cooldown_s": "60",
        "tight_spread-lifetime_s": "30",
    } | {f"tight_spread-{name}": value for name, value in changes.items()}  # fmt: skip
    url = reverse("dashboard:strategy", args=["tight_spread"])
    return browser.post(url, sent, headers=htmx("strategy-tight_spread"))


def test_a_strategy_is_switched_on_with_its_parameters(as_admin: Browser) -> None:
    answer = strategy(as_admin)
    row = StrategySetting.objects.get()
    assert (row.enabled, row.parameters["max_spread_pips"]) == (True, 1.5)
    assert 'data-state="verified"' in answer.content.decode()
    assert AuditEntry.objects.get().action == "strategy.set"
    text = as_admin.get("/signals").content.decode()
    assert 'value="1.5"' in text


@pytest.mark.parametrize("value", ["0", "", "many", "nan", "1e99"])
def test_a_strategy_parameter_that_is_wrong_is_said_beside_it(
    as_admin: Browser, value: str
) -> None:
    answer = strategy(as_admin, run_ticks=value)
    assert answer.status_code == 422
    assert 'id="id_tight_spread-run_ticks-error"' in answer.content.decode()
    assert not StrategySetting.objects.exists()


def test_a_strategy_that_does_not_exist_is_not_found(as_admin: Browser) -> None:
    assert as_admin.post("/strategies/martingale", {}).status_code == 404


def test_a_viewer_sees_what_a_strategy_is_but_no_switch(as_viewer: Browser) -> None:
    text = as_viewer.get("/signals").content.decode()
    assert "is not advice" in text
    assert "tight_spread-enabled" not in text


def test_the_price_far_from_the_market_is_refused_on_the_page(
    oanda: Client, as_operator: Browser
) -> None:
    make_feed(oanda, make_instrument())
    answer = send(as_operator, ticket(oanda, take_profit="10.823"))
    assert "away from the market" in answer.content.decode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.08125, "1.08125"), (1e-05, "0.00001"), (64214.5, "64214.5"), (100.0, "100")],
)
def test_prices_are_shown_as_typed(value: float, shown: str) -> None:
    assert plain_price(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0421, "42 ms"), (1.24, "1.2 s"), (200, "3 min 20 s"), (-1, "0 ms")]
)
def test_how_long_a_delivery_took(seconds: float, shown: str) -> None:
    assert short_span(seconds) == shown


def test_steps_are_timed_to_the_millisecond() -> None:
    moment = timezone.now().replace(hour=9, minute=14, second=27, microsecond=42_900)
    assert clock_ms(moment) == "09:14:27.042"


def test_a_delivery_to_a_symbol_of_another_name_says_so(
    oanda: Client, as_viewer: Browser, redis_client: redis.Redis
) -> None:
    make_feed(oanda, make_instrument(), "EURUSD.pro")
    push_to(oanda)
    assert Delivery.objects.get().symbol == "EURUSD.pro"
    assert "EURUSD.pro</code>" in as_viewer.get("/signals").content.decode()
