"""Parameters of a rule: a field for each, made from what the rule declares."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.reading.rules import ParameterView, RuleView
from market.models import Instrument


class RuleForm(forms.Form):
    """An empty field takes its parameter back to what the rule says without this row."""

    instrument = forms.ModelChoiceField(
        queryset=Instrument.objects.all(), empty_label="Choose one", label="For"
    )
    enabled = forms.BooleanField(required=False, label="Switched on")

    def __init__(
        self, *args: Any, view: RuleView, asks_instrument: bool = False, **kwargs: Any
    ) -> None:
        given = {each.name: f"{each.given:g}" for each in view.given}
        kwargs["initial"] = {"enabled": view.enabled, **given}
        super().__init__(*args, **kwargs)
        if not asks_instrument:
            del self.fields["instrument"]
        for each in view.parameters:
            self.fields[each.name] = _number(each)
        self._names = [each.name for each in view.parameters]

    @property
    def parameters(self) -> dict[str, float | None]:
        return {name: self.cleaned_data[name] for name in self._names}


def _number(view: ParameterView) -> forms.Field:
    low, high = view.limits.low, view.limits.high
    widget = forms.TextInput(
        attrs={
            "inputmode": "decimal",
            "placeholder": f"{view.inherited:g}",
            "title": f"From {low:g} to {high:g}. Empty: {view.inherited:g}.",
        }
    )
    about: dict[str, Any] = {
        "label": view.label, "required": False, "help_text": view.limits.meaning, "widget": widget
    }  # fmt: skip
    if view.is_whole:
        return forms.IntegerField(min_value=int(low), max_value=int(high), **about)
    return forms.FloatField(min_value=low, max_value=high, **about)
