"""Deciding which offset is taken off a terminal's times."""

from __future__ import annotations

from typing import Any

from django import forms

from bridge_ingest.actions import ActionRefused
from bridge_ingest.clocks import read_offset, written
from bridge_ingest.models import ClientClock, ClockMode

USE, FOLLOW, STATED, REFUSE = "use", "follow", "stated", "refuse"


class ChoiceForm(forms.Form):
    """One of the buttons. `offset_s` is what the person saw on it."""

    choice = forms.ChoiceField(choices=[(each, each) for each in (USE, FOLLOW, STATED, REFUSE)])
    offset_s = forms.IntegerField(required=False)


class OffsetForm(forms.Form):
    offset = forms.CharField(
        max_length=12,
        label="Its clock stands at",
        help_text="UTC+3, UTC-5:30 or UTC. Whole quarters of an hour.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    follow = forms.BooleanField(
        required=False,
        label="Follow daylight saving",
        help_text="Steps of one hour that are measured are put in force without asking.",
    )

    def __init__(self, *args: Any, clock: ClientClock, **kwargs: Any) -> None:
        follows = clock.mode == ClockMode.AUTO
        kwargs["initial"] = {"offset": written(clock.in_force_s), "follow": follows}
        super().__init__(*args, **kwargs)

    def clean_offset(self) -> int:
        try:
            return read_offset(self.cleaned_data["offset"])
        except ActionRefused as refused:
            raise forms.ValidationError(str(refused)) from None
