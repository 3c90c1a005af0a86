"""Signals: push an instruction to terminals, and watch it arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from bridge_ingest.models import Client
from dashboard.acting import acting_user
from dashboard.answers import changed, dialog, page, paged, query_without_page, refused, wants
from dashboard.forms.signals import TicketForm, strategy_form
from dashboard.permissions import Act, act_view, requires
from dashboard.reading import signals as reading
from signals import actions
from signals.models import DeliveryState, Signal
from signals.strategies.base import ParameterError
from signals.strategies.registry import STRATEGIES
from signals.targets import turned_away
from signals.ticket import TicketRefused

SIGNALS_A_PAGE = 20


@dataclass(frozen=True)
class Receiver:
    """A client as the ticket offers it; `reason` says why it can't be chosen."""

    client: Client
    reason: str
    connected: bool
    chosen: bool


@require_safe
@login_required
def signals(request: HttpRequest) -> HttpResponse:
    """The list with each delivery's way, the ticket, and the strategies."""
    context = _list(request)
    if wants(request, "signal-list"):
        return page(request, "dashboard/signals/list.html", context)
    context |= {
        **_ticket(_fresh_form(request)),
        "strategies": reading.strategies(),
        "strategy_forms": {name: _strategy_form(name) for name in STRATEGIES},
        "states": DeliveryState.choices,
        "sources": {name: each.title for name, each in STRATEGIES.items()},
    }
    return page(request, "dashboard/signals/signals.html", context)


