"""Giving a terminal's symbol another instrument."""

from __future__ import annotations

from typing import Any

from django import forms

from market.models import Instrument


class MatchForm(forms.Form):
    """`target` is a button's suggestion, or what a person has chosen or written."""

    target = forms.CharField(
        max_length=64,
        label="Instrument",
        help_text="Its exact name: capitals count.",
        widget=forms.TextInput(
            attrs={"list": "instrument-names", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    anyway = forms.BooleanField(
        required=False,
        label="Though prices differ",
        help_text="Match it even if its prices are not those of the instrument.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = list(
            Instrument.objects.filter(feeds__isnull=False)
            .distinct()
            .values_list("symbol", flat=True)
        )
