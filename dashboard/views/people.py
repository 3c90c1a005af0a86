"""People: who may sign in, with which role. For admins; one's own password is everybody's."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from dashboard import people
from dashboard.acting import acting_user
from dashboard.answers import changed, dialog, page, refused, sent
from dashboard.forms.people import OwnPasswordForm, PersonForm, RoleForm
from dashboard.permissions import Act, act_view, requires
from dashboard.roles import RANKS, VIEWER, role_of


@require_safe
@requires(Act.MANAGE_USERS)
def users(request: HttpRequest) -> HttpResponse:
    return page(request, "dashboard/settings/people.html", _list())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_USERS)
def create(request: HttpRequest) -> HttpResponse:
    """A new person with a password made here, shown once."""
    form = PersonForm(sent(request))
    if request.method == "POST" and form.is_valid():
        password = secrets.token_urlsafe(12)
        try:
            user = people.create_user(
                name=form.cleaned_data["name"],
                role=form.cleaned_data["role"],
                password=password,
                actor=acting_user(request),
                source="page",
            )
        except people.PersonRefused as error:
            form.add_error("name", str(error))
        else:
            return _show_password(request, user, password)
    context = {"form": form, "title": "Let somebody in", "word": "Make the user", "back": _url()}
    return dialog(request, "dashboard/form.html", context, 422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_USERS)
def role(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    form = RoleForm(sent(request), initial={"role": role_of(user)})
    if request.method == "POST" and form.is_valid():
        try:
            people.set_role(
                user=user,
                role=form.cleaned_data["role"],
                actor=acting_user(request),
                source="page",
            )
        except people.PersonRefused as error:
            return refused(request, str(error), _url())
        return _renewed(request, f"{user} is {form.cleaned_data['role']} now.")
    context = {"form": form, "title": f"Role of {user}", "word": "Set the role", "back": _url()}
    return dialog(request, "dashboard/form.html", context, 422 if form.is_bound else 200)


@act_view(Act.MANAGE_USERS)
def active(request: HttpRequest, pk: int) -> HttpResponse:
    """Let in or keep out, as `active` says (1 or 0)."""
    user = get_object_or_404(User, pk=pk)
    let_in = request.POST.get("active") == "1"
    try:
        people.set_active(user=user, active=let_in, actor=acting_user(request), source="page")
    except people.PersonRefused as error:
        return refused(request, str(error), _url())
    return _renewed(request, f"{user} may {'sign in again' if let_in else 'no longer sign in'}.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_USERS)
def new_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first; then a password made here, shown once."""
    user = get_object_or_404(User, pk=pk)
    if request.method == "POST":
        password = secrets.token_urlsafe(12)
        people.set_password(user=user, password=password, actor=acting_user(request), source="page")
        return _show_password(request, user, password)
    context = {
        "title": f"New password for {user}?",
        "text": "The old one opens nothing from now on, and whoever is signed in with it is signed "
        "out. The new one is made now and shown once.",
        "word": "Make a new password",
        "back": _url(),
    }
    return dialog(request, "dashboard/confirm.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def own_password(request: HttpRequest) -> HttpResponse:
    form = OwnPasswordForm(sent(request))
    user = acting_user(request)
    if request.method == "POST" and form.is_valid():
        if not user.check_password(form.cleaned_data["current"]):
            form.add_error("current", "This is not your password.")
        else:
            try:
                people.set_password(
                    user=user, password=form.cleaned_data["new"], actor=user, source="page"
                )
            except people.PersonRefused as error:
                form.add_error("new", str(error))
            else:
                update_session_auth_hash(request, user)  # this session goes on, others end
                return changed(
                    request, "Your password is changed.", _settings(), "dashboard/nothing.html", {}
                )
    context = {"form": form, "title": "Your password", "word": "Change it", "back": _settings()}
    return dialog(request, "dashboard/form.html", context, 422 if form.is_bound else 200)


def _show_password(request: HttpRequest, user: User, password: str) -> HttpResponse:
    context = {
        "title": f"The password of {user}",
        "person": user,
        "secret": password,
        "back": _url(),
        **_list(),
    }
    return dialog(request, "dashboard/settings/password_made.html", context)


def _renewed(request: HttpRequest, text: str) -> HttpResponse:
    return changed(request, text, _url(), "dashboard/settings/people_list.html", _list())


def _list() -> dict[str, Any]:
    """Everybody with the role they have, in two queries."""
    rows = User.objects.prefetch_related("groups").order_by("-is_active", "username")
    return {"people": [(user, _role(user)) for user in rows], "tab": "people"}


def _role(user: User) -> str:
    """As `roles.role_of`, from groups already fetched."""
    names = {group.name for group in user.groups.all()}
    if user.is_superuser:
        return RANKS[-1]
    return next((rank for rank in reversed(RANKS) if rank in names), VIEWER)


def _url() -> str:
    return reverse("dashboard:people")


def _settings() -> str:
    return reverse("dashboard:settings")


urlpatterns = [
    path("settings/people", users, name="people"),
    path("settings/people/new", create, name="person-new"),
    path("settings/people/<int:pk>/role", role, name="person-role"),
    path("settings/people/<int:pk>/active", active, name="person-active"),
    path("settings/people/<int:pk>/password", new_password, name="person-password"),
    path("settings/password", own_password, name="own-password"),
]
