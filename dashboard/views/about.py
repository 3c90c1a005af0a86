"""About: what this is, what it is made of, and the notices that are owed."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET


@require_GET
@login_required
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/about.html", {"notice": chart_notice()})


def chart_notice() -> str:
    """The NOTICE of lightweight-charts, word for word; its licence asks for it on a page."""
    found = finders.find("vendor/lightweight-charts.NOTICE")
    return Path(str(found)).read_text(encoding="utf-8").strip()


urlpatterns = [path("about", about, name="about")]
