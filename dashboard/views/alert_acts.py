"""What people do about alerts: one at a time where they look at it, or many at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard.acting import acting_user
from dashboard.answers import changed, dialog, done, page, refused, sent, wants
from dashboard.forms.alerts import NoteForm, SilenceForm
from dashboard.permissions import Act, act_view, requires
from dashboard.reading import alert_list
from dashboard.reading.alert_list import AlertLine
from dashboard.views.alerts import list_context, live_context, url_of
from verification import actions
from verification.models import Alert, Silence

RENEW = "alerts:changed"
"""Raised after an act, so that the parts beside the one that was acted on are fetched again."""

Doing = Callable[[Alert], object]

SIMPLE: dict[str, tuple[Callable[..., object], str]] = {
    "acknowledge": (actions.acknowledge, "acknowledged"),
    "unacknowledge": (actions.unacknowledge, "waits for somebody again"),
    "resolve": (actions.resolve, "resolved"),
}
"""Acts that need nothing but the alert, and the word for what became of it."""


@act_view(Act.HANDLE_ALERTS)
def simple(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Acknowledge, take that back, or resolve."""
    if act not in SIMPLE:
        raise Http404
    do, word = SIMPLE[act]
    return _do(request, pk, lambda row: do(row, **_by(request)), f"It is {word}.")


@act_view(Act.HANDLE_ALERTS)
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it to somebody, or to nobody."""
    assignee = _person(request.POST)
    name = assignee.get_username() if assignee else "nobody"
    return _do(
        request, pk, lambda row: actions.assign(row, assignee, **_by(request)), f"Given to {name}."
    )


@act_view(Act.HANDLE_ALERTS)
def note(request: HttpRequest, pk: int) -> HttpResponse:
    form = NoteForm(request.POST)
    if not form.is_valid():
        return refused(
            request, "A note needs some words, 1000 characters at most.", url_of(request, pk)
        )
    text = form.cleaned_data["text"]
    return _do(
        request, pk, lambda row: actions.add_note(row, text, **_by(request)), "The note is kept."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.HANDLE_ALERTS)
def silence(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks until when and why; then the alert, and any that follows it, calls nobody."""
    row = get_object_or_404(Alert, pk=pk)
    form = SilenceForm(sent(request))
    url = url_of(request, pk)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.silence(
                row, until=form.ends_at, reason=form.cleaned_data["reason"], **_by(request)
            )
        except actions.Refused as error:
            form.add_error(None, str(error))
        else:
            text = f"Silenced until {made.until:%Y-%m-%d %H:%M} UTC."
            return changed(request, text, url, "dashboard/nothing.html", {}, event=RENEW)
    context = {
        "form": form,
        "title": "Silence",
        "text": f"{row.title}. This rule on this feed calls nobody until then; everything is "
        "recorded all the same.",
        "word": "Silence",
        "back": url,
    }
    return dialog(request, "dashboard/form.html", context, 422 if form.is_bound else 200)


@act_view(Act.HANDLE_ALERTS)
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """End the alert's silence now."""
    row = get_object_or_404(Alert, pk=pk)
    active = Silence.objects.filter(
        fingerprint=row.fingerprint, ended_at=None, until__gt=timezone.now()
    )

    def lift_all(_: Alert) -> None:
        silences = list(active)
        if not silences:
            raise actions.Refused("This alert is not silenced.")
        for each in silences:
            actions.lift_silence(each, **_by(request))

    return _do(request, pk, lift_all, "It calls again.")


@act_view(Act.HANDLE_ALERTS)
def bulk(request: HttpRequest) -> HttpResponse:
    """One act on all that are ticked, in one request; what became of each comes back with it."""
    url = url_of(request)
    ids = [int(value) for value in request.POST.getlist("ids") if value.isdecimal()]
    if not ids:
        return refused(request, "Tick the alerts first.", url)
    try:
        do, word = _bulk_act(request)
    except actions.Refused as error:
        return refused(request, str(error), url)
    outcomes = actions.bulk(do, ids)
    text = f"{sum(outcome.done for outcome in outcomes)} of {len(outcomes)} {word}."
    if not wants(request, "alert-list"):
        reasons = sorted({outcome.reason for outcome in outcomes if not outcome.done})
        return changed(request, " ".join([text, *reasons]), url, "dashboard/nothing.html", {})
    titles = dict(Alert.objects.filter(pk__in=ids).values_list("pk", "title"))
    context = list_context(request) | {
        "summary": text,
        "outcomes": [(titles.get(each.alert_id, "An alert"), each, word) for each in outcomes],
        "some_refused": not all(outcome.done for outcome in outcomes),
    }
    answer = page(request, "dashboard/alerts/bulk_done.html", context)
    return done(request, text, url, answer, event=RENEW)


def _bulk_act(request: HttpRequest) -> tuple[Doing, str]:
    """What is to be done with each, and the word for it. Raises Refused for what is missing."""
    act = request.POST.get("act", "")
    if act in SIMPLE:
        do, word = SIMPLE[act]
        return lambda row: do(row, **_by(request)), word
    if act == "assign":
        assignee = _person(request.POST)
        name = assignee.get_username() if assignee else "nobody"
        return lambda row: actions.assign(row, assignee, **_by(request)), f"given to {name}"
    if act == "silence":
        until, reason = _bulk_silence(request.POST)
        return (
            lambda row: actions.silence(row, until=until, reason=reason, **_by(request)),
            f"silenced until {until:%H:%M} UTC",
        )
    raise actions.Refused("Choose what to do with them.")


def _bulk_silence(given: QueryDict) -> tuple[datetime, str]:
    form = SilenceForm({"span": given.get("span", "3600"), "reason": given.get("reason", "")})
    if not form.is_valid():
        raise actions.Refused("Say for how long, and why: whoever comes next must know.")
    return form.ends_at, form.cleaned_data["reason"]


def _do(request: HttpRequest, pk: int, act: Doing, text: str) -> HttpResponse:
    """Do it, and answer with the part in which it was clicked."""
    row = get_object_or_404(Alert, pk=pk)
    url = url_of(request, pk)
    try:
        act(row)
    except actions.Refused as error:
        return refused(request, str(error), url)
    fresh = alert_list.with_overlays(timezone.now()).get(pk=pk)
    if wants(request, f"alert-row-{pk}"):
        context: dict[str, Any] = {"line": AlertLine(fresh)}
        context["filters"] = request.GET.urlencode()
        answer = page(request, "dashboard/alerts/row.html", context)
        return done(request, text, url, answer, event=RENEW)
    answer = page(request, "dashboard/alerts/live.html", live_context(fresh))
    return done(request, text, url, answer, event=RENEW)


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": acting_user(request), "source": "page"}


def _person(given: QueryDict) -> User | None:
    """The person named by number; nobody for an empty one. Raises Http404 for a stranger."""
    number = given.get("assignee", "")
    if not number:
        return None
    return get_object_or_404(User, pk=number if number.isdecimal() else 0, is_active=True)


urlpatterns = [
    path("alerts/bulk", bulk, name="alerts-bulk"),
    path("alerts/<int:pk>/silence", silence, name="alert-silence"),
    path("alerts/<int:pk>/lift", lift, name="alert-lift"),
    path("alerts/<int:pk>/note", note, name="alert-note"),
    path("alerts/<int:pk>/assign", assign, name="alert-assign"),
    path("alerts/<int:pk>/<slug:act>", simple, name="alert-act"),
]
