"""Events become rows: sessions that live and die in one batch, or were taken for lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.db import transaction
from django.utils import timezone

from bridge_ingest import keys
from bridge_ingest.clock import now_us
from bridge_ingest.events import dispatch
from bridge_ingest.models import Client, Gap, Session, Stream
from bridge_ingest.recorder import record_gaps
from fksbridge.tasks import close_lost_sessions

pytestmark = pytest.mark.django_db(transaction=True)
FIGURES = {"items": 5, "duplicates": 2, "refused": 1, "ack_p50_ms": 0.4, "ack_p99_ms": 1.0}
OPENED = {
    "key": None, "gateway": "g", "transport": "tcp", "peer": "127.0.0.1", "platform": "mt5",
    "version": "", "account": "", "mode": "live", "utc_offset_s": 0,
}  # fmt: skip


@pytest.fixture
def stream(redis_client: redis.Redis) -> Stream:
    client = Client.objects.create(name="A", platform="mt5")
    return Stream.objects.create(client=client, name="s")


def events_of(stream: Stream, session: str) -> dict[str, dict[str, Any]]:
    of = {"client": stream.client_id, "stream": stream.pk, "session": session}
    of["received_us"] = now_us()
    return {
        "opened": {"kind": "session_opened", **of, **OPENED},
        "seen": {"kind": "session_seen", **of, **FIGURES},
        "closed": {"kind": "session_closed", **of, **FIGURES, "code": "closed", "reason": "bye"},
    }


def store(*events: dict[str, Any]) -> None:
    with transaction.atomic():
        dispatch(list(events))


def test_a_session_that_opens_and_closes_after_another_closed_is_not_left_open(
    stream: Stream,
) -> None:
    first, second = events_of(stream, str(uuid4())), events_of(stream, str(uuid4()))
    store(first["opened"])
    store(first["closed"], second["opened"], second["seen"], second["closed"])
    assert not Session.objects.filter(closed_at=None).exists()
    assert list(Session.objects.values_list("close_code", flat=True)) == ["closed"] * 2


def test_totals_are_not_counted_twice(stream: Stream) -> None:
    told = events_of(stream, str(uuid4()))
    store(told["opened"], told["seen"])
    store(told["seen"], told["closed"])
    stream.refresh_from_db()
    assert (stream.duplicates, Session.objects.get().items) == (2, 5)


def test_a_session_taken_for_lost_is_open_again_when_it_is_heard_of(stream: Stream) -> None:
    told = events_of(stream, str(uuid4()))
    store(told["opened"])
    Session.objects.update(last_seen_at=timezone.now() - timedelta(minutes=1))
    close_lost_sessions()
    assert Session.objects.get().close_code == "lost"
    store(told["seen"])
    row = Session.objects.get()
    assert (row.closed_at, row.close_code) == (None, "")


def test_many_gaps_cost_as_many_statements_as_one(
    stream: Stream, django_assert_max_num_queries: Any
) -> None:
    gap = {"kind": "gap", "client": stream.client_id, "stream": stream.pk, "received_us": now_us()}
    gaps = [{**gap, "from": n * 10, "to": n * 10 + 4, "reason": "gone"} for n in range(1, 101)]
    with transaction.atomic(), django_assert_max_num_queries(8):  # savepoints among them
        record_gaps(gaps)
    stream.refresh_from_db()
    assert (Gap.objects.count(), stream.lost, stream.received) == (100, 500, 1004)


@pytest.mark.parametrize(
    ("address", "fits"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.0.0.1", False), ("nonsense", False)],
)
def test_an_address_is_held_against_networks(address: str, fits: bool) -> None:
    assert keys.in_networks(address, ["10.0.0.0/8"]) is fits
