"""Every change to who may sign in: one transaction, one audit entry."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from audit import actions as audit
from dashboard.roles import ADMIN, RANKS, role_of


class PersonRefused(Exception):
    """The change can't be made; the text says why and what to do."""


@transaction.atomic
def create_user(*, name: str, role: str, password: str, actor: User | None, source: str) -> User:
    """Raises PersonRefused when the name is taken or odd, the role unknown, the password weak."""
    name = name.strip()
    _check(name, role, password)
    user = User.objects.create_user(name, password=password)
    user.groups.add(_group(role))
    audit.record(
        actor=actor, action="user.create", object=user, after={"role": role}, source=source
    )
    return user


@transaction.atomic
def set_role(*, user: User, role: str, actor: User | None, source: str) -> User:
    """Raises PersonRefused for an unknown role, or when no admin would be left."""
    _check_role(role)
    if role != ADMIN:
        _keep_an_admin(user)
    locked = User.objects.select_for_update().get(pk=user.pk)
    before = role_of(locked)
    locked.groups.remove(*Group.objects.filter(name__in=RANKS))
    locked.groups.add(_group(role))
    audit.record(
        actor=actor, action="user.role", object=locked, before={"role": before},
        after={"role": role}, source=source,
    )  # fmt: skip
    return locked


@transaction.atomic
def set_active(*, user: User, active: bool, actor: User | None, source: str) -> User:
    """Let a person in or keep them out; sessions of one who is kept out end with the next request.

    Raises PersonRefused when no admin would be left.
    """
    if not active:
        _keep_an_admin(user)
    locked = User.objects.select_for_update().get(pk=user.pk)
    locked.is_active = active
    locked.save(update_fields=["is_active"])
    action = "user.activate" if active else "user.deactivate"
    audit.record(actor=actor, action=action, object=locked, source=source)
    return locked


@transaction.atomic
def set_password(*, user: User, password: str, actor: User | None, source: str) -> User:
    """A new password; it ends the person's sessions. Raises PersonRefused for a weak one."""
    _check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(actor=actor, action="user.password", object=user, source=source)
    return user


def _check(name: str, role: str, password: str) -> None:
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError as error:
        raise PersonRefused(" ".join(error.messages)) from None
    if len(name) > 150:
        raise PersonRefused("A name has 150 characters at most.")
    if User.objects.filter(username__iexact=name).exists():
        raise PersonRefused(f"Somebody is called {name} already.")
    _check_role(role)
    _check_password(password, User(username=name))


def _check_role(role: str) -> None:
    if role not in RANKS:
        raise PersonRefused(f"A role is one of {', '.join(RANKS)}.")


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PersonRefused(" ".join(error.messages)) from None


def _keep_an_admin(leaving: User) -> None:
    """The last person who may appoint others can't be demoted or kept out."""
    admins = User.objects.filter(Q(groups__name=ADMIN) | Q(is_superuser=True), is_active=True)
    # Two admins who demote each other at the same moment must not both succeed: lock them all,
    # then look again, since membership lies in other rows than the ones that were waited for.
    list(User.objects.select_for_update().filter(pk__in=admins.values("pk")).order_by("pk"))
    if set(admins.values_list("pk", flat=True)) == {leaving.pk}:
        raise PersonRefused(f"{leaving.username} is the only admin. Make another one first.")


def _group(role: str) -> Group:
    return Group.objects.get_or_create(name=role)[0]
