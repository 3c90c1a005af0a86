"""Addresses of the live socket."""

from __future__ import annotations

from typing import Any, cast

from django.urls import URLPattern, path

from dashboard.live.consumer import LiveConsumer

# `path` is typed for Django's views; Channels routes ASGI applications through it as well.
_live = cast(Any, LiveConsumer.as_asgi())
websocket_urlpatterns: list[URLPattern] = [path("ws/live", _live)]
