"""Symbols: which instrument each terminal's symbol is, and what operators decide about it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from bridge_ingest.actions import ActionRefused
from bridge_ingest.models import Client, Source
from dashboard.acting import acting_user
from dashboard.answers import dialog, done, go, page, refused, sent, wants
from dashboard.forms.symbols import MatchForm
from dashboard.permissions import Act, act_view, requires
from market import matching


@require_safe
@login_required
def symbols(request: HttpRequest) -> HttpResponse:
    """All clients' symbols that nobody has decided on, and what has been decided."""
    return _page(request, None)


@require_safe
@login_required
def of_client(request: HttpRequest, pk: int) -> HttpResponse:
    """One client's symbols, all of them."""
    return _page(request, get_object_or_404(Client, pk=pk))


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def match(request: HttpRequest, pk: int) -> HttpResponse:
    """A button's suggestion, or a dialog in which an instrument is chosen."""
    source = _source(pk)
    form = MatchForm(sent(request))
    if request.method == "POST" and form.is_valid():
        target, anyway = form.cleaned_data["target"], form.cleaned_data["anyway"]
        try:
            matching.match(
                source, target, actor=acting_user(request), through="page", anyway=anyway
            )
        except ActionRefused as error:
            if wants(request, "symbol-list"):
                return refused(request, str(error), _url(source))
            form.add_error("target", str(error))
        else:
            return _decided(request, source, f"{source.symbol} is {target} from now on.")
    context = {
        "form": form,
        "source": source,
        "title": f"{source.symbol} of {source.client.name}",
        "word": "Match",
        "back": _url(source),
    }
    return dialog(request, "dashboard/symbols/match.html", context, 422 if form.is_bound else 200)


@act_view(Act.MANAGE_CLIENTS)
def apart(request: HttpRequest, pk: int) -> HttpResponse:
    """Refuse what is suggested."""
    source = _source(pk)
    matching.keep_apart(source, actor=acting_user(request), through="page")
    return _decided(request, source, f"{source.symbol} stays an instrument of its own.")


@act_view(Act.MANAGE_CLIENTS)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    source = _source(pk)
    try:
        matching.undo(source, actor=acting_user(request), through="page")
    except ActionRefused as error:
        return refused(request, str(error), _url(source))
    return _decided(request, source, f"{source.symbol} is as it came; its suggestions are back.")


def _page(request: HttpRequest, client: Client | None) -> HttpResponse:
    template = "list" if wants(request, "symbol-list") else "symbols"
    return page(request, f"dashboard/symbols/{template}.html", _listed(client))


def _listed(client: Client | None) -> dict[str, Any]:
    found = matching.standings(client)
    decided = [each for each in found if each.decision is not None or each.is_matched]
    waiting = [each for each in found if each.is_open]
    rest = [each for each in found if each not in waiting and each not in decided]
    return {
        "client": client,
        "waiting": waiting,
        "decided": decided,
        "rest": rest if client else [],
        "tab": "symbols",
    }


def _decided(request: HttpRequest, source: Source, text: str) -> HttpResponse:
    """The list anew, as the page it was done on shows it; a dialog leads back to that page."""
    if not wants(request, "symbol-list"):
        return go(request, text, _url(source))
    client = source.client if "of" in request.GET else None
    answer = page(request, "dashboard/symbols/list.html", _listed(client))
    return done(request, text, _url(source), answer)


def _source(pk: int) -> Source:
    return get_object_or_404(Source.objects.select_related("client"), pk=pk)


def _url(source: Source) -> str:
    return reverse("dashboard:client-symbols", args=[source.client_id])


urlpatterns = [
    path("symbols", symbols, name="symbols"),
    path("clients/<int:pk>/symbols", of_client, name="client-symbols"),
    path("symbols/<int:pk>/match", match, name="symbol-match"),
    path("symbols/<int:pk>/apart", apart, name="symbol-apart"),
    path("symbols/<int:pk>/undo", undo, name="symbol-undo"),
]
