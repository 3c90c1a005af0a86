"""The living style guide: every component in every state. Not served in production."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sin
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from dashboard.states import STATE_WORDS

NOON = datetime(2026, 7, 13, 12, 30, 2, tzinfo=UTC)
SWATCHES = [
    *("ground", "panel", "raised", "line", "text", "muted", "faint"),
    *("ok", "look", "act", "select", "signal"),
]


class SampleForm(forms.Form):
    name = forms.CharField(help_text="As the terminal will state it.", max_length=64)
    platform = forms.ChoiceField(choices=[("mt5", "MetaTrader 5"), ("mt4", "MetaTrader 4")])
    entry = forms.DecimalField(required=False)
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    scopes = forms.MultipleChoiceField(
        choices=[("ingest", "Send data"), ("signals", "Receive signals")],
        widget=forms.CheckboxSelectMultiple,
    )
    execute = forms.BooleanField(required=False, help_text="Else the chart only draws it.")


@require_GET
@login_required
def styleguide(request: HttpRequest) -> HttpResponse:
    if settings.FKS.env == "production":
        raise Http404
    return render(request, "components/gallery.html", _samples())


def _samples() -> dict[str, Any]:
    form = SampleForm({"name": "", "platform": "mt5", "scopes": ["ingest"]})
    wave = [round(1 + 0.6 * sin(at / 5), 2) if not 20 < at < 24 else None for at in range(60)]
    start_ms = int(NOON.timestamp() * 1000)
    return {
        "form": form,
        "states": STATE_WORDS,
        "swatches": SWATCHES,
        "wave": wave,
        "plot": [[start_ms + at * 5000, value] for at, value in enumerate(wave)],
        "moments": [{"at": start_ms + 60_000, "label": "opened"}],
        "timeline": _timeline(),
        "page": Paginator(range(480), 20).page(3),
        "noon": NOON,
    }


def _timeline() -> list[dict[str, Any]]:
    return [
        {"state": "look", "text": "Opened", "at": NOON, "note": "1.4 pips above 2 others for 3 s"},
        {"state": "act", "text": "Worsened to 4.2 pips", "at": NOON + timedelta(seconds=4)},
        {
            "state": "off",
            "text": "Acknowledged",
            "who": "alice",
            "at": NOON + timedelta(seconds=31),
            "note": "Non-farm payrolls; watching.",
        },
        {"state": "verified", "text": "Resolved", "at": NOON + timedelta(seconds=52)},
    ]


urlpatterns = [path("styleguide", styleguide, name="styleguide")]
