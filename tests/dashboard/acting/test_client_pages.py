"""Clients: what is delivered, who is connected, and what people change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest.models import Client, Gap, Refusal, Session, Stream, StreamCursor
from bridge_ingest.stats import client_stats
from dashboard.reading.clients import Counts, client_views, streams_of
from dashboard.templatetags.acting import took_ms, utc_offset
from market.models import FeedState
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db


@pytest.fixture
def icm() -> Client:
    """145 produced, in two streams and shards: 130 ticks and 5 bars stored, 3 refused, 7 lost."""
    client = world.client("ICM-LIVE")
    session = world.connected("ICM-LIVE")
    stream = session.stream
    assert stream is not None
    Stream.objects.filter(pk=stream.pk).update(
        produced=120, received=120, refused=3, lost=7, other_items=5, duplicates=9
    )
    StreamCursor.objects.create(shard="0", stream_id=stream.pk, seq=118, stored=60)
    StreamCursor.objects.create(shard="1", stream_id=stream.pk, seq=120, stored=45)
    older = Stream.objects.create(client=client, name="older", produced=0, received=20)
    StreamCursor.objects.create(shard="0", stream_id=older.pk, seq=25, stored=25)
    Gap.objects.create(stream=stream, from_seq=11, to_seq=17, at=timezone.now(), reason="full")
    Refusal.objects.create(
        client=client, session_id=session.pk, seq=4, at=timezone.now(), transport="tcp",
        peer="127.0.0.1:5", code="not_finite", field="bid", reason="bid must be finite",
        body='{"bid":NaN,"x":"<script>"}',
    )  # fmt: skip
    return client


def url(name: str, client: Client) -> str:
    return reverse(f"dashboard:{name}", args=[client.pk])


def test_the_counts_are_those_of_the_command(icm: Client) -> None:
    counts = client_views([icm])[0].counts
    stats = client_stats(icm)
    assert counts == Counts(145, 135, 3, 7, 9, numbered_here=False)
    assert (counts.produced, counts.stored, counts.refused, counts.lost, counts.duplicates) == (
        stats.produced, stats.stored, stats.refused, stats.lost, stats.duplicates,
    )  # fmt: skip
    assert counts.on_its_way == 0


def test_each_stream_says_what_is_stored_and_how_far_it_is_acknowledged(icm: Client) -> None:
    older, newer = sorted(streams_of(icm, 9), key=lambda stream: stream.name != "older")
    assert (older.stored, older.highest) == (25, 25)  # type: ignore[attr-defined]
    assert (newer.stored, newer.highest) == (110, 120)  # type: ignore[attr-defined]


def test_the_page_shows_produced_stored_and_lost_side_by_side(
    icm: Client, as_viewer: Browser
) -> None:
    text = as_viewer.get(url("client", icm)).content.decode()
    assert "<dt>Produced</dt><dd>145</dd>" in text
    assert "<dt>Stored</dt><dd>135</dd>" in text
    assert '<div data-state="act"><dt>Lost</dt><dd>7</dd></div>' in text


def test_what_was_refused_is_shown_as_it_came_and_harmless(icm: Client, as_viewer: Browser) -> None:
    text = as_viewer.get(url("client", icm)).content.decode()
    assert "not_finite" in text
    assert "&quot;x&quot;:&quot;&lt;script&gt;&quot;" in text


def test_a_plain_client_says_that_losses_can_not_be_seen(as_viewer: Browser) -> None:
    sketch = world.client("sketch")
    Stream.objects.create(client=sketch, name="plain", plain=True)
    text = as_viewer.get(url("client", sketch)).content.decode()
    assert "losses on the way here can't be detected" in text


def states() -> dict[str, tuple[str, str]]:
    views = client_views(Client.objects.all())
    return {view.client.name: (view.state, view.state_word) for view in views}


def test_the_state_of_a_client_is_its_worst_news() -> None:
    world.connected("delivering")
    world.client("new")
    gone = world.connected("gone")
    Session.objects.filter(pk=gone.pk).update(closed_at=timezone.now())
    for name, severities in {"looking": ["look"], "acting": ["look", "act", "look"]}.items():
        world.connected(name)
        feed = world.feed(name)
        for severity in severities:
            world.alert(feed, severity=severity)
    off = world.client("off duty")
    off.disabled_at = timezone.now()
    off.save()
    posts = world.connected("alerts")
    Client.objects.filter(pk=posts.client_id).update(platform="tradingview")
    Session.objects.filter(pk=posts.pk).update(closed_at=timezone.now())
    assert states() == {
        "delivering": ("verified", "delivering"),
        "new": ("off", "never seen"),
        "gone": ("off", "not connected"),
        "looking": ("look", "look"),
        "acting": ("act", "act"),
        "off duty": ("closed", "disabled"),
        "alerts": ("verified", "delivering"),
    }


def test_the_list_is_filtered_by_name_platform_and_whether_disabled(as_viewer: Browser) -> None:
    for name, platform in (("ICM", "mt5"), ("CQG", "ninjatrader"), ("OLD", "mt5")):
        world.client(name, platform)
    Client.objects.filter(name="OLD").update(disabled_at=timezone.now())

    def listed(**query: str) -> set[str]:
        text = as_viewer.get("/clients", query, headers=htmx("client-list")).content.decode()
        return {name for name in ("ICM", "CQG", "OLD") if f">{name}</a>" in text}

    assert listed() == {"ICM", "CQG"}
    assert listed(disabled="1") == {"ICM", "CQG", "OLD"}
    assert listed(platform="mt5") == {"ICM"}
    assert listed(q="cq") == {"CQG"}
    assert listed(q="nothing") == set()


def test_an_empty_list_teaches_what_fills_it(as_operator: Browser, as_viewer: Browser) -> None:
    assert "it takes a minute" in as_operator.get("/clients").content.decode()
    assert "An operator registers terminals here" in as_viewer.get("/clients").content.decode()


def test_registering_leads_to_the_new_clients_page(as_operator: Browser) -> None:
    sent = {"name": "OANDA", "platform": "mt4", "note": "through the agent"}
    answer = as_operator.post("/clients/register", sent, headers=htmx("dialog-slot"))
    client = Client.objects.get()
    assert (answer.status_code, answer["HX-Redirect"]) == (204, url("client", client))
    assert (client.name, client.platform, client.note) == ("OANDA", "mt4", "through the agent")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name) == ("client.register", "olga")


def test_registering_works_without_scripts(as_operator: Browser) -> None:
    assert "<html" in as_operator.get("/clients/register").content.decode()
    answer = as_operator.post("/clients/register", {"name": "OANDA", "platform": "mt4"})
    assert answer.status_code == 302
    assert "OANDA is registered" in str(next(iter(get_messages(answer.wsgi_request))))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"name": "", "platform": "mt5"}, "This field is required"),
        ({"name": "ICM-LIVE", "platform": "mt5"}, "already exists"),
        ({"name": "X", "platform": "mt6"}, "Select a valid choice"),
        ({"name": "X", "platform": "mt5", "plain_address": "everywhere"}, "neither an address"),
    ],
)
def test_a_registration_that_lacks_something_says_what(
    as_operator: Browser, sent: dict[str, str], reason: str
) -> None:
    world.client("ICM-LIVE")
    answer = as_operator.post("/clients/register", sent, headers=htmx("dialog-slot"))
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert Client.objects.count() == 1


def test_a_client_is_changed_disabled_and_enabled(icm: Client, as_operator: Browser) -> None:
    form = as_operator.get(url("client-edit", icm), headers=htmx("dialog-slot"))
    assert 'name="name"' not in form.content.decode()
    as_operator.post(url("client-edit", icm), {"platform": "mt4", "note": "moved"})
    icm.refresh_from_db()
    assert (icm.platform, icm.note) == ("mt4", "moved")
    asks = as_operator.get(url("client-disable", icm), headers=htmx("dialog-slot"))
    assert "its sessions end" in asks.content.decode()
    assert is_enabled(icm)
    as_operator.post(url("client-disable", icm))
    assert not is_enabled(icm)
    as_operator.post(url("client-enable", icm))
    assert is_enabled(icm)


def is_enabled(client: Client) -> bool:
    return Client.objects.filter(pk=client.pk, disabled_at=None).exists()


def test_a_session_has_a_page_with_its_refusals(icm: Client, as_viewer: Browser) -> None:
    session = icm.sessions.get()
    Session.objects.filter(pk=session.pk).update(
        status={"broker_connected": False, "ping_ms": 12.4}, utc_offset_s=-19_800
    )
    text = as_viewer.get(reverse("dashboard:session", args=[session.pk])).content.decode()
    assert "bid must be finite" in text
    assert "UTC\u22125:30" in text
    assert "<dt>broker connected</dt><dd>no</dd>" in text


def test_a_session_is_ended_once(icm: Client, as_operator: Browser, as_viewer: Browser) -> None:
    session = icm.sessions.get()
    ending = reverse("dashboard:session-end", args=[session.pk])
    answer = as_operator.post(ending, headers=htmx())
    assert answer.status_code == 204
    assert AuditEntry.objects.get().action == "session.end"
    Session.objects.filter(pk=session.pk).update(closed_at=timezone.now())
    again = as_operator.post(ending, headers=htmx())
    assert (again.status_code, again.content) == (409, b"This session has ended already.")
    text = as_viewer.get(reverse("dashboard:session", args=[session.pk])).content.decode()
    assert "every 5s" not in text


def test_moving_parts_are_fetched_alone(icm: Client, as_viewer: Browser) -> None:
    delivery = as_viewer.get(url("client", icm), headers=htmx("client-delivery")).content.decode()
    traffic = as_viewer.get(url("client", icm), headers=htmx("client-traffic")).content.decode()
    assert "Produced" in delivery
    assert "Refusals" in traffic
    assert "<html" not in delivery + traffic


@pytest.mark.parametrize(
    ("platform", "told"),
    [
        ("mt5", "Expert Advisors"),
        ("mt4", "python -m agent shm"),
        ("ninjatrader", "NinjaScript"),
        ("agent", "one JSON object a line"),
        ("tradingview", "/api/bridge/"),
    ],
)
def test_each_platform_is_told_how_to_connect(
    platform: str, told: str, as_viewer: Browser, settings: Any
) -> None:
    client = world.client("X", platform)
    text = as_viewer.get(url("client", client)).content.decode()
    assert told in text
    if platform != "tradingview":
        assert f"<dt>Port</dt><dd><code>{settings.FKS.tcp_port}</code>" in text


def test_latency_is_measured_from_the_terminals_clock_to_ours() -> None:
    now = timezone.now()
    state = FeedState(event_time=now - timedelta(milliseconds=42), received_at=now)
    assert took_ms(state) == 42.0


@pytest.mark.parametrize(
    ("seconds", "shown"), [(7200, "+2"), (0, "+0"), (-18_000, "\u22125"), (20_700, "+5:45")]
)
def test_a_clocks_offset_reads_as_people_write_it(seconds: int, shown: str) -> None:
    assert utc_offset(seconds) == shown
