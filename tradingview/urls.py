"""The datafeed under /api/v1/, also with a key in the path for clients that send no header."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from tradingview import views

_endpoints = [
    path("config", views.config),
    path("symbols", views.symbols),
    path("search", views.search),
    path("history", views.history),
    path("time", views.server_time),
    path("quotes", views.quotes),
]
urlpatterns: list[URLPattern | URLResolver] = [
    *_endpoints,
    path("k/<str:key>/", include(_endpoints)),
]
