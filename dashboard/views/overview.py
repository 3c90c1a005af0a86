"""Overview: is all well?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from dashboard.acting import acting_user, refusal
from dashboard.navigation import waiting_alerts
from dashboard.reading import alerts as alerts_reading
from dashboard.reading.board import board
from dashboard.reading.figures import SPARK_MS, SPARK_POINTS, Figures
from dashboard.roles import OPERATOR, has_role, role_required
from verification import actions
from verification.models import Alert


@require_GET
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    context = {"board": board(), "figures": _strip(), **_open_alerts(request)}
    return render(request, "dashboard/overview.html", context)


@require_GET
@login_required
def board_part(request: HttpRequest) -> HttpResponse:
    """The board alone: fetched again when a feed appears that the page does not show yet."""
    return render(request, "dashboard/overview_board.html", {"board": board()})


@require_GET
@login_required
def alerts_part(request: HttpRequest) -> HttpResponse:
    return _alert_list(request)


@require_GET
@login_required
def open_alerts_part(request: HttpRequest) -> HttpResponse:
    """The strip's fourth figure."""
    return render(request, "dashboard/overview_open_alerts.html", _open_figures())


@require_GET
@login_required
def alert_count(request: HttpRequest) -> HttpResponse:
    """The number in the rail."""
    return render(request, "components/alert_count.html", {"count": waiting_alerts()})


@require_POST
@role_required(OPERATOR)
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    """Acknowledge in place; the list comes back settled, or the reason why it can't be."""
    alert = get_object_or_404(Alert, pk=pk)
    try:
        actions.acknowledge(alert, actor=acting_user(request), source="page")
    except actions.Refused as error:
        return refusal(str(error))
    return _alert_list(request)


def _alert_list(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/overview_alerts.html", _open_alerts(request))


def _open_alerts(request: HttpRequest) -> dict[str, Any]:
    return {
        "alerts": alerts_reading.newest(timezone.now()),
        "may_act": has_role(request.user, OPERATOR),
    } | _open_figures()


def _open_figures() -> dict[str, Any]:
    span = timedelta(milliseconds=SPARK_MS)
    return {
        "open": alerts_reading.open_count(),
        "open_spark": alerts_reading.open_history(timezone.now(), span, SPARK_POINTS),
    }


def _strip() -> dict[str, Any]:
    """Latest value and fifteen minutes of each figure of the strip."""
    figures = Figures.read()
    latest = ("ticks_per_s", "stored_per_s", "ack_p50_ms", "ack_p99_ms", "lag_ms", "pending")
    sparks = ("feeds_verified", "ticks_per_s", "ack_p99_ms", "lag_ms")
    return {
        "now": {name: figures.latest(name) for name in latest},
        "spark": {name: figures.spark(name) for name in sparks},
    }


urlpatterns = [
    path("", overview, name="overview"),
    path("overview/board", board_part, name="overview-board"),
    path("overview/alerts", alerts_part, name="overview-alerts"),
    path("overview/open-alerts", open_alerts_part, name="overview-open-alerts"),
    path("overview/alerts/<int:pk>/acknowledge", acknowledge, name="overview-acknowledge"),
    path("alert-count", alert_count, name="alert-count"),
]
