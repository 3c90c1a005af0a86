"""Lists cost the same number of queries however long they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actions import record
from bridge_ingest.models import Gap, Refusal, Source
from market.models import Feed, Instrument
from signals.actions import push
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx
from tests.plans import plan
from tests.signals.builders import make_client
from verification import actions

pytestmark = pytest.mark.django_db

ALLOWED = {
    # Session, user and role; then what the part itself reads.
    ("/alerts", "alert-list"): 6,
    ("/clients", "client-list"): 9,
    ("/signals", "signal-list"): 9,
    ("/audit", "audit-entries"): 6,
    ("/settings", ""): 12,
    ("/settings/people", ""): 12,
    ("/clients/{client}", "client-traffic"): 10,
    ("/clients/{client}", "client-delivery"): 12,
    ("/alerts/{alert}", "alert-live"): 12,
    ("/symbols", "symbol-list"): 10,
    ("/clients/{client}/symbols", "symbol-list"): 11,
}


def fill(number: int, operator: User) -> None:
    """One more of everything."""
    name = f"client {number}"
    client = make_client(name)
    session = world.connected(name)
    feed = world.feed(name)
    world.alert(feed)
    spelt(f"EURUSD.{chr(97 + number)}")
    actions.add_note(world.alert(feed, rule="mute"), "n", actor=operator, source="page")
    push(
        symbol="EURUSD", action="CLOSE", clients=[client], actor=operator, source="page",
        expires_at=timezone.now() + timedelta(minutes=5),
    )  # fmt: skip
    record(actor=operator, action="x.y", object=Group(pk=1, name="g"), source="page")
    world.person(f"person {number}", "viewer")
    first = world.client("client 0")
    stream = session.stream
    assert stream is not None
    Gap.objects.create(
        stream=first.streams.all()[0], from_seq=1, to_seq=2, at=timezone.now(), reason="r"
    )
    Refusal.objects.create(
        client=first, at=timezone.now(), transport="tcp", peer="p", code="c", reason="r"
    )
    actions.set_rule(
        "deviation", feed.instrument, {"threshold_pips": 1.0 + number}, actor=None, source="page"
    )


def spelt(name: str) -> None:
    """A symbol of the first client that waits to be matched, with an instrument of its own."""
    own = Instrument.objects.create(
        symbol=name, kind="fx", pip_size=0.0001, digits=5, session="24x5", created_at=timezone.now()
    )
    source = Source.objects.create(client=world.client("client 0"), symbol=name, shard=0)
    Feed.objects.create(source=source, instrument=own, created_at=timezone.now())


@pytest.fixture
def count(as_admin: Client) -> Callable[[str, str], int]:
    def ask(path: str, part: str) -> int:
        numbers = {
            "client": world.client("client 0").pk,
            "alert": world.client("client 0").alerts.all()[0].pk,
        }
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = as_admin.get(path.format(**numbers), headers=htmx(part) if part else {})
        assert answer.status_code == 200
        return len(captured)

    return ask


@pytest.mark.parametrize(("path", "part"), list(ALLOWED), ids=str)
def test_ten_times_as_much_costs_no_query_more(
    path: str, part: str, count: Callable[[str, str], int], operator: User
) -> None:
    fill(0, operator)
    fill(1, operator)
    few = count(path, part)
    for number in range(2, 12):
        fill(number, operator)
    assert count(path, part) == few
    assert few <= ALLOWED[path, part]


def test_the_list_of_clients_finds_each_ones_newest_session_by_an_index(
    as_admin: Client, operator: User
) -> None:
    fill(0, operator)
    with CaptureQueriesContext(connection) as asked:
        as_admin.get("/clients", headers=htmx("client-list"))
    newest = [each["sql"] for each in asked if 'SELECT "bridge_ingest_session"."id"' in each["sql"]]
    assert ["newest_of_client" in plan(each) for each in newest] == [True]
