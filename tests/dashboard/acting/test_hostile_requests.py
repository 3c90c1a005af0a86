"""Whatever stands in a query or a form, a page refuses it or shows something; none fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from market.models import Instrument
from tests.dashboard.acting.test_access import (  # noqa: F401 - a fixture
    DOORS,
    Door,
    address,
    subjects,
)

pytestmark = pytest.mark.django_db

NAMES = [
    "act", "action", "active", "afresh", "assignee", "by", "client", "code", "days", "direction",
    "disabled", "duration", "exchange", "feed", "from", "ids", "instrument", "item", "kind",
    "limit", "maximum", "mine", "name", "note", "of", "one", "order", "owner", "page", "password",
    "path", "person", "platform", "price", "q", "query", "reason", "role", "rule", "scopes",
    "silenced", "sort", "source", "state", "step", "symbol", "text", "to", "token", "until",
    "username", "who", "zone",
]  # fmt: skip
VALUES = ("\0", "a\0b", "", "-1", "9" * 30, "\u0663", "nan", "'\"<%s>{{x}}", "x" * 3000)
OTHERS = tuple(
    Door(name, "viewer", subject=subject)
    for name, subject in [
        ("overview", ""), ("instruments", ""), ("instrument", "instrument"),
        ("instrument-beside", "instrument"), ("instrument-deviations", "instrument"),
        ("instrument-markers", "instrument"), ("search", ""), ("imports", ""), ("about", ""),
        ("health", ""),
    ]
)  # fmt: skip


@pytest.mark.parametrize("door", DOORS + OTHERS, ids=lambda door: door.name)
def test_no_value_makes_a_page_fail(
    door: Door,
    subjects: dict[str, Any],  # noqa: F811
    as_admin: Client,
) -> None:
    there = address(door, subjects | {"instrument": Instrument.objects.get().pk})
    for value in VALUES:
        sent = dict.fromkeys(NAMES, value)
        for answer in (as_admin.get(there, sent), as_admin.post(there, sent)):
            assert answer.status_code < 500, value


@pytest.mark.parametrize("path", ["/api/v1/symbols?symbol=%00", "/api/v1/search?exchange=a%00"])
def test_a_chart_is_told_of_a_zero_byte_in_its_own_way(path: str, as_admin: Client) -> None:
    answer = as_admin.get(path)
    assert answer.status_code == 400
    assert answer.json() == {"s": "error", "errmsg": "A zero byte stands in the address."}


def test_a_person_is_shown_a_page_that_says_so(as_admin: Client) -> None:
    answer = as_admin.get(reverse("dashboard:audit"), {"q": "\0"})
    assert answer.status_code == 400
    assert "The request is malformed" in answer.content.decode()


def test_a_name_with_a_zero_byte_signs_nobody_in() -> None:
    given = {"username": "a\0", "password": "b\0"}
    answer = Client().post("/sign-in", given, headers={"user-agent": "c\0"})
    assert answer.status_code == 200
    assert "Null characters are not allowed" in answer.content.decode()


def test_a_cookie_with_a_zero_byte_is_none() -> None:
    stranger = Client(headers={"cookie": r'sessionid="abcdefghijkl\000"'})
    assert stranger.get("/")["Location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "door", [door for door in DOORS if door.subject], ids=lambda door: door.name
)
def test_a_number_that_nothing_has_is_not_found(
    door: Door,
    subjects: dict[str, Any],  # noqa: F811
    as_admin: Client,
) -> None:
    there = address(door, subjects)
    # A session is named by a UUID, which has no such numbers.
    if str(subjects[door.subject]).isdecimal():
        there = there.replace(str(subjects[door.subject]), "9" * 30, 1)
        assert as_admin.get(there).status_code in (404, 405)
        assert as_admin.post(there, {}).status_code < 500
