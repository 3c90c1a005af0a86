"""Changes of clients and keys: who did it is kept, and the door knows at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest import actions
from bridge_ingest.gateway import control
from bridge_ingest.models import ApiKey, Client
from market import adopt
from tests.ingest.door import Terminal, door, drain_all, tick

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN_S = 1.0


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def row(alice: User) -> Client:
    return actions.register_client(name="A", platform="mt5", actor=alice, source="page")


def issue(row: Client, **more: Any) -> actions.IssuedKey:
    told = {"scopes": ("ingest", "signals"), "actor": None, "source": "command"}
    return actions.issue_key(row, **{**told, **more})


def audited() -> list[tuple[str, str, str, str]]:
    rows = AuditEntry.objects.order_by("pk")
    return list(rows.values_list("action", "object_name", "actor_name", "source"))


async def in_thread(change: Any, *arguments: Any, **named: Any) -> Any:
    """A page or a command changes something while terminals are connected."""

    def run() -> Any:
        try:
            return change(*arguments, **named)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


async def is_ended(terminal: Terminal) -> str:
    async with asyncio.timeout(WITHIN_S):
        return str((await terminal.until("error"))["code"])


# Clients.


def test_a_registered_client_is_audited_and_can_be_given_a_key(row: Client) -> None:
    assert audited() == [("client.register", "A", "alice", "page")]
    entry = AuditEntry.objects.get()
    assert entry.after == {"platform": "mt5", "note": "", "plain_address": ""}
    assert issue(row).row.client == row


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "A"}, "already exists"),
        ({"name": " A "}, "already exists"),
        ({"name": ""}, "blank"),
        ({"name": "x" * 65}, "64 characters"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "a\0b"}, "printable"),
        ({"platform": "abacus"}, "not a valid choice"),
        ({"plain_address": "10.0.0.0/33"}, "neither an address nor a network"),
    ],
)
def test_a_client_that_is_not_sound_is_not_registered_and_not_audited(
    row: Client, fields: dict[str, str], reason: str
) -> None:
    with pytest.raises(actions.ActionRefused, match=reason):
        actions.register_client(
            **{"name": "B", "platform": "mt5", **fields}, actor=None, source="page"
        )
    assert (Client.objects.count(), AuditEntry.objects.count()) == (1, 1)


def test_a_change_is_audited_with_what_was_before(row: Client, alice: User) -> None:
    actions.update_client(row, actor=alice, source="page", note=" second desk ", platform="mt4")
    row.refresh_from_db()
    assert (row.note, row.platform) == ("second desk", "mt4")
    entry = AuditEntry.objects.get(action="client.update")
    assert entry.before == {"note": "", "platform": "mt5"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes", [{"name": "B"}, {"platform": "abacus"}, {"plain_address": "x"}, {"disabled_at": ""}]
)
def test_a_name_stays_and_a_wrong_value_changes_nothing(
    row: Client, changes: dict[str, str]
) -> None:
    with pytest.raises(actions.ActionRefused):
        actions.update_client(row, actor=None, source="page", **changes)
    assert Client.objects.values_list("name", "platform", "plain_address").get() == ("A", "mt5", "")
    assert AuditEntry.objects.count() == 1


def test_a_disabled_client_is_cut_off_at_once_and_let_in_again_when_enabled(
    row: Client, alice: User
) -> None:
    key = issue(row).text

    async def talk() -> list[str]:
        async with door() as gate, gate.terminal() as inside, gate.terminal() as outside:
            await inside.hello("A", key)
            await in_thread(actions.disable_client, row, actor=alice, source="page")
            told = [await is_ended(inside), (await outside.hello("A", key))["code"]]
            await in_thread(actions.enable_client, row, actor=alice, source="page")
            async with gate.terminal() as again:
                return [*told, (await again.hello("A", key))["type"]]

    assert asyncio.run(talk()) == ["revoked", "auth", "welcome"]
    assert [each[0] for each in audited()[2:]] == ["client.disable", "client.enable"]
    drain_all()


# Keys.


def test_an_issued_key_opens_and_its_secret_is_kept_nowhere(row: Client, alice: User) -> None:
    issued = issue(row, actor=alice, source="page")
    assert audited()[-1] == ("key.issue", f"A {issued.row.prefix}", "alice", "page")
    secret = issued.text.split("_", 2)[2]
    kept = [*ApiKey.objects.values_list(), *AuditEntry.objects.values_list()]
    assert secret not in str(kept)

    async def talk() -> str:
        async with door() as gate, gate.terminal() as terminal:
            return str((await terminal.hello("A", issued.text))["type"])

    assert asyncio.run(talk()) == "welcome"
    drain_all()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"scopes": ()}, "at least one scope"),
        ({"scopes": ("fly",)}, "not a valid choice"),
        ({"allowed_addresses": ("10.0.0.0/33",)}, "10.0.0.0/33 is neither"),
        ({"allowed_addresses": ("2001:db8::/129",)}, "2001:db8::/129 is neither"),
    ],
)
def test_a_key_that_is_not_sound_is_not_issued(
    row: Client, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(actions.ActionRefused, match=reason):
        issue(row, **fields)
    assert (ApiKey.objects.count(), AuditEntry.objects.count()) == (0, 1)


@pytest.mark.django_db
def test_a_scope_named_twice_is_given_once(row: Client) -> None:
    assert issue(row, scopes=("read", "ingest", "read")).row.scopes == ["read", "ingest"]


def test_a_rotated_key_goes_on_for_the_overlap_beside_its_successor_and_then_ends(
    row: Client, alice: User
) -> None:
    old = issue(row, allowed_addresses=("127.0.0.0/8",), scopes=("ingest",))
    overlap = timedelta(hours=1)
    new = actions.rotate_key(old.row, overlap=overlap, actor=alice, source="page")
    assert (new.row.scopes, new.row.allowed_addresses) == (["ingest"], ["127.0.0.0/8"])
    assert [each[0] for each in audited()[-2:]] == ["key.issue", "key.rotate"]

    async def talk() -> list[str]:
        async with door() as gate, gate.terminal() as one, gate.terminal() as two:
            told = [(await one.hello("A", old.text, "s1"))["type"]]
            told += [(await two.hello("A", new.text, "s2"))["type"]]
            await in_thread(_end_overlap, old.row.pk)
            await control.end_inactive_keys(gate.bridge)
            told += [await is_ended(one)]
            two.send(tick(1))
            told += [(await two.until("ack"))["type"]]
            async with gate.terminal() as late:
                return [*told, (await late.hello("A", old.text, "s1"))["code"]]

    assert asyncio.run(talk()) == ["welcome", "welcome", "expired", "ack", "expired"]
    drain_all()


def _end_overlap(pk: int) -> None:
    row = ApiKey.objects.get(pk=pk)
    assert timedelta(minutes=59) < row.expires_at - timezone.now() <= timedelta(hours=1)  # type: ignore[operator]
    ApiKey.objects.filter(pk=pk).update(expires_at=timezone.now())


@pytest.mark.django_db
def test_an_overlap_never_lengthens_a_keys_life(row: Client) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    old = issue(row, expires_at=soon).row
    actions.rotate_key(old, overlap=timedelta(days=7), actor=None, source="page")
    old.refresh_from_db()
    assert old.expires_at == soon


@pytest.mark.django_db
def test_a_key_is_rotated_once_and_only_while_it_lives(row: Client) -> None:
    old = issue(row).row
    new = actions.rotate_key(old, overlap=timedelta(hours=1), actor=None, source="page").row
    with pytest.raises(actions.ActionRefused, match="rotate its successor"):
        actions.rotate_key(old, overlap=timedelta(hours=1), actor=None, source="page")
    actions.revoke_key(new, actor=None, source="page")
    for change in (
        actions.revoke_key,
        lambda key, **of: actions.rotate_key(key, overlap=timedelta(0), **of),
    ):
        with pytest.raises(actions.ActionRefused, match="no longer active"):
            change(new, actor=None, source="page")
    assert ApiKey.objects.count() == 2


@pytest.mark.django_db
def test_a_key_rotated_without_overlap_ends_at_once(row: Client) -> None:
    old = issue(row).row
    actions.rotate_key(old, overlap=timedelta(0), actor=None, source="page")
    old.refresh_from_db()
    assert not old.is_active


def test_a_revoked_key_ends_its_sessions_within_a_second_and_no_other_keys(
    row: Client, alice: User
) -> None:
    one, other = issue(row), issue(row)

    async def talk() -> list[str]:
        async with door() as gate, gate.terminal() as first, gate.terminal() as second:
            await first.hello("A", one.text, "s1")
            await second.hello("A", other.text, "s2")
            await in_thread(actions.revoke_key, one.row, actor=alice, source="page")
            told = [await is_ended(first)]
            second.send({"type": "ping", "t": 1})
            told += [(await second.until("pong"))["type"]]
            async with gate.terminal() as again:
                return [*told, (await again.hello("A", one.text, "s1"))["code"]]

    assert asyncio.run(talk()) == ["revoked", "pong", "revoked"]
    assert audited()[-1][:3] == ("key.revoke", f"A {one.row.prefix}", "alice")
    drain_all()
