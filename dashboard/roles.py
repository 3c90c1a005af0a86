"""Who may do what on the pages: viewers look, operators act, admins also decide who may."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
RANKS = (VIEWER, OPERATOR, ADMIN)

Given = ParamSpec("Given")
View = Callable[Concatenate[HttpRequest, Given], HttpResponse]


def role_of(user: AbstractUser | AnonymousUser) -> str:
    """The highest role among the user's groups; superusers are admins, everybody else a viewer."""
    if user.is_superuser:
        return ADMIN
    names = set(user.groups.values_list("name", flat=True)) if user.pk else set()
    return next((rank for rank in reversed(RANKS) if rank in names), VIEWER)


def has_role(user: AbstractUser | AnonymousUser, role: str) -> bool:
    return RANKS.index(role_of(user)) >= RANKS.index(role)


def role_required(role: str) -> Callable[[View[Given]], View[Given]]:
    """Let a view be used by `role` and above. Others get a 403 that says whom to ask."""

    def wrap(view: View[Given]) -> View[Given]:
        @wraps(view)
        @login_required
        def guarded(
            request: HttpRequest, /, *args: Given.args, **kwargs: Given.kwargs
        ) -> HttpResponse:
            if not has_role(request.user, role):
                raise PermissionDenied(f"This needs the role {role}. Ask an admin for it.")
            return view(request, *args, **kwargs)

        return guarded

    return wrap
