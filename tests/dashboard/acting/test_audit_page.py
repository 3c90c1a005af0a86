"""The audit page: who, what, when, from what to what, and that nobody touched it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from audit.actions import record
from dashboard.reading.audit_log import Change, changes
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db
URL = "/audit"


def note(action: str, name: str, actor: User | None = None, **how: Any) -> None:
    source = "page" if actor else "command"
    record(actor=actor, action=action, object=Group(pk=1, name=name), source=source, **how)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [Change("b", "2", "3")]),
        (None, {"on": True}, [Change("on", None, "yes")]),
        ({"on": False}, None, [Change("on", "no", None)]),
        ({"x": 1}, {"y": None}, [Change("x", "1", None), Change("y", None, "\u2013")]),
        ({"n": None}, {"n": ["a", "b"]}, [Change("n", "\u2013", "a, b")]),
        ({"p": {"x": 1}}, {"p": {"x": 2}}, [Change("p", "x 1", "x 2")]),
        ("old", "new", [Change("value", "old", "new")]),
        ({"at": "2026-11-20T09:14:27Z"}, {"at": "not a T time"},
         [Change("at", "2026-11-20 09:14:27 UTC", "not a T time")]),
        ({"at": "2026-13-45T99:00:00Z"}, {}, [Change("at", "2026-13-45T99:00:00Z", None)]),
        (None, None, []),
    ],
)  # fmt: skip
def test_only_what_differs_is_shown(before: Any, after: Any, expected: list[Change]) -> None:
    assert list(changes(before, after)) == expected


def test_an_entry_reads_as_a_sentence_with_its_change(as_viewer: Client, operator: User) -> None:
    note("client.update", "OANDA", operator, before={"note": "a"}, after={"note": "<b>"})
    text = as_viewer.get(URL).content.decode()
    assert "<b>olga</b> changed the client <b>OANDA</b>" in text
    assert "<del>a</del>" in text
    assert "<ins>&lt;b&gt;</ins>" in text


def test_an_action_without_words_is_shown_by_its_code(as_viewer: Client) -> None:
    note("tape.rewind", "x")
    assert "tape.rewind" in as_viewer.get(URL).content.decode()


def test_the_log_is_filtered_by_who_what_where_and_text(as_viewer: Client, operator: User) -> None:
    note("client.register", "OANDA", operator)
    note("key.issue", "OANDA fks_abc", operator)
    note("signal.push", "BUY EURUSD")

    def found(**query: str) -> int:
        text = as_viewer.get(URL, query, headers=htmx("audit-entries")).content.decode()
        return text.count("<details")

    assert found() == 3
    assert found(q="oanda") == 2
    assert found(q="oanda", action="key.") == 1
    assert found(who="olga") == 2
    assert found(source="command") == 1
    assert found(who="olga", source="command") == 0


def test_a_long_log_comes_in_pages(as_viewer: Client) -> None:
    for number in range(51):
        note("x.y", f"entry {number}")
    first = as_viewer.get(URL).content.decode()
    assert "1\u201350 of 51" in first
    assert "entry 50" in first
    assert "<b>entry 0</b>" in as_viewer.get(URL, {"page": 2}).content.decode()


def test_the_badge_says_that_the_chain_holds(as_viewer: Client) -> None:
    note("x.y", "z")
    text = as_viewer.get("/audit/chain", headers=htmx("audit-chain")).content.decode()
    assert "chain verified, 1 entry" in text
    assert "<html" in as_viewer.get("/audit/chain").content.decode()


def test_the_badge_names_the_entry_where_the_chain_breaks(as_viewer: Client) -> None:
    for number in range(3):
        note("x.y", f"entry {number}")
    as_viewer.get("/audit/chain")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER audit_append_only")
        cursor.execute("SELECT id FROM audit_auditentry WHERE object_name = 'entry 1'")
        (number,) = cursor.fetchone()
        cursor.execute("UPDATE audit_auditentry SET actor_name = 'eve' WHERE id = %s", [number])
        cursor.execute("ALTER TABLE audit_auditentry ENABLE TRIGGER audit_append_only")
    seen = as_viewer.get("/audit/chain", headers=htmx("audit-chain")).content.decode()
    assert "chain verified" in seen  # walked at most once a minute
    text = as_viewer.get("/audit/chain?afresh=1", headers=htmx("audit-chain")).content.decode()
    assert f"chain broken at entry {number}" in text
    assert "was changed after it was written" in text


def test_an_empty_log_teaches_what_fills_it(as_viewer: Client) -> None:
    assert "Nothing has been changed yet" in as_viewer.get(URL).content.decode()
    assert "No change fits" in as_viewer.get(URL, {"q": "x"}).content.decode()
