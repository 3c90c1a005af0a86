"""Webhooks of a client: say which value of its alerts is which, and see what that makes of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods

from bridge_ingest.actions import ActionRefused
from bridge_ingest.models import Client
from bridge_ingest.webhooks.actions import process_again, save_mapping
from bridge_ingest.webhooks.reading import Rules
from bridge_ingest.webhooks.secret import Secret
from dashboard.acting import acting_user
from dashboard.answers import go, page, refused, sent
from dashboard.forms.webhooks import MappingForm
from dashboard.permissions import Act, act_view, requires
from dashboard.reading import webhooks as reading


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def mapping(request: HttpRequest, pk: int) -> HttpResponse:
    """The form beside the client's last bodies; saving leads back here."""
    client = get_object_or_404(Client, pk=pk)
    saved = reading.rules_of(client)
    form = MappingForm(sent(request), mapping=saved.mapping)
    if request.method == "POST" and form.is_valid():
        try:
            save_mapping(
                client,
                form.mapping,
                actor=acting_user(request),
                source="page",
                secret=form.cleaned_data["secret"],
            )
        except ActionRefused as error:
            form.add_error(None, str(error))
        else:
            text = "The mapping is saved. New alerts are read so from now on."
            return go(request, text, reverse("dashboard:webhooks", args=[pk]))
    context = {"client": client, "form": form} | _shown(client, form, saved)
    status = 422 if form.is_bound else 200
    return page(request, "dashboard/webhooks/mapping.html", context, status)


@act_view(Act.MANAGE_CLIENTS)
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What the form, as it stands, would make of the last bodies. Changes nothing."""
    client = get_object_or_404(Client, pk=pk)
    saved = reading.rules_of(client)
    form = MappingForm(request.POST, mapping=saved.mapping)
    form.is_valid()
    context = {"client": client, "form": form} | _shown(client, form, saved)
    return page(request, "dashboard/webhooks/preview.html", context)


def _shown(client: Client, form: MappingForm, saved: Rules) -> dict[str, Any]:
    """While something is wrong in the form, bodies are shown as the saved mapping reads them."""
    draft = _draft(form, saved) if form.is_bound and not form.errors else saved
    shown = reading.previews(client, draft)
    counts = reading.inbox_of(client, 1)
    return {"previews": shown, "paths": reading.paths_of(shown), "inbox": counts}


def _draft(form: MappingForm, saved: Rules) -> Rules:
    """What saving the form would lead to; a password that was not typed stays as it is."""
    typed: str = form.cleaned_data["secret"]
    secret = Secret.of(typed) if typed else saved.secret
    return Rules(form.mapping, saved.version, secret if form.mapping.secret_path else None)


@act_view(Act.MANAGE_CLIENTS)
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the kept refused bodies once more, with the mapping as it is saved."""
    client = get_object_or_404(Client, pk=pk)
    url = reverse("dashboard:client", args=[pk])
    try:
        outcome = process_again(client, actor=acting_user(request), source="page")
    except ActionRefused as error:
        return refused(request, str(error), url)
    text = f"{outcome.stored:,} alerts are stored now; {outcome.refused:,} are still refused."
    return go(request, text, url)


urlpatterns = [
    path("clients/<int:pk>/webhooks", mapping, name="webhooks"),
    path("clients/<int:pk>/webhooks/preview", preview, name="webhook-preview"),
    path("clients/<int:pk>/webhooks/again", again, name="webhooks-again"),
]
