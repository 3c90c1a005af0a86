"""Audit: who changed what, when, and proof that nobody touched the record."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from audit.actions import SOURCES
from dashboard.answers import page, paged, query_without_page, wants
from dashboard.reading import audit_log

GROUPS = {
    "alert.": "Alerts",
    "client.": "Clients",
    "key.": "Keys",
    "rule.": "Rules",
    "session.": "Sessions",
    "signal.": "Signals",
    "strategy.": "Strategies",
    "user.": "Users",
}


@require_safe
@login_required
def audit(request: HttpRequest) -> HttpResponse:
    """The log, filtered by the address."""
    chosen = {name: request.GET.get(name, "").strip() for name in ("q", "action", "who", "source")}
    rows = audit_log.entries(chosen["q"], chosen["action"], chosen["who"], chosen["source"])
    found = paged(request, rows)
    context = {
        "page": found,
        "entries": [audit_log.EntryView(entry) for entry in found],
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "query": query_without_page(request),
    }
    if wants(request, "audit-entries"):
        return page(request, "dashboard/audit/entries.html", context)
    choices = {"groups": GROUPS, "actors": audit_log.actors(), "sources": SOURCES}
    return page(request, "dashboard/audit/audit.html", context | choices)


@require_safe
@login_required
def audit_chain(request: HttpRequest) -> HttpResponse:
    """The badge that says whether the chain holds; `?afresh=1` walks it now."""
    found = audit_log.chain(afresh="afresh" in request.GET)
    template = "chain.html" if wants(request, "audit-chain") else "chain_page.html"
    return page(request, f"dashboard/audit/{template}", {"chain": found})


urlpatterns = [
    path("audit", audit, name="audit"),
    path("audit/chain", audit_chain, name="audit-chain"),
]
