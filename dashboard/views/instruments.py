"""Instruments: the list, and one of them with its chart and the ladder of its feeds."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET

from bridge_ingest.models import Client
from dashboard import states
from dashboard.reading import instrument as reading
from dashboard.reading.alerts import AlertView
from dashboard.reading.board import board
from dashboard.reading.feeds import (
    FeedView,
    every_feed,
    feed_views,
)
from dashboard.reading.instrument import MOST_BUCKETS, Span
from market.models import Feed, Instrument
from signals.models import Signal
from verification.models import Alert

HOUR_S = 3600
PERIODS = (
    ("1S", "1 s"),
    ("1", "1 min"),
    ("5", "5 min"),
    ("15", "15 min"),
    ("60", "1 h"),
    ("240", "4 h"),
    ("1D", "1 d"),
    ("1W", "1 w"),
)


@require_GET
@login_required
def instruments(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/instruments.html", {"board": board(quoted_only=False)})


@require_GET
@login_required
def instrument(request: HttpRequest, symbol: str) -> HttpResponse:
    found = get_object_or_404(Instrument, symbol=symbol)
    views = feed_views([feed for feed in every_feed() if feed.instrument_id == found.pk])
    chosen = _chosen(views, request.GET.get("feed", ""))
    context = {
        "instrument": found,
        "state": states.most_urgent(view.own_state for view in views),
        "views": views,
        "chosen": chosen,
        "shares": _shares(found, views),
        "periods": PERIODS,
        "chart": _chart(found, views, chosen),
        "tradingview": reading.tradingview_symbol(found),
        **_beside(found),
    }
    return render(request, "dashboard/instrument.html", context)


@require_GET
@login_required
def beside(request: HttpRequest, pk: int) -> HttpResponse:
    """Open alerts and last signals beside the chart; fetched again when one changes."""
    found = get_object_or_404(Instrument, pk=pk)
    context = {"instrument": found, **_beside(found)}
    return render(request, "dashboard/instrument_beside.html", context)


@require_GET
@login_required
def deviations(request: HttpRequest, pk: int) -> HttpResponse:
    """A feed's deviation in pips: `?feed=12&from=<s>&to=<s>&step=<s>`."""
    number, span = request.GET.get("feed", ""), _span(request)
    if span is None or not number.isdecimal():
        return HttpResponseBadRequest(_SPAN_HELP, content_type="text/plain")
    feed = get_object_or_404(Feed.objects.select_related("instrument"), pk=number, instrument=pk)
    return JsonResponse(reading.deviations(feed.pk, feed.instrument.pip_size, span))


@require_GET
@login_required
def markers(request: HttpRequest, pk: int) -> HttpResponse:
    """Signals and alerts of the instrument: `?from=<s>&to=<s>`."""
    span = _span(request)
    if span is None:
        return HttpResponseBadRequest(_SPAN_HELP, content_type="text/plain")
    found = get_object_or_404(Instrument, pk=pk)
    return JsonResponse({"markers": reading.markers(found, span)})


_SPAN_HELP = (
    f"from and to are Unix seconds, from before to; step is seconds, at most {MOST_BUCKETS} steps; "
    "feed is a number."
)


def _span(request: HttpRequest) -> Span | None:
    """The asked span, or None when it makes no sense. Without `step`, one bucket."""
    try:
        start, end = int(request.GET["from"]), int(request.GET["to"])
        step = int(request.GET.get("step", end - start))
    except (KeyError, ValueError):
        return None
    is_sane = 0 <= start < end < 2**35 and step > 0 and (end - start) / step <= MOST_BUCKETS
    return Span(start, end, step) if is_sane else None


def _chosen(views: list[FeedView], asked: str) -> FeedView | None:
    """The feed that is asked for, else the one with the most stored ticks."""
    by_id = {str(view.feed.pk): view for view in views}
    if asked in by_id:
        return by_id[asked]
    return max(views, key=lambda view: view.quote.ticks if view.quote else -1, default=None)


def _shares(found: Instrument, views: list[FeedView]) -> dict[int, float | None]:
    """Feed id -> share of the last hour's compared seconds within the threshold."""
    threshold = next((view.threshold for view in views if view.threshold), None)
    now_s = int(time.time())
    span = Span(now_s - HOUR_S, now_s, HOUR_S)
    price = None if threshold is None else threshold * found.pip_size
    shares = reading.verified_shares(found, price, span)
    return {feed_id: verified.share for feed_id, verified in shares.items()}


def _chart(found: Instrument, views: list[FeedView], chosen: FeedView | None) -> dict[str, Any]:
    """What `<price-chart>` reads: feeds with their tickers, and where the data are."""
    return {
        "history": "/api/v1/history",
        "deviations": reverse("dashboard:instrument-deviations", args=[found.pk]),
        "markers": reverse("dashboard:instrument-markers", args=[found.pk]),
        "digits": found.digits,
        "pipSize": found.pip_size,
        "chosen": chosen.feed.pk if chosen else None,
        "feeds": [
            {"id": view.feed.pk, "name": view.client.name, "ticker": reading.ticker(view)}
            for view in views
        ],
    }


def _beside(found: Instrument) -> dict[str, Any]:
    clients = Client.objects.filter(sources__feed__instrument=found)
    alerts = Alert.objects.filter(
        Q(instrument=found) | Q(feed=None, client__in=clients), resolved_at=None
    ).select_related("client")
    return {
        "alerts": [AlertView(alert, is_silenced=False) for alert in alerts[:5]],
        "signals": Signal.objects.filter(symbol=found.symbol)[:6],
    }


urlpatterns = [
    path("instruments", instruments, name="instruments"),
    path("instruments/<int:pk>/deviations", deviations, name="instrument-deviations"),
    path("instruments/<int:pk>/markers", markers, name="instrument-markers"),
    path("instruments/<int:pk>/beside", beside, name="instrument-beside"),
    path("instruments/<path:symbol>", instrument, name="instrument"),
]
