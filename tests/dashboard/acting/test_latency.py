"""How long a client's ticks took, as its page draws it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.db import transaction
from django.test import Client as Browser
from django.utils import timezone

from bridge_ingest.clock import now_us
from bridge_ingest.journal.layout import RECORD
from dashboard.reading.latency import latency_of
from market import adopt, store
from market.models import Feed
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db(transaction=True)


def tick(feed: Feed, took_ms: list[float], clock_off_s: float = 0.0) -> None:
    """Store one tick a millisecond, each with its own way to us."""
    batch = np.zeros(len(took_ms), RECORD)
    received = now_us() + 1000 * np.arange(len(took_ms))
    batch["received_us"] = received
    batch["event_us"] = received - np.round(np.array(took_ms) * 1000) + int(clock_off_s * 1e6)
    batch["bid"], batch["ask"] = 1.0812, 1.0813
    batch["source"], batch["stream"] = feed.pk, 1
    batch["seq"] = np.arange(1, len(took_ms) + 1)
    with transaction.atomic():
        store.write_ticks(batch, adopt.feeds_for(batch), "0")


@pytest.fixture
def feed(db: None) -> Feed:
    return world.feed("ICM-LIVE", "EURUSD", age_s=3600)


def counted(feed: Feed) -> dict[str, int]:
    latency = latency_of(feed.source.client)
    assert latency is not None
    return {bucket.label: bucket.count for bucket in latency.buckets if bucket.count}


def test_ticks_are_counted_by_how_long_they_took(feed: Feed) -> None:
    tick(feed, [0.5] * 3 + [15.0] * 90 + [300.0] * 6 + [9000.0])
    assert counted(feed) == {"1 ms": 3, "20 ms": 90, "500 ms": 6, "> 5 s": 1}
    latency = latency_of(feed.source.client)
    assert latency is not None
    assert latency.p50_ms == pytest.approx(15.0, abs=0.01)
    heights = {bucket.label: bucket.height for bucket in latency.buckets}
    assert (heights["20 ms"], heights["> 5 s"]) == (100.0, 2.0)


def test_a_terminal_ahead_of_our_clock_shows_as_such(feed: Feed) -> None:
    tick(feed, [-40.0, 5.5])
    assert counted(feed) == {"ahead": 1, "10 ms": 1}


def test_a_clock_that_is_hours_off_still_shows_its_spread(feed: Feed) -> None:
    tick(feed, [10.5, 11.5], clock_off_s=-7200)
    assert counted(feed) == {"> 5 s": 2}


def test_a_client_without_ticks_has_nothing_to_draw(as_viewer: Browser) -> None:
    client = world.client("new")
    assert latency_of(client) is None
    text = as_viewer.get(f"/clients/{client.pk}", headers=htmx("client-latency")).content.decode()
    assert "No tick to measure yet." in text


def test_the_page_draws_it_and_says_it_in_words(feed: Feed, as_viewer: Browser) -> None:
    tick(feed, [15.0] * 4)
    url = f"/clients/{feed.source.client_id}"
    text = as_viewer.get(url, headers=htmx("client-latency")).content.decode()
    assert 'aria-label="4 ticks. 20 ms: 4"' in text
    assert text.count("<rect") == 14
    assert "<html" not in text


def test_only_the_last_half_minute_counts(feed: Feed) -> None:
    assert timezone.now() - feed.state.event_time > timedelta(minutes=30)
    tick(feed, [15.0])
    assert counted(feed) == {"20 ms": 1}
