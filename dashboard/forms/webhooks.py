"""How a client's alerts are read: its dialect, and which value is which."""

from __future__ import annotations

from typing import Any

from django import forms

from bridge_ingest.dialects.csv_row import SEPARATORS
from bridge_ingest.dialects.mapping import DIALECTS, TARGETS, Mapping
from bridge_ingest.protocol.messages import PERIODS_S

FIRST = ("symbol", "price", "time", "action", "stop_loss", "take_profit")
"""What most mappings are about; the other targets stand below, folded away."""


class MappingForm(forms.Form):
    """One field for each target, named `to_<target>`, holding a path."""

    dialect = forms.ChoiceField(choices=list(DIALECTS.items()), required=False, label="Form")
    separator = forms.ChoiceField(
        choices=[(name, name.capitalize()) for name in SEPARATORS], label="Columns are separated by"
    )
    symbol = forms.CharField(
        max_length=64, required=False, label="Symbol, where an alert names none"
    )
    period = forms.ChoiceField(
        choices=[(name, name) for name in PERIODS_S], label="Period, where a bar names none"
    )
    repeat_path = forms.CharField(
        max_length=64,
        required=False,
        label="Key that tells alerts apart",
        help_text="Empty: the same text within a minute is one alert.",
    )

    secret_path = forms.CharField(max_length=64, required=False, label="Password stands at")
    secret = forms.CharField(
        max_length=200,
        required=False,
        label="Password",
        help_text="Only its digest is kept. Empty: as it is.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, mapping: Mapping, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "dialect": mapping.dialect,
            "separator": mapping.separator,
            "symbol": mapping.symbol,
            "period": mapping.period,
            "repeat_path": mapping.repeat_path,
            "secret_path": mapping.secret_path,
            **{f"to_{target}": path for target, path in mapping.paths.items()},
        }
        super().__init__(*args, **kwargs)
        for target, label in TARGETS.items():
            self.fields[f"to_{target}"] = forms.CharField(
                max_length=64, required=False, label=label
            )
        for name, each in self.fields.items():
            if name.startswith("to_") or name in ("repeat_path", "secret_path"):
                attributes = {"list": "webhook-paths", "autocomplete": "off", "spellcheck": "false"}
                each.widget.attrs.update(attributes)

    @property
    def mapping(self) -> Mapping:
        """After validation."""
        given = self.cleaned_data
        paths = {target: given[f"to_{target}"] for target in TARGETS if given[f"to_{target}"]}
        return Mapping(
            dialect=given["dialect"],
            separator=given["separator"],
            paths=paths,
            symbol=given["symbol"],
            period=given["period"],
            repeat_path=given["repeat_path"],
            secret_path=given["secret_path"],
        )

    @property
    def first_targets(self) -> list[forms.BoundField]:
        return [self[f"to_{target}"] for target in FIRST]

    @property
    def other_targets(self) -> list[forms.BoundField]:
        return [self[f"to_{target}"] for target in TARGETS if target not in FIRST]
