"""People: made, given roles, kept out; and the command that does it."""

from __future__ import annotations

import io
import json
import threading

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from audit.models import AuditEntry
from dashboard import people
from dashboard.people import PersonRefused
from dashboard.roles import role_of
from tests.dashboard import world
from tests.dashboard.acting.conftest import htmx

pytestmark = pytest.mark.django_db


GOOD = "tk-9f2-mmo"


def create(name: str = "bob", role: str = "operator", password: str = GOOD) -> User:
    return people.create_user(name=name, role=role, password=password, actor=None, source="command")


def test_a_person_is_made_with_a_role_and_stands_in_the_log_without_the_password() -> None:
    user = create()
    assert role_of(user) == "operator"
    assert user.check_password("tk-9f2-mmo")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_name, entry.after) == (
        "user.create", "bob", {"role": "operator"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "role", "password", "reason"),
    [
        ("bob", "operator", "short", "too short"),
        ("bob", "operator", "password", "too common"),
        ("bob", "king", "tk-9f2-mmo", "A role is one of"),
        ("bob smith", "viewer", "tk-9f2-mmo", "Enter a valid username"),
        ("", "viewer", "tk-9f2-mmo", "Enter a valid username"),
        ("b" * 151, "viewer", "tk-9f2-mmo", "150 characters"),
    ],
)
def test_what_is_wrong_with_a_new_person_is_said(
    name: str, role: str, password: str, reason: str
) -> None:
    with pytest.raises(PersonRefused, match=reason):
        create(name, role, password)
    assert not User.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_name_is_taken_whatever_its_case() -> None:
    create("bob")
    with pytest.raises(PersonRefused, match="Somebody is called"):
        create("BOB")


def test_a_new_role_replaces_the_old_one_and_leaves_other_groups_alone(admin: User) -> None:
    user = create()
    other = Group.objects.create(name="night shift")
    user.groups.add(other)
    people.set_role(user=user, role="viewer", actor=admin, source="page")
    assert set(user.groups.values_list("name", flat=True)) == {"viewer", "night shift"}
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.before, entry.after) == ({"role": "operator"}, {"role": "viewer"})


def test_the_last_admin_can_be_neither_demoted_nor_kept_out(admin: User) -> None:
    with pytest.raises(PersonRefused, match="only admin"):
        people.set_role(user=admin, role="viewer", actor=admin, source="page")
    with pytest.raises(PersonRefused, match="only admin"):
        people.set_active(user=admin, active=False, actor=admin, source="page")
    create("second", "admin")
    people.set_role(user=admin, role="viewer", actor=admin, source="page")
    assert role_of(admin) == "viewer"


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_leave_one() -> None:
    pair = [world.person("ann", "admin"), world.person("ben", "admin")]
    refused: list[str] = []
    start = threading.Barrier(2)

    def demote(user: User) -> None:
        start.wait()
        try:
            people.set_role(user=user, role="viewer", actor=None, source="command")
        except PersonRefused as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=[user]) for user in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert sorted(role_of(user) for user in pair) == ["admin", "viewer"]


def test_the_command_makes_a_person_with_a_random_password() -> None:
    printed = io.StringIO()
    call_command("create_operator", "bob", "--role", "admin", "--random", "--json", stdout=printed)
    told = json.loads(printed.getvalue())
    assert (told["user"], told["role"]) == ("bob", "admin")
    assert User.objects.get().check_password(told["password"])


def test_the_command_reads_a_password_and_does_not_print_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("tk-9f2-mmo\n"))
    printed = io.StringIO()
    call_command("create_operator", "bob", "--password-stdin", stdout=printed)
    assert "tk-9f2-mmo" not in printed.getvalue()
    user = User.objects.get()
    assert user.check_password("tk-9f2-mmo")
    assert role_of(user) == "operator"


def test_the_command_says_what_is_wrong() -> None:
    create("bob")
    with pytest.raises(CommandError, match="Somebody is called bob already"):
        call_command("create_operator", "bob", "--random")


def test_the_page_shows_a_new_password_once(as_admin: Client) -> None:
    answer = as_admin.post(
        reverse("dashboard:person-new"), {"name": "bob", "role": "viewer"},
        headers=htmx("dialog-slot"),
    )  # fmt: skip
    secret = answer.context["secret"]
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert User.objects.get(username="bob").check_password(secret)
    assert secret not in as_admin.get(reverse("dashboard:people")).content.decode()


def test_a_refused_person_comes_back_with_the_reason_beside_the_name(as_admin: Client) -> None:
    answer = as_admin.post(
        reverse("dashboard:person-new"), {"name": "ada", "role": "viewer"}, headers=htmx()
    )
    assert answer.status_code == 422
    assert "Somebody is called ada already." in answer.content.decode()


def test_keeping_somebody_out_ends_their_session(as_admin: Client, operator: User) -> None:
    theirs = Client()
    theirs.force_login(operator)
    url = reverse("dashboard:person-active", args=[operator.pk])
    answer = as_admin.post(url, {"active": "0"}, headers=htmx())
    assert answer.status_code == 200
    assert "kept out" in answer.content.decode()
    assert theirs.get(reverse("dashboard:alerts")).status_code == 302
    as_admin.post(url, {"active": "1"})
    operator.refresh_from_db()
    assert operator.is_active


def test_the_page_refuses_to_leave_the_bridge_without_an_admin(
    as_admin: Client, admin: User
) -> None:
    url = reverse("dashboard:person-active", args=[admin.pk])
    answer = as_admin.post(url, {"active": "0"}, headers=htmx())
    assert answer.status_code == 409
    assert answer.content.decode() == "ada is the only admin. Make another one first."


def test_a_role_is_set_on_the_page(as_admin: Client, viewer: User) -> None:
    url = reverse("dashboard:person-role", args=[viewer.pk])
    assert 'value="viewer"' in as_admin.get(url, headers=htmx()).content.decode()
    answer = as_admin.post(url, {"role": "operator"}, headers=htmx())
    assert 'hx-swap-oob="true"' in answer.content.decode()
    assert role_of(viewer) == "operator"


def test_a_new_password_signs_the_person_out(as_admin: Client, operator: User) -> None:
    theirs = Client()
    theirs.force_login(operator)
    answer = as_admin.post(reverse("dashboard:person-password", args=[operator.pk]))
    operator.refresh_from_db()
    assert operator.check_password(answer.context["secret"])
    assert theirs.get(reverse("dashboard:alerts")).status_code == 302


def test_everybody_changes_their_own_password(as_viewer: Client, viewer: User) -> None:
    url = reverse("dashboard:own-password")
    good = {"current": "correct horse", "new": "tk-9f2-mmo", "again": "tk-9f2-mmo"}
    wrong = as_viewer.post(url, good | {"current": "wrong"}, headers=htmx())
    assert "This is not your password." in wrong.content.decode()
    differs = as_viewer.post(url, good | {"again": "other-word-7"}, headers=htmx())
    assert "The two differ." in differs.content.decode()
    weak = as_viewer.post(url, good | {"new": "12345678", "again": "12345678"}, headers=htmx())
    assert "too common" in weak.content.decode()
    assert as_viewer.post(url, good, headers=htmx()).status_code == 200
    viewer.refresh_from_db()
    assert viewer.check_password("tk-9f2-mmo")
    assert as_viewer.get(reverse("dashboard:alerts")).status_code == 200
