"""Many rows changed by one statement hold what the ORM would have stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bridge_ingest.models import Client, Session, Stream
from bridge_ingest.rows import change

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def sessions() -> list[Session]:
    client = Client.objects.create(name="A", platform="mt5")
    stream = Stream.objects.create(client=client, name="s")
    of = {"client": client, "stream": stream, "opened_at": NOW, "last_seen_at": NOW}
    rows = [Session(id=uuid4(), utc_offset_s=0, **of) for _ in range(3)]
    return Session.objects.bulk_create(rows)


def stored(names: list[str]) -> list[tuple[Any, ...]]:
    return list(Session.objects.order_by("pk").values_list("pk", *names))


def held(rows: list[Session], names: list[str]) -> list[tuple[Any, ...]]:
    ordered = sorted(rows, key=lambda each: each.pk)
    return [(each.pk, *(getattr(each, name) for name in names)) for each in ordered]


def test_every_kind_of_column_is_stored_as_it_is_held(sessions: list[Session]) -> None:
    names = ["items", "ack_p50_ms", "closed_at", "close_reason", "stream_id", "status"]
    for number, row in enumerate(sessions):
        row.items, row.ack_p50_ms, row.stream_id = 2**40 + number, 0.1 * number, None
        row.closed_at = NOW + timedelta(microseconds=number)
        row.close_reason = 'it\'s {said}, "so" \\ NULL'
        row.status = {"produced": number, "text": ["a,b", None]}
    change(sessions, names)
    assert stored(names) == held(sessions, names)


def test_nothing_is_a_value_too(sessions: list[Session]) -> None:
    names = ["ack_p50_ms", "closed_at"]
    for row in sessions:
        row.ack_p50_ms, row.closed_at = 1.0, NOW
    change(sessions, names)
    for row in sessions:
        row.ack_p50_ms, row.closed_at = None, None
    change(sessions, names)
    assert stored(names) == held(sessions, names)


def test_other_rows_and_other_columns_stay(sessions: list[Session]) -> None:
    for row in sessions:
        row.items, row.refused = 7, 9
    change(sessions[:2], ["items"])
    found = {each.pk: (each.items, each.refused) for each in Session.objects.all()}
    assert [found[each.pk] for each in sessions] == [(7, 0), (7, 0), (0, 0)]


def test_rows_of_any_number_are_one_statement_and_none_is_no_statement(
    sessions: list[Session],
) -> None:
    with CaptureQueriesContext(connection) as asked:
        change(sessions, ["items", "refused"])
        change([], ["items"])
    assert len(asked) == 1


def test_a_text_too_long_is_an_error_and_is_not_cut(sessions: list[Session]) -> None:
    sessions[0].close_code = "x" * 500
    with pytest.raises(DataError):
        change(sessions, ["close_code"])
