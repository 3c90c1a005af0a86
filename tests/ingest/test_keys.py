"""Keys: their shape, and what each of their limits keeps out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from bridge_ingest import actions, keys
from bridge_ingest.models import ApiKey, Client, Scope

pytestmark = pytest.mark.django_db
ONE, TWO = "a" * 40, "b" * 40


@pytest.fixture
def client_row() -> Client:
    return Client.objects.create(name="A", platform="mt5")


def issue(client: Client, **more: Any) -> actions.IssuedKey:
    told = {"scopes": [Scope.INGEST], "actor": None, "source": "command"}
    return actions.issue_key(client, **{**told, **more})


def code_of(text: str, scope: Scope = Scope.INGEST, peer: str | None = None) -> str:
    """The code by which a key is refused, or `opens`."""
    try:
        keys.authenticate(text, scope, peer)
    except keys.KeyRefused as refused:
        return refused.code
    return "opens"


def peppered(peppers: dict[int, str]) -> override_settings:
    return override_settings(FKS=replace(settings.FKS, key_peppers=peppers))


def test_a_key_tells_its_public_id_and_256_bits_that_nobody_knows() -> None:
    made = [keys.generate() for _ in range(200)]
    assert len({each.text for each in made}) == len({each.public_id for each in made}) == 200
    for each in made:
        assert re.fullmatch(r"fks_[a-km-np-z2-9]{10}_[\w-]{43}", each.text)
        assert each.text.split("_")[1] == each.public_id
        assert re.fullmatch(r"[0-9a-f]{64}", each.digest)


def test_a_key_is_found_by_its_public_id_in_one_query(
    client_row: Client, django_assert_num_queries: Any
) -> None:
    issued = [issue(client_row) for _ in range(5)]
    with django_assert_num_queries(1):
        assert keys.find(issued[3].text) == issued[3].row


def test_another_keys_secret_under_this_public_id_opens_nothing(client_row: Client) -> None:
    one, other = issue(client_row), issue(client_row)
    mixed = f"{one.row.prefix}_{other.text.split('_', 2)[2]}"
    assert [code_of(each) for each in (one.text, mixed, one.text[:-1])] == ["opens", "auth", "auth"]
    assert code_of(one.text.replace("fks_", "FKS_")) == "auth"


@given(st.one_of(st.text(max_size=60), st.text(max_size=20).map(lambda each: f"fks_{each}_x")))
def test_any_text_that_is_no_key_is_refused_as_unknown(text: str) -> None:
    assert code_of(text.encode("utf-8", "replace").decode()) == "auth"


def test_after_a_pepper_is_added_old_keys_open_until_it_is_retired(client_row: Client) -> None:
    with peppered({1: ONE}):
        old = issue(client_row)
    with peppered({1: ONE, 2: TWO}):
        new = issue(client_row)
        assert (old.row.pepper, new.row.pepper) == (1, 2)
        assert [code_of(old.text), code_of(new.text)] == ["opens", "opens"]
    with peppered({2: TWO}):
        assert [code_of(old.text), code_of(new.text)] == ["auth", "opens"]
    with peppered({1: TWO, 2: ONE}):
        assert [code_of(old.text), code_of(new.text)] == ["auth", "auth"]


def test_a_key_opens_until_the_moment_at_which_it_expires(client_row: Client) -> None:
    now = timezone.now()
    past = issue(client_row, expires_at=now)
    ahead = issue(client_row, expires_at=now + timedelta(minutes=1))
    assert [code_of(past.text), code_of(ahead.text)] == ["expired", "opens"]


def test_a_revoked_key_says_so_though_it_has_also_expired(client_row: Client) -> None:
    issued = issue(client_row)
    moment = timezone.now()
    ApiKey.objects.filter(pk=issued.row.pk).update(revoked_at=moment, expires_at=moment)
    assert code_of(issued.text) == "revoked"


@pytest.mark.parametrize("scope", list(Scope))
def test_a_key_opens_what_its_scopes_name_and_nothing_else(
    client_row: Client, scope: Scope
) -> None:
    issued = issue(client_row, scopes=[scope])
    opened = [each for each in Scope if code_of(issued.text, each) == "opens"]
    assert opened == [scope]
    assert {code_of(issued.text, each) for each in Scope if each != scope} == {"scope"}


V4 = ["192.0.2.7", "10.0.0.0/8"]
V6 = ["2001:db8::/32", "fe80::1"]


@pytest.mark.parametrize(
    ("networks", "peer", "code"),
    [
        ([], "203.0.113.9", "opens"),
        (V4, "192.0.2.7", "opens"),
        (V4, "192.0.2.8", "ip"),
        (V4, "10.255.255.255", "opens"),
        (V4, "11.0.0.0", "ip"),
        (V4, "::ffff:10.1.2.3", "opens"),
        (V4, "::ffff:11.1.2.3", "ip"),
        (V4, "::1", "ip"),
        (V6, "2001:db8:1::5", "opens"),
        (V6, "2001:db9::5", "ip"),
        (V6, "fe80::1", "opens"),
        (V6, "fe80::2", "ip"),
        (V6, "10.1.2.3", "ip"),
        (["10.1.2.3/8"], "10.9.9.9", "opens"),
        (["0.0.0.0/0"], "8.8.8.8", "opens"),
        (["0.0.0.0/0"], "2001:db8::1", "ip"),
        (V4, "unknown", "ip"),
        (V4, None, "opens"),
    ],
)
def test_a_key_opens_from_its_addresses_only(
    client_row: Client, networks: list[str], peer: str | None, code: str
) -> None:
    issued = issue(client_row, allowed_addresses=networks)
    assert code_of(issued.text, peer=peer) == code


def test_the_last_use_is_written_at_most_once_a_minute(
    client_row: Client, django_assert_num_queries: Any
) -> None:
    issued = issue(client_row)
    assert issued.row.last_used_at is None
    with django_assert_num_queries(2):
        keys.authenticate(issued.text, Scope.INGEST)
    with django_assert_num_queries(1):
        keys.authenticate(issued.text, Scope.INGEST)
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    with django_assert_num_queries(2):
        keys.authenticate(issued.text, Scope.INGEST)


def test_a_refused_key_is_not_noted_as_used(client_row: Client) -> None:
    issued = issue(client_row)
    assert code_of(issued.text, Scope.READ) == "scope"
    issued.row.refresh_from_db()
    assert issued.row.last_used_at is None
