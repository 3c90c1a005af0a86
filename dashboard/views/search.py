"""The palette's results: pages, instruments, clients and open alerts by name."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, path, reverse
from django.views.decorators.http import require_GET

from bridge_ingest.models import Client
from dashboard.navigation import links_for
from market.models import Instrument
from verification.models import Alert

PER_GROUP = 6


class Hit(NamedTuple):
    label: str
    hint: str
    url: str
    icon: str = ""
    state: str = ""


class Group(NamedTuple):
    title: str
    hits: list[Hit]


@require_GET
@login_required
def search(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:64]
    found = [_instruments(query), _alerts(query), _clients(query), _pages(query)]
    groups = [group for group in found if group.hits]
    return render(request, "components/palette_results.html", {"groups": groups, "query": query})


def _pages(query: str) -> Group:
    links = [link for link in links_for("") if query.lower() in link.entry.label.lower()]
    hits = [
        Hit(link.entry.label, f"g {link.entry.key}", link.url, icon=link.entry.icon)
        for link in links
    ]
    return Group("Pages", hits)


def _instruments(query: str) -> Group:
    rows = Instrument.objects.filter(symbol__icontains=query).order_by("symbol")[:PER_GROUP]
    return Group(
        "Instruments",
        [
            Hit(
                row.symbol,
                row.description or row.get_kind_display(),
                reverse("dashboard:instrument", args=[row.symbol]),
                icon="instruments",
            )
            for row in rows
        ],
    )


def _alerts(query: str) -> Group:
    rows = Alert.objects.filter(resolved_at=None, title__icontains=query)[:PER_GROUP]
    return Group(
        "Open alerts",
        [
            Hit(row.title, row.get_rule_display(), _address("alert", row.pk), state=row.severity)
            for row in rows
        ],
    )


def _clients(query: str) -> Group:
    rows = Client.objects.filter(name__icontains=query, disabled_at=None)[:PER_GROUP]
    return Group(
        "Clients",
        [
            Hit(row.name, row.get_platform_display(), _address("client", row.pk), icon="clients")
            for row in rows
        ],
    )


def _address(name: str, pk: int) -> str:
    """A page's address; the overview while that page is no part of this installation."""
    try:
        return reverse(f"dashboard:{name}", args=[pk])
    except NoReverseMatch:
        return reverse("dashboard:overview")


urlpatterns = [path("search", search, name="search")]
