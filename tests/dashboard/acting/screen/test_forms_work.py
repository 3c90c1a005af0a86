"""What people do on the operator's pages, in a browser whose policy is on and console watched."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone
from playwright.sync_api import Page, expect

from bridge_ingest import names
from bridge_ingest.models import Client, Refusal
from bridge_ingest.webhooks.models import WebhookAlert
from signals.actions import push
from signals.models import Signal, StrategySetting
from tests.dashboard import world
from tests.dashboard.acting.screen.conftest import Windows
from tests.dashboard.screen.conftest import NARROW
from tests.signals.builders import make_key
from verification import actions
from verification.models import Alert, Silence

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requires("chromium")]


@pytest.fixture
def alert(trading: None) -> Alert:
    return Alert.objects.get(severity="act")


@pytest.fixture
def icm(trading: None) -> Client:
    client = Client.objects.get(name="ICM-LIVE")
    make_key(client, ["ingest", "signals"])  # type: ignore[list-item]
    return client


def live(page: Page) -> Page:
    expect(page.locator("utc-clock")).to_have_attribute("data-link", "live")
    return page


def announce(redis_client: redis.Redis, **event: Any) -> None:
    redis_client.publish(names.LIVE_EVENT, json.dumps(event))


def row(page: Page, alert: Alert) -> Any:
    return page.locator(f"#alert-row-{alert.pk}")


def test_an_alert_is_opened_acknowledged_noted_and_given_without_leaving_the_page(
    windows: Windows, alert: Alert
) -> None:
    page = windows.open("/alerts")
    page.evaluate("window.same = true")
    row(page, alert).get_by_role("link", name=alert.title).click()
    page.wait_for_url(f"**/alerts/{alert.pk}**")
    expect(row(page, alert)).to_have_attribute("aria-current", "true")
    page.keyboard.press("a")
    expect(page.locator("#alert .state").first).to_have_text("act, acknowledged")
    expect(row(page, alert)).to_contain_text("acknowledged by olga")
    page.locator("#note-text").fill("called the broker")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.locator(".timeline")).to_contain_text("called the broker")
    expect(page.locator("#note-text")).to_have_value("")
    page.locator("#assignee").select_option(label="given to olga")
    expect(row(page, alert)).to_contain_text("olga has it")
    assert page.evaluate("window.same")


def test_a_silence_is_asked_for_in_a_dialog_and_lifted_where_it_shows(
    windows: Windows, alert: Alert
) -> None:
    page = windows.open(f"/alerts/{alert.pk}")
    windows.refuses(f"/alerts/{alert.pk}/silence", 422)
    page.keyboard.press("s")
    dialog = page.locator("#dialog-slot dialog")
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog.locator(".error")).to_contain_text("This field is required")
    dialog.get_by_label("Reason").fill("known")
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#alert-live")).to_contain_text("by olga: known")
    page.get_by_role("button", name="Lift the silence").click()
    expect(page.locator("#alert-live")).not_to_contain_text("by olga: known")
    assert Silence.objects.get().ended_at is not None


def test_an_act_that_comes_too_late_says_so_where_it_was_clicked(
    windows: Windows, alert: Alert
) -> None:
    page = windows.open("/alerts")
    button = row(page, alert).get_by_role("button", name="Acknowledge")
    expect(button).to_be_visible()
    windows.refuses(f"/alerts/{alert.pk}/acknowledge", 409)
    # Behind the page's back: an action would tell it, and the button would be gone.
    ada = world.person("ada", "admin")
    Alert.objects.filter(pk=alert.pk).update(acknowledged_at=timezone.now(), acknowledged_by=ada)
    button.click()
    expect(row(page, alert)).to_contain_text("acknowledged by ada already")


def test_many_are_ticked_and_done_at_once_with_an_outcome_for_each(
    windows: Windows, alert: Alert
) -> None:
    page = windows.open("/alerts?silenced=no")
    page.locator("[data-tick-all]").check()
    expect(page.locator("[data-ticked]")).to_have_text("2 ticked")
    Alert.objects.filter(pk=alert.pk).update(acknowledged_at=timezone.now())
    page.locator("[data-bulk]").get_by_role("button", name="Acknowledge").click()
    outcome = page.locator("#bulk-outcome")
    expect(outcome).to_contain_text("1 of 2 acknowledged.")
    expect(outcome.locator("li")).to_have_count(2)
    expect(page.locator("[data-ticked]")).to_have_text("All on this page")
    outcome.get_by_role("button", name="Dismiss").click()
    expect(outcome.locator("li")).to_have_count(0)


def test_the_list_follows_what_happens_and_keeps_what_is_ticked(
    windows: Windows, alert: Alert, redis_client: redis.Redis
) -> None:
    page = live(windows.open("/alerts"))
    row(page, alert).locator(".tick").check()
    fresh = world.alert(world.feed("FTMO", "EURUSD"), title="FTMO EURUSD is 9.9 pips off")
    announce(redis_client, kind="alert", id=fresh.pk, change="opened", severity="act")
    expect(row(page, fresh)).to_contain_text("9.9 pips off")
    expect(row(page, alert).locator(".tick")).to_be_checked()
    expect(page.locator("[data-ticked]")).to_have_text("1 ticked")


def test_the_last_of_a_burst_of_news_is_shown(
    windows: Windows, alert: Alert, redis_client: redis.Redis
) -> None:
    page = live(windows.open("/alerts"))
    for number in range(5):
        Alert.objects.filter(pk=alert.pk).update(title=f"title {number}")
        announce(redis_client, kind="alert", id=alert.pk, change="changed")
        page.wait_for_timeout(120)
    expect(row(page, alert)).to_contain_text("title 4", timeout=3_000)


def test_a_note_that_is_being_written_survives_news(
    windows: Windows, alert: Alert, redis_client: redis.Redis
) -> None:
    page = live(windows.open(f"/alerts/{alert.pk}"))
    page.locator("#note-text").press_sequentially("half a sent")
    actions.add_note(alert, "from a colleague", actor=None, source="command")
    expect(page.locator(".timeline")).to_contain_text("from a colleague")
    expect(page.locator("#note-text")).to_have_value("half a sent")
    expect(page.locator("#note-text")).to_be_focused()


def test_a_filter_goes_into_the_address_and_back(windows: Windows, alert: Alert) -> None:
    page = windows.open("/alerts")
    page.get_by_label("Rule", exact=True).select_option("mute")
    page.wait_for_url(re.compile("rule=mute"))
    expect(page.locator("#alert-list [data-row]")).to_have_count(1)
    page.reload()
    expect(page.get_by_label("Rule", exact=True)).to_have_value("mute")
    expect(page.locator("#alert-list [data-row]")).to_have_count(1)


def test_on_a_phone_the_list_and_the_alert_take_turns(windows: Windows, alert: Alert) -> None:
    page = windows.open("/alerts", viewport=NARROW)
    expect(page.locator("#alert")).to_be_hidden()
    row(page, alert).get_by_role("link", name=alert.title).click()
    expect(page.locator("#alert h2")).to_be_visible()
    expect(page.locator("#alert-list")).to_be_hidden()
    page.get_by_role("link", name="All alerts").click()
    expect(page.locator("#alert-list")).to_be_visible()


def test_the_plot_draws_the_episode_and_reads_out_a_point(windows: Windows, alert: Alert) -> None:
    assert alert.feed is not None
    for second in range(60):
        at = alert.started_at - timedelta(seconds=60 - second)
        world.deviation(alert.feed, 3.1 if second > 40 else 0.2, at)
    page = windows.open(f"/alerts/{alert.pk}")
    plot = page.locator("deviation-plot")
    expect(plot.locator("polyline.series")).to_have_count(1)
    expect(plot.locator("svg")).to_have_attribute("data-state", "act")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 80)
    expect(plot.locator(".moment-label").last).to_have_text(re.compile(r"\+3\.10 pips$"))
    page.evaluate("document.body.dispatchEvent(new Event('alerts:changed'))")
    expect(plot.locator(".cursor[visibility=hidden]")).to_have_count(1)
    expect(plot.locator("polyline.series")).to_have_count(1)


def test_a_key_is_shown_once_and_never_again(windows: Windows, icm: Client) -> None:
    page = windows.open(f"/clients/{icm.pk}")
    windows.refuses(f"/clients/{icm.pk}/keys/issue", 422)
    page.get_by_role("link", name="Issue a key").click()
    page.get_by_label("Only from").fill("the office")
    page.get_by_role("button", name="Issue the key").click()
    dialog = page.locator("#dialog-slot dialog")
    expect(dialog).to_contain_text("neither an address nor a network")
    page.get_by_label("Only from").fill("10.0.0.0/8")
    page.get_by_role("button", name="Issue the key").click()
    key = page.locator("#new-key").inner_text()
    assert key.startswith("fks_")
    page.get_by_role("button", name="I have kept it").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#client-keys")).to_contain_text(key.rsplit("_", 1)[0][:14])
    assert key not in page.content()


def test_a_key_is_revoked_after_a_question(windows: Windows, icm: Client) -> None:
    page = windows.open(f"/clients/{icm.pk}")
    page.locator("#client-keys").get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#dialog-slot dialog")).to_have_count(0)
    page.locator("#client-keys").get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.locator("#client-keys")).to_contain_text("revoked")
    expect(page.locator("#toasts")).to_contain_text("is revoked")


def test_what_was_opened_stays_open_when_a_part_is_fetched_again(
    windows: Windows, icm: Client, redis_client: redis.Redis
) -> None:
    given = {"transport": "tcp", "peer": "p", "reason": "bad", "at": timezone.now()}
    first = Refusal.objects.create(client=icm, code="one", body="{the body}", **given)
    page = live(windows.open(f"/clients/{icm.pk}"))
    page.locator(f"#refusal-{first.pk} summary").click()
    Refusal.objects.create(client=icm, code="two", **given)
    announce(redis_client, kind="client", id=icm.pk, change="refusal")
    expect(page.locator(".refusals")).to_contain_text("two")
    expect(page.get_by_text("{the body}")).to_be_visible()


def test_a_ticket_says_what_it_risks_and_what_is_wrong_with_it(
    windows: Windows, icm: Client
) -> None:
    page = windows.open("/signals")
    ticket = page.locator("#ticket")
    windows.refuses("/signals/push", 422)
    ticket.get_by_label("Symbol").fill("EURUSD")
    for name, price in (("Entry", "1.0812"), ("Stop loss", "1.0802"), ("Take profit", "1.0842")):
        ticket.get_by_label(name).fill(price)
    expect(ticket.locator("[data-ratio]")).to_have_text(
        "It risks 10.0 pips for 30.0 pips (1 : 3.0)."
    )
    ticket.get_by_text("Execute at the terminal").click()
    expect(ticket.locator("[data-push]")).to_have_text("Push and execute BUY")
    ticket.get_by_label("Stop loss").fill("1.09")
    ticket.get_by_label("ICM-LIVE").check()
    ticket.locator("[data-push]").click()
    expect(ticket.locator(".error").first).to_contain_text("must lie below the entry")
    expect(ticket.get_by_label("Take profit")).to_have_value("1.0842")
    expect(ticket.locator("[data-push]")).to_have_text("Push and execute BUY")
    ticket.get_by_label("Stop loss").fill("1.0802")
    ticket.locator("[data-push]").click()
    expect(page.locator("#signal-list article")).to_contain_text("ICM-LIVE")
    expect(page.locator("#toasts")).to_contain_text("BUY EURUSD is on its way to ICM-LIVE.")
    assert Signal.objects.get().execute


def test_closing_needs_no_prices(windows: Windows, icm: Client) -> None:
    page = windows.open("/signals")
    ticket = page.locator("#ticket")
    ticket.get_by_label("Symbol").fill("EURUSD")
    ticket.get_by_label("Entry").fill("1.0812")
    ticket.get_by_text("Close", exact=True).click()
    expect(ticket.get_by_label("Entry")).to_be_disabled()
    ticket.get_by_label("ICM-LIVE").check()
    ticket.locator("[data-push]").click()
    expect(page.locator("#signal-list article")).to_contain_text("Close")


def test_a_delivery_moves_on_the_page_as_the_terminal_reports(
    windows: Windows, icm: Client, redis_client: redis.Redis
) -> None:
    signal = push(
        symbol="EURUSD", action="CLOSE", clients=[icm], actor=None, source="command",
        expires_at=timezone.now() + timedelta(minutes=5),
    ).signal  # fmt: skip
    page = live(windows.open("/signals"))
    here = page.locator(f"#signal-{signal.pk} [data-here]")
    expect(here).to_have_text("queued")
    signal.deliveries.update(state="shown")
    signal.deliveries.get().steps.create(state="shown", at=timezone.now())
    announce(redis_client, kind="signal", id=str(signal.pk), client=icm.pk, state="shown")
    expect(here).to_have_text("shown")
    expect(here).to_have_attribute("data-state", "verified")
    page.get_by_role("button", name="Expire now").click()
    expect(page.locator(f"#signal-{signal.pk} footer")).to_contain_text("expired")


def test_an_admin_switches_a_strategy_and_sets_a_rule_where_they_stand(
    windows: Windows, trading: None
) -> None:
    page = windows.open("/signals", "admin")
    windows.refuses("/strategies/tight_spread", 422)
    part = page.locator("#strategy-tight_spread")
    part.get_by_text("Switch and parameters").click()
    part.get_by_label("Switched on").check()
    part.get_by_label("Moves in a row").fill("0")
    part.get_by_role("button", name="Save").click()
    expect(part.locator(".error")).to_contain_text("greater than or equal to 1")
    part.get_by_label("Moves in a row").fill("4")
    part.get_by_role("button", name="Save").click()
    expect(part.locator("> .row .state")).to_have_text("on")
    assert StrategySetting.objects.get().parameters["run_ticks"] == 4
    page.goto("/settings")
    page.locator("#rule-deviation").get_by_role("link", name="Change").click()
    page.locator("#dialog-slot").get_by_label("Threshold, pips").fill("2.5")
    page.get_by_role("button", name="Set the rule").click()
    expect(page.locator("#rule-deviation .own-parameters")).to_contain_text("Threshold, pips2.5")


def test_an_admin_lets_somebody_in_and_keeps_them_out(windows: Windows, trading: None) -> None:
    page = windows.open("/settings/people", "admin")
    page.get_by_role("link", name="Let somebody in").click()
    page.get_by_label("Name").fill("bob")
    page.get_by_role("button", name="Make the user").click()
    expect(page.locator("#new-password")).to_be_visible()
    page.get_by_role("button", name="I have kept it").click()
    line = page.locator("#people tr", has_text="bob")
    expect(line).to_contain_text("operator")
    line.get_by_role("button", name="Keep out").click()
    expect(line).to_contain_text("kept out")


def test_the_chain_is_verified_without_being_asked(windows: Windows, alert: Alert) -> None:
    actions.add_note(alert, "n", actor=None, source="command")
    page = windows.open("/audit", "viewer")
    expect(page.locator("#audit-chain")).to_contain_text("chain verified, 1 entry")
    page.locator("summary").first.click()
    expect(page.locator(".diff")).to_contain_text("note")


def test_a_mapping_is_previewed_as_it_is_typed_and_mends_what_was_refused(
    windows: Windows, icm: Client
) -> None:
    world.posted(icm, b"id7,long,EURUSD,1.085")
    page = windows.open(f"/clients/{icm.pk}/webhooks")
    preview = page.locator("#webhook-preview")
    expect(preview).to_contain_text("which column is which")
    page.get_by_label("Form", exact=True).select_option(label="Columns (csv)")
    page.get_by_label("Symbol", exact=True).fill("3")
    page.get_by_label("Price", exact=True).fill("4")
    page.get_by_label("Action", exact=True).fill("2")
    expect(preview).to_contain_text("understood")
    expect(preview.locator("dl.facts")).to_contain_text("BUY")
    assert not WebhookAlert.objects.exists()
    page.get_by_role("button", name="Save the mapping").click()
    expect(page.locator("body")).to_contain_text("The mapping is saved")
    page.get_by_role("button", name="Process again").click()
    page.wait_for_url(f"**/clients/{icm.pk}")
    expect(page.locator("#client-webhooks .trio")).to_contain_text("Stored1")
    assert WebhookAlert.objects.get().price == 1.085
