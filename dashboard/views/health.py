"""Health: what is the bridge itself doing?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from bridge_ingest.models import Session
from dashboard.reading import health as reading
from dashboard.reading.figures import SPARK_MS, TOTALS, Figures


@require_GET
@login_required
def health(request: HttpRequest) -> HttpResponse:
    figures = Figures.read()
    context = {
        "now": {name: figures.latest(name) for name in TOTALS},
        "span_ms": SPARK_MS,
        "plots": _plots(figures),
        **_services(),
    }
    return render(request, "dashboard/health.html", context)


@require_GET
@login_required
def services_part(request: HttpRequest) -> HttpResponse:
    """PostgreSQL, Redis and the shards, asked again every few seconds."""
    return render(request, "dashboard/health_services.html", _services())


def _services() -> dict[str, Any]:
    return {
        "services": [reading.journal(), reading.postgres()],
        "cursors": reading.cursors(),
        "durability": settings.FKS.durability,
        "durability_words": reading.DURABILITY_WORDS[settings.FKS.durability],
        "sessions_open": Session.objects.filter(closed_at=None).count(),
    }


def _plots(figures: Figures) -> list[dict[str, Any]]:
    """Title, unit, names of the totals (first solid, second dotted), and the last minutes."""
    wanted = [
        ("Tick to acknowledgement", "ms", ("ack_p99_ms", "ack_p50_ms"), ("p99", "p50")),
        ("Age of the oldest tick not yet stored", "ms", ("lag_ms",), ("worst worker",)),
        (
            "Ticks a second",
            "/s",
            ("stored_per_s", "ticks_per_s"),
            ("stored", "journalled"),
        ),
        ("Commits waiting in the journal", "", ("pending",), ("all shards",)),
    ]
    return [
        {
            "title": title,
            "unit": unit,
            "source": "figure:" + ",".join(names),
            "legend": legend,
            "points": figures.plot(*names),
        }
        for title, unit, names, legend in wanted
    ]


urlpatterns = [
    path("health", health, name="health"),
    path("health/services", services_part, name="health-services"),
]
