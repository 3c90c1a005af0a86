"""Addresses of the pages. Each module of views brings its own; a new page is one line here."""

from __future__ import annotations

from django.urls import URLPattern

from dashboard.views import (
    about,
    alert_acts,
    alerts,
    audit,
    clients,
    clocks,
    health,
    imports,
    instruments,
    keys,
    overview,
    people,
    proof,
    search,
    session,
    settings,
    signals,
    styleguide,
    symbols,
    webhooks,
)

app_name = "dashboard"

urlpatterns: list[URLPattern] = [
    *overview.urlpatterns,
    *instruments.urlpatterns,
    *alerts.urlpatterns,
    *alert_acts.urlpatterns,
    *signals.urlpatterns,
    *clients.urlpatterns,
    *clocks.urlpatterns,
    *keys.urlpatterns,
    *proof.urlpatterns,
    *webhooks.urlpatterns,
    *health.urlpatterns,
    *imports.urlpatterns,
    *audit.urlpatterns,
    *settings.urlpatterns,
    *people.urlpatterns,
    *symbols.urlpatterns,
    *search.urlpatterns,
    *about.urlpatterns,
    *session.urlpatterns,
    *styleguide.urlpatterns,
]
