"""Alerts: what is wrong with this feed, since when, how do I know, and who has it?"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.acting import acting_user
from dashboard.answers import page, paged, query_without_page, wants
from dashboard.reading import alert_list, episode
from dashboard.reading.alert_list import AlertFilter, AlertLine
from verification.models import Alert

ALERTS_A_PAGE = 30


@require_safe
@login_required
def alerts(request: HttpRequest) -> HttpResponse:
    """The list, with nothing opened beside it."""
    return _page(request, None)


@require_safe
@login_required
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    """One alert beside the list; only its moving part, or only itself, when htmx asks for that."""
    row = get_object_or_404(alert_list.with_overlays(timezone.now()), pk=pk)
    if wants(request, "alert-live"):
        return page(request, "dashboard/alerts/live.html", live_context(row))
    if wants(request, "alert"):
        return page(request, "dashboard/alerts/alert.html", alert_context(request, row))
    return _page(request, row)


def live_context(row: Alert) -> dict[str, Any]:
    """What changes while one looks: figures, plot, timeline."""
    return {
        "alert": row,
        "episode": episode.episode(row),
        "plot": episode.plot(row),
        "people": alert_list.people(),
    }


def alert_context(request: HttpRequest, row: Alert) -> dict[str, Any]:
    return {
        **live_context(row),
        "excursions": episode.excursions(row),
        "similar": episode.similar(row),
        "filters": request.GET.urlencode(),
    }


def list_context(request: HttpRequest) -> dict[str, Any]:
    """The lines that the address asks for."""
    chosen = AlertFilter.read(request.GET)
    found = paged(request, alert_list.alerts(chosen, acting_user(request)), ALERTS_A_PAGE)
    return {
        "page": found,
        "lines": [AlertLine(row) for row in found],
        "chosen": chosen,
        "query": query_without_page(request),
        "filters": request.GET.urlencode(),
    }


def _page(request: HttpRequest, opened: Alert | None) -> HttpResponse:
    context = list_context(request) | {"opened": opened}
    if wants(request, "alert-list"):
        return page(request, "dashboard/alerts/list.html", context)
    if opened is not None:
        context |= alert_context(request, opened)
    context |= alert_list.choices()
    return page(request, "dashboard/alerts/alerts.html", context)


def url_of(request: HttpRequest, pk: int | None = None) -> str:
    """The page to go back to without scripts, with the filter that one came from."""
    name = reverse("dashboard:alert", args=[pk]) if pk else reverse("dashboard:alerts")
    return f"{name}?{request.GET.urlencode()}" if request.GET else name


urlpatterns = [
    path("alerts", alerts, name="alerts"),
    path("alerts/<int:pk>", alert, name="alert"),
]