@require_safe
@login_required
def signal(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One signal with every step of every delivery."""
    row = get_object_or_404(reading.signals("", "", ""), pk=pk)
    context = {"view": reading.views([row])[0]}
    template = "facts" if wants(request, "signal-facts") else "signal"
    return page(request, f"dashboard/signals/{template}.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.PUSH_SIGNALS)
def push(request: HttpRequest) -> HttpResponse:
    """The ticket (in place, in a dialog, or on a page of its own), and what it does."""
    if request.method != "POST":
        return _dialog(request, _fresh_form(request))
    form = TicketForm(request.POST, clients=_choosable())
    if form.is_valid():
        try:
            pushed = actions.push(**form.instruction, actor=acting_user(request), source="page")
        except TicketRefused as error:
            form.explain(error.problems)
        else:
            return _pushed(request, pushed)
    if wants(request, "ticket"):
        return page(request, "dashboard/signals/ticket.html", _ticket(form), status=422)
    return _dialog(request, form, status=422)


@act_view(Act.PUSH_SIGNALS)
def expire(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let a signal expire now."""
    row = get_object_or_404(Signal, pk=pk)
    url = reverse("dashboard:signal", args=[pk])
    try:
        stopped = actions.cancel(signal=row, actor=acting_user(request), source="page")
    except actions.SignalClosed as error:
        return refused(request, str(error), url)
    text = f"{row} expired; {len(stopped)} deliver{'y' if len(stopped) == 1 else 'ies'} stopped."
    view = reading.views([reading.signals("", "", "").get(pk=pk)])[0]
    template = "facts" if wants(request, "signal-facts") else "row"
    return changed(request, text, url, f"dashboard/signals/{template}.html", {"view": view})


@act_view(Act.SET_STRATEGIES)
def set_strategy(request: HttpRequest, name: str) -> HttpResponse:
    """Switch a strategy and set its parameters."""
    if name not in STRATEGIES:
        raise Http404
    form = strategy_form(name, request.POST)
    if form.is_valid():
        try:
            actions.set_strategy(
                name=name,
                enabled=form.cleaned_data["enabled"],
                parameters=form.parameters,
                actor=acting_user(request),
                source="page",
            )
        except ParameterError as error:
            for field, reason in error.problems.items():
                form.add_error(field if field in form.fields else None, reason)
        else:
            word = "on" if form.cleaned_data["enabled"] else "off"
            text = f"{STRATEGIES[name].title} is switched {word}."
            return changed(request, text, _url(), *_strategy_part(name))
    if not wants(request, f"strategy-{name}"):
        return refused(request, _all_errors(form), _url())
    template, context = _strategy_part(name, form)
    return page(request, template, context, status=422)


def _list(request: HttpRequest) -> dict[str, Any]:
    chosen = {name: request.GET.get(name, "").strip() for name in ("q", "state", "source")}
    rows = reading.signals(chosen["q"], chosen["state"], chosen["source"])
    found = paged(request, rows, SIGNALS_A_PAGE)
    return {
        "page": found,
        "signals": reading.views(found),
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "query": query_without_page(request),
    }


def _choosable() -> Any:
    return Client.objects.filter(disabled_at=None)


def _fresh_form(request: HttpRequest) -> TicketForm:
    """A ticket filled in from the address: `?symbol=EURUSD&client=3`."""
    given = {"symbol": request.GET.get("symbol", "")[:64]}
    client = request.GET.get("client", "")
    chosen = {"clients": [int(client)]} if client.isdecimal() else {}
    return TicketForm(clients=_choosable(), initial=given | chosen)


def _ticket(form: TicketForm) -> dict[str, Any]:
    clients = list(_choosable())
    turned, here = turned_away(clients), reading.connected(clients)
    chosen = {str(value) for value in form["clients"].value() or []}
    offered = [
        Receiver(each, turned.get(each.pk, ""), each.pk in here, str(each.pk) in chosen)
        for each in clients
    ]
    return {
        "ticket": form,
        "receivers": sorted(offered, key=lambda each: bool(each.reason)),
        "pip_sizes": reading.pip_sizes(),
    }


def _dialog(request: HttpRequest, form: TicketForm, status: int = 200) -> HttpResponse:
    context = {"title": "Push a signal", "back": _url(), "target": "dialog-slot"}
    return dialog(request, "dashboard/signals/ticket_dialog.html", context | _ticket(form), status)


def _pushed(request: HttpRequest, pushed: actions.Pushed) -> HttpResponse:
    """An empty ticket for the same clients, the list renewed, and who was turned away."""
    told = ", ".join(each.client.name for each in pushed.deliveries)
    text = f"{pushed.signal} is on its way to {told}."
    url = reverse("dashboard:signal", args=[pushed.signal.pk])
    names = [each.client.pk for each in pushed.deliveries]
    form = TicketForm(
        clients=_choosable(),
        initial={"symbol": pushed.signal.symbol, "clients": names, "ticket": uuid4()},
    )
    context = {**_ticket(form), "pushed": pushed, **_list(request)}
    # In its own dialog on another page there is no list to renew, and the ticket's work is done.
    in_place = wants(request, "ticket")
    template = (
        "dashboard/signals/pushed.html" if in_place else "dashboard/signals/pushed_dialog.html"
    )
    return changed(request, text, url, template, context)


def _strategy_form(name: str) -> Any:
    view = next(each for each in reading.strategies() if each.strategy.name == name)
    stored = view.setting.parameters if view.setting else {}
    defaults = {each.name: each.default for each in view.strategy.declared()}
    return strategy_form(name, initial={**defaults, **stored, "enabled": view.enabled})


def _strategy_part(name: str, form: Any = None) -> tuple[str, dict[str, Any]]:
    view = next(each for each in reading.strategies() if each.strategy.name == name)
    context = {"each": view, "form": form or _strategy_form(name)}
    return "dashboard/signals/strategy.html", context


def _all_errors(form: Any) -> str:
    return " ".join(str(error) for errors in form.errors.values() for error in errors)


def _url() -> str:
    return reverse("dashboard:signals")


urlpatterns = [
    path("signals", signals, name="signals"),
    path("signals/push", push, name="signal-push"),
    path("signals/<uuid:pk>", signal, name="signal"),
    path("signals/<uuid:pk>/expire", expire, name="signal-expire"),
    path("strategies/<slug:name>", set_strategy, name="strategy"),
]
