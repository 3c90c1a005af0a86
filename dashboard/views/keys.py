"""API keys of a client: issued and shown once, rotated with an overlap, revoked."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from bridge_ingest import actions
from bridge_ingest.models import ApiKey, Client
from dashboard.acting import acting_user
from dashboard.answers import changed, dialog, refused, sent
from dashboard.forms.clients import IssueKeyForm, RotateForm
from dashboard.permissions import Act, requires
from dashboard.reading.clients import keys_of
from dashboard.reading.connecting import guide


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def issue(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask what the key may do; then show it, this once."""
    client = get_object_or_404(Client, pk=pk)
    form = IssueKeyForm(sent(request), client=client)
    if request.method == "POST" and form.is_valid():
        try:
            issued = actions.issue_key(
                client,
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at,
                allowed_addresses=form.addresses,
                actor=acting_user(request),
                source="page",
            )
        except actions.ActionRefused as error:
            form.add_error(None, str(error))
        else:
            return _show_once(request, client, issued)
    context = {"form": form, "title": f"Issue a key for {client.name}", "word": "Issue the key"}
    return _dialog(request, "dashboard/form.html", client, context, form.is_bound)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """A successor with the same rights; the old key goes on for the chosen time."""
    key = _key(pk)
    form = RotateForm(sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            issued = actions.rotate_key(
                key, overlap=form.period, actor=acting_user(request), source="page"
            )
        except actions.ActionRefused as error:
            return refused(request, str(error), _url(key.client))
        return _show_once(request, key.client, issued, replaced=key)
    context = {
        "form": form,
        "title": f"Rotate {key.prefix}",
        "text": "A new key with the same rights is made now and shown once.",
        "word": "Make the new key",
    }
    return _dialog(request, "dashboard/form.html", key.client, context, form.is_bound)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first: sessions under this key end within a second."""
    key = _key(pk)
    if request.method == "POST":
        try:
            actions.revoke_key(key, actor=acting_user(request), source="page")
        except actions.ActionRefused as error:
            return refused(request, str(error), _url(key.client))
        text = f"{key.prefix} is revoked; its sessions end."
        context = {"client": key.client, "keys": keys_of(key.client)}
        return changed(request, text, _url(key.client), "dashboard/clients/keys.html", context)
    context = {
        "title": f"Revoke {key.prefix}?",
        "text": f"{key.client.name} can't connect with it any more, and a session that it opened "
        "ends within a second. This can't be taken back.",
        "word": "Revoke the key",
    }
    return _dialog(request, "dashboard/confirm.html", key.client, context)


def _show_once(
    request: HttpRequest,
    client: Client,
    issued: actions.IssuedKey,
    replaced: ApiKey | None = None,
) -> HttpResponse:
    context = {
        "title": f"The key of {client.name}",
        "key": issued.row,
        "secret": issued.text,
        "replaced": replaced,
        "client": client,
        "guide": guide(client, request, issued.text),
        "keys": keys_of(client),
    }
    return _dialog(request, "dashboard/clients/key_issued.html", client, context)


def _dialog(
    request: HttpRequest,
    body: str,
    client: Client,
    context: dict[str, Any],
    was_wrong: bool = False,
) -> HttpResponse:
    status = 422 if was_wrong else 200
    return dialog(request, body, {"back": _url(client), **context}, status)


def _key(pk: int) -> ApiKey:
    return get_object_or_404(ApiKey.objects.select_related("client"), pk=pk)


def _url(client: Client) -> str:
    return f"{reverse('dashboard:client', args=[client.pk])}#client-keys"


urlpatterns = [
    path("clients/<int:pk>/keys/issue", issue, name="key-issue"),
    path("keys/<int:pk>/rotate", rotate, name="key-rotate"),
    path("keys/<int:pk>/revoke", revoke, name="key-revoke"),
]
