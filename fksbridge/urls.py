"""The addresses of people's pages and of the datafeed; machines' doors stand in front (asgi.py)."""

from __future__ import annotations

from django.urls import include, path

from fksbridge.health import healthz
from fksbridge.metrics import metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include("tradingview.urls")),
    path("", include("dashboard.urls")),
]
