"""Clients: is each terminal delivering everything, and how does one connect?"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from bridge_ingest import actions
from bridge_ingest.models import Client, Platform, Session
from dashboard.acting import acting_user
from dashboard.answers import dialog, done, go, page, refused, sent, wants
from dashboard.forms.clients import ChangeForm, DetailsForm, RegisterForm
from dashboard.permissions import Act, act_view, requires
from dashboard.reading import clients as reading
from dashboard.reading.accounts import accounts_of
from dashboard.reading.clocks import clock_of
from dashboard.reading.connecting import guide
from dashboard.reading.latency import latency_of
from dashboard.reading.webhooks import inbox_of

SESSIONS_SHOWN, STREAMS_SHOWN, GAPS_SHOWN, REFUSALS_SHOWN, WEBHOOKS_SHOWN = 8, 8, 20, 20, 20


@require_safe
@login_required
def clients(request: HttpRequest) -> HttpResponse:
    """The list, filtered by the address."""
    chosen = {name: request.GET.get(name, "").strip() for name in ("q", "platform", "disabled")}
    found = reading.find_clients(chosen["q"], chosen["platform"], bool(chosen["disabled"]))
    context = {
        "clients": reading.client_views(found),
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "platforms": Platform.choices,
    }
    whole = not wants(request, "client-list")
    template = "clients.html" if whole else "list.html"
    return page(request, f"dashboard/clients/{template}", context)


@require_safe
@login_required
def client(request: HttpRequest, pk: int) -> HttpResponse:
    """One client's page; its moving parts alone when htmx asks for them."""
    row = get_object_or_404(Client, pk=pk)
    if wants(request, "client-delivery"):
        return page(request, "dashboard/clients/delivery.html", _delivery(row))
    if wants(request, "client-traffic"):
        return page(request, "dashboard/clients/traffic.html", _traffic(row))
    if wants(request, "client-latency"):
        found = {"latency": latency_of(row), "client": row}
        return page(request, "dashboard/clients/latency.html", found)
    if wants(request, "client-clock"):
        return page(request, "dashboard/clients/clock.html", _clock(row))
    if wants(request, "client-accounts"):
        return page(request, "dashboard/clients/accounts.html", _accounts(row))
    more = {"keys": reading.keys_of(row), "guide": guide(row, request)} | _clock(row)
    more |= _accounts(row)
    return page(request, "dashboard/clients/client.html", _delivery(row) | _traffic(row) | more)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def register(request: HttpRequest) -> HttpResponse:
    """The form in a dialog (or a page of its own), and what it does."""
    form = RegisterForm(sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.register_client(
                **form.cleaned_data, actor=acting_user(request), source="page"
            )
        except actions.ActionRefused as error:
            form.add_error(None, str(error))
        else:
            text = f"{row.name} is registered. Issue a key, so that it can connect."
            return go(request, text, reverse("dashboard:client", args=[row.pk]))
    return _form(request, form, "Register", "Register a client", reverse("dashboard:clients"))


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Client, pk=pk)
    form = ChangeForm(sent(request), client=row)
    url = reverse("dashboard:client", args=[pk])
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_client(
                row, **form.cleaned_data, actor=acting_user(request), source="page"
            )
        except actions.ActionRefused as error:
            form.add_error(None, str(error))
        else:
            return go(request, f"{row.name} is changed.", url)
    return _form(request, form, "Save", f"Change {row.name}", url)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.MANAGE_CLIENTS)
def disable(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first: it ends the client's sessions."""
    row = get_object_or_404(Client, pk=pk)
    url = reverse("dashboard:client", args=[pk])
    if request.method == "POST":
        actions.disable_client(row, actor=acting_user(request), source="page")
        return go(request, f"{row.name} is disabled; its sessions end.", url)
    context = {
        "title": f"Disable {row.name}?",
        "text": "Its keys open nothing from now on and its sessions end. What it sent stays. "
        "It can be enabled again at any time, with the same keys.",
        "word": "Disable",
        "back": url,
    }
    return dialog(request, "dashboard/confirm.html", context)


@act_view(Act.MANAGE_CLIENTS)
def enable(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Client, pk=pk)
    actions.enable_client(row, actor=acting_user(request), source="page")
    return go(request, f"{row.name} is enabled.", reverse("dashboard:client", args=[pk]))


@require_safe
@login_required
def session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One connection from hello to its end."""
    rows = Session.objects.select_related("client", "key", "stream")
    row = get_object_or_404(rows, pk=pk)
    refusals = list(row.client.refusals.filter(session_id=pk)[:REFUSALS_SHOWN])
    context = {"session": row, "refusals": refusals, "status": _status(row)}
    template = "session_facts" if wants(request, "session-facts") else "session"
    return page(request, f"dashboard/clients/{template}.html", context)


@act_view(Act.MANAGE_CLIENTS)
def end_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cut the connection; the terminal may come back."""
    row = get_object_or_404(Session, pk=pk)
    url = reverse("dashboard:session", args=[pk])
    if row.closed_at is not None:
        return refused(request, "This session has ended already.", url)
    actions.end_session(row, actor=acting_user(request), source="page")
    return done(request, "The gateway is ending the session.", url, HttpResponse(status=204))


def _delivery(row: Client) -> dict[str, Any]:
    """What must be right: the counts, and who is connected."""
    return {"client": row, "view": reading.client_views([row])[0], "feeds": reading.feeds_of(row)}


def _clock(row: Client) -> dict[str, Any]:
    return {"client": row, "clock": clock_of(row)}


def _accounts(row: Client) -> dict[str, Any]:
    return {"client": row, "accounts": accounts_of(row)}


def _traffic(row: Client) -> dict[str, Any]:
    """What came, and what did not."""
    return {
        "client": row,
        "sessions": reading.sessions_of(row, SESSIONS_SHOWN),
        "streams": reading.streams_of(row, STREAMS_SHOWN),
        "gaps": reading.gaps_of(row, GAPS_SHOWN),
        "refusals": reading.refusals_of(row, REFUSALS_SHOWN),
        "webhooks": inbox_of(row, WEBHOOKS_SHOWN),
    }


def _status(row: Session) -> list[tuple[str, Any]]:
    """The terminal's last status message, name by name."""
    return [(name.replace("_", " "), value) for name, value in sorted(row.status.items())]


def _form(
    request: HttpRequest, form: DetailsForm, word: str, title: str, back: str
) -> HttpResponse:
    context = {"form": form, "title": title, "word": word, "back": back}
    status = 422 if form.is_bound else 200
    return dialog(request, "dashboard/form.html", context, status)


urlpatterns = [
    path("clients", clients, name="clients"),
    path("clients/register", register, name="client-register"),
    path("clients/<int:pk>", client, name="client"),
    path("clients/<int:pk>/edit", edit, name="client-edit"),
    path("clients/<int:pk>/disable", disable, name="client-disable"),
    path("clients/<int:pk>/enable", enable, name="client-enable"),
    path("sessions/<uuid:pk>", session, name="session"),
    path("sessions/<uuid:pk>/end", end_session, name="session-end"),
]
