"""Who may do what: one table, asked by views before they act and by templates before they offer.

Looking needs a sign-in and nothing more. Everything that changes something stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard.roles import ADMIN, OPERATOR, RANKS, has_role, role_of

Given = ParamSpec("Given")
View = Callable[Concatenate[HttpRequest, Given], HttpResponse]


class Act(StrEnum):
    """What a person can do on the pages, beyond looking."""

    HANDLE_ALERTS = "handle_alerts"
    PUSH_SIGNALS = "push_signals"
    MANAGE_CLIENTS = "manage_clients"
    SEE_KEYS = "see_keys"
    IMPORT_HISTORY = "import_history"
    SET_RULES = "set_rules"
    SET_STRATEGIES = "set_strategies"
    MANAGE_USERS = "manage_users"


MATRIX: dict[Act, str] = {
    Act.HANDLE_ALERTS: OPERATOR,  # acknowledge, note, silence, assign, resolve
    Act.PUSH_SIGNALS: OPERATOR,  # push, expire early
    Act.MANAGE_CLIENTS: OPERATOR,  # register, change, disable; issue, rotate and revoke keys
    Act.SEE_KEYS: OPERATOR,  # prefixes and scopes; the keys themselves nobody sees again
    Act.IMPORT_HISTORY: OPERATOR,  # upload, cancel, undo
    Act.SET_RULES: ADMIN,
    Act.SET_STRATEGIES: ADMIN,
    Act.MANAGE_USERS: ADMIN,
}
"""The lowest role that may do each act."""


def may(user: AbstractUser | AnonymousUser) -> dict[str, bool]:
    """For templates: `{% if may.push_signals %}`. One query."""
    rank = RANKS.index(role_of(user))
    return {act.value: rank >= RANKS.index(role) for act, role in MATRIX.items()}


def requires(act: Act) -> Callable[[View[Given]], View[Given]]:
    """Let a view be used by those who may `act`; others get a 403 that says whom to ask."""
    role = MATRIX[act]

    def wrap(view: View[Given]) -> View[Given]:
        @wraps(view)
        @login_required
        def guarded(
            request: HttpRequest, /, *args: Given.args, **kwargs: Given.kwargs
        ) -> HttpResponse:
            if has_role(request.user, role):
                return view(request, *args, **kwargs)
            return _deny(request, f"This needs the role {role}. Ask an admin for it.")

        return guarded

    return wrap


def act_view(act: Act) -> Callable[[View[Given]], View[Given]]:
    """A view that changes something: POST only, and only by those who may."""

    def wrap(view: View[Given]) -> View[Given]:
        return require_POST(requires(act)(view))

    return wrap


def _deny(request: HttpRequest, reason: str) -> HttpResponse:
    """htmx shows a short text where the act was clicked; a browser gets the page for 403."""
    if request.headers.get("HX-Request"):
        return HttpResponse(reason, status=403, content_type="text/plain; charset=utf-8")
    raise PermissionDenied(reason)
