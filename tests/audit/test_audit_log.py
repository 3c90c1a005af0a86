"""The log on real PostgreSQL: append-only, chained, in the caller's transaction."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from audit.actions import record
from audit.chain import GENESIS
from audit.models import AuditEntry
from audit.verify import verify_chain

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


def write(count: int, actor: User | None = None) -> list[AuditEntry]:
    group = Group(pk=1, name="operator")
    return [
        record(actor=actor, action="group.note", object=group, after={"n": n}, source="page")
        for n in range(count)
    ]


def tamper(statement: str, entry: AuditEntry) -> None:
    """What someone with the database's own rights could do: the trigger off, a row changed."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER audit_append_only")
        cursor.execute(f"{statement} WHERE id = %s", [entry.pk])
        cursor.execute("ALTER TABLE audit_auditentry ENABLE TRIGGER audit_append_only")


def test_an_entry_says_who_did_what_to_which_object(alice: User) -> None:
    entry = record(
        actor=alice, action="group.rename", object=Group(pk=4, name="viewer"),
        before={"name": "reader"}, after={"name": "viewer"}, source="page",
    )  # fmt: skip
    stored = AuditEntry.objects.get()
    assert stored == entry
    assert (stored.actor_id, stored.actor_name, stored.source) == (alice.pk, "alice", "page")
    assert (stored.object_type, stored.object_id) == ("auth.group", "4")
    assert (stored.object_name, stored.before) == ("viewer", {"name": "reader"})


@pytest.mark.parametrize(
    ("source", "name"), [("automatic", "the bridge"), ("command", "command line")]
)
def test_a_change_without_a_user_names_what_made_it(source: str, name: str) -> None:
    entry = record(actor=None, action="x", object=Group(pk=1, name="g"), source=source)
    assert entry.actor_name == name


def test_datetimes_and_uuids_are_stored_as_text() -> None:
    after = {"at": datetime(2026, 1, 2, tzinfo=UTC), "id": UUID(int=5)}
    entry = record(actor=None, action="x", object=Group(pk=1), after=after, source="api")
    assert entry.after == {"at": "2026-01-02T00:00:00Z", "id": str(UUID(int=5))}
    assert verify_chain().intact


def test_an_unknown_source_and_a_number_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="source must be one of"):
        record(actor=None, action="x", object=Group(pk=1), source="browser")
    with pytest.raises(ValueError, match="JSON compliant"):
        record(actor=None, action="x", object=Group(pk=1), after=float("nan"), source="page")
    assert not AuditEntry.objects.exists()


def test_each_entry_carries_the_digest_of_the_one_before() -> None:
    entries = write(3)
    assert [entry.previous_digest for entry in entries] == [
        GENESIS, entries[0].digest, entries[1].digest,
    ]  # fmt: skip


def test_a_refused_change_leaves_no_entry_and_the_chain_goes_on() -> None:
    write(1)
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)
    write(1)
    report = verify_chain()
    assert (report.entries, report.intact) == (2, True)


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries.update(action="nothing.happened"),
        lambda entries: entries.delete(),
        lambda entries: entries[0].save(),
    ],
)
def test_postgres_refuses_to_change_or_delete_an_entry(change: Callable[..., object]) -> None:
    write(1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change(AuditEntry.objects.order_by("id"))
    assert AuditEntry.objects.get().action == "group.note"


def test_a_deleted_user_stays_in_the_log_by_name_and_number(alice: User) -> None:
    write(1, alice)
    number = alice.pk
    alice.delete()
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.actor_name) == (number, "alice")
    assert verify_chain().intact


def test_an_empty_log_is_an_unbroken_chain() -> None:
    report = verify_chain()
    assert (report.entries, report.head, report.intact) == (0, GENESIS, True)


def test_a_changed_entry_is_named() -> None:
    entries = write(5)
    tamper("UPDATE audit_auditentry SET actor_name = 'mallory'", entries[2])
    report = verify_chain()
    assert report.broken is not None
    assert (report.broken.entry_id, report.entries) == (entries[2].pk, 2)
    assert "changed" in report.broken.reason


def test_a_removed_entry_is_noticed_at_the_one_after_it() -> None:
    entries = write(5)
    tamper("DELETE FROM audit_auditentry", entries[2])
    broken = verify_chain().broken
    assert broken is not None
    assert broken.entry_id == entries[3].pk


def test_a_cut_off_end_is_noticed_against_a_head_noted_earlier() -> None:
    entries = write(3)
    head = verify_chain().head
    tamper("DELETE FROM audit_auditentry", entries[2])
    assert verify_chain().intact
    broken = verify_chain(noted_head=head).broken
    assert broken is not None
    assert broken.entry_id == entries[1].pk


def test_the_command_prints_the_head_and_fails_at_a_break() -> None:
    entries = write(2)
    printed = StringIO()
    call_command("verify_audit", "--json", stdout=printed)
    assert json.loads(printed.getvalue()) == {
        "intact": True, "entries": 2, "head": entries[1].digest, "broken": None,
    }  # fmt: skip
    tamper("UPDATE audit_auditentry SET action = 'x'", entries[0])
    printed = StringIO()
    with pytest.raises(SystemExit) as exit_code:
        call_command("verify_audit", stdout=printed)
    assert exit_code.value.code == 1
    assert f"Broken at entry {entries[0].pk}" in printed.getvalue()


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        write(1)


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_make_one_chain() -> None:
    start = threading.Barrier(4)

    def writer() -> None:
        start.wait()
        for _ in range(25):
            with transaction.atomic():
                write(1)
        connection.close()

    threads = [threading.Thread(target=writer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = verify_chain()
    assert (report.entries, report.intact) == (100, True)
