"""The digest: pure, and stable across what PostgreSQL's jsonb does to numbers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.chain import GENESIS, Content, digest

CONTENT = Content(
    at=datetime(2026, 11, 20, 9, 14, 27, 1, tzinfo=UTC),
    actor_id=7,
    actor_name="alice",
    source="page",
    action="client.register",
    object_type="bridge_ingest.client",
    object_id="3",
    object_name="OANDA",
    before=None,
    after={"name": "OANDA", "platform": "mt5"},
)

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("field", Content._fields)
def test_every_field_of_an_entry_is_covered_by_its_digest(field: str) -> None:
    other: Any = datetime(2026, 1, 1, tzinfo=UTC) if field == "at" else "other"
    assert digest(GENESIS, CONTENT) != digest(GENESIS, CONTENT._replace(**{field: other}))


def test_the_entry_before_is_covered_by_the_digest() -> None:
    assert digest(GENESIS, CONTENT) != digest("1" * 64, CONTENT)


def test_the_order_of_keys_and_the_time_zone_it_is_told_in_do_not_matter() -> None:
    athens = timezone(timedelta(hours=2))
    same = CONTENT._replace(
        at=CONTENT.at.astimezone(athens), after={"platform": "mt5", "name": "OANDA"}
    )
    assert digest(GENESIS, CONTENT) == digest(GENESIS, same)


def test_text_cannot_be_moved_from_one_field_to_the_next() -> None:
    one = CONTENT._replace(object_id="3", object_name="4")
    two = CONTENT._replace(object_id="34", object_name="")
    assert digest(GENESIS, one) != digest(GENESIS, two)


class TestThroughPostgres(TestCase):
    """hypothesis needs its own test case, so that examples do not share a transaction."""

    @given(value=json_values)
    @settings(max_examples=150, deadline=None)
    def test_the_digest_survives_the_database(self, value: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::jsonb::text", [json.dumps(value)])
            (returned,) = cursor.fetchone()
        stored = CONTENT._replace(after=json.loads(returned))
        assert digest(GENESIS, stored) == digest(GENESIS, CONTENT._replace(after=value))
