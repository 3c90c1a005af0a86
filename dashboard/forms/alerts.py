"""What a person says when silencing, noting on or giving away an alert."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

UNTIL = "until"
SPANS = {
    "900": "15 minutes",
    "3600": "An hour",
    "14400": "4 hours",
    "86400": "A day",
    "604800": "A week",
    UNTIL: "Until the time below",
}


class SilenceForm(forms.Form):
    span = forms.ChoiceField(choices=list(SPANS.items()), initial="3600", label="For")
    until = forms.DateTimeField(
        required=False,
        label="Until, UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever comes next must know why.",
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("span") == UNTIL and not given.get("until"):
            self.add_error("until", "Say until when.")
        return given

    @property
    def ends_at(self) -> datetime:
        span = self.cleaned_data["span"]
        if span != UNTIL:
            return timezone.now() + timedelta(seconds=int(span))
        until: datetime = self.cleaned_data["until"]
        return until


class NoteForm(forms.Form):
    text = forms.CharField(max_length=1000, label="Note", widget=forms.Textarea(attrs={"rows": 2}))
