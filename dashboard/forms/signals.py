"""The signal ticket, and the parameters of strategies."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from bridge_ingest.models import Client
from signals.models import Action
from signals.strategies.base import Strategy
from signals.strategies.registry import STRATEGIES

LIVES = {
    "30": "30 seconds",
    "60": "A minute",
    "300": "5 minutes",
    "900": "15 minutes",
    "3600": "An hour",
    "14400": "4 hours",
    "86400": "A day",
}


def _price(label: str) -> forms.FloatField:
    attributes = {"inputmode": "decimal", "autocomplete": "off"}
    return forms.FloatField(label=label, required=False, widget=forms.TextInput(attrs=attributes))


class TicketForm(forms.Form):
    """Reads an instruction; whether it may go out is decided by `signals.actions.push`."""

    symbol = forms.CharField(
        max_length=64,
        widget=forms.TextInput(
            attrs={"list": "symbols", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    action = forms.ChoiceField(choices=Action.choices, widget=forms.RadioSelect)
    entry = _price("Entry")
    stop_loss = _price("Stop loss")
    take_profit = _price("Take profit")
    clients = forms.ModelMultipleChoiceField(
        queryset=Client.objects.none(),
        required=False,  # none chosen is said by the desk's own check, in its words
        widget=forms.CheckboxSelectMultiple,
        label="To",
    )
    life = forms.ChoiceField(choices=list(LIVES.items()), initial="300", label="Expires after")
    confidence = forms.FloatField(
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "placeholder": "0 to 1"}),
    )
    note = forms.CharField(max_length=300, required=False)
    execute = forms.ChoiceField(
        choices=[("", "Draw on the chart"), ("yes", "Execute at the terminal")],
        required=False,
        widget=forms.RadioSelect,
        label="At the terminal",
    )
    ticket = forms.UUIDField(widget=forms.HiddenInput)
    """Makes a second click on the same ticket the same signal."""

    def __init__(self, *args: Any, clients: QuerySet[Client], **kwargs: Any) -> None:
        first = {"ticket": uuid4(), "action": Action.BUY, "execute": ""}
        kwargs["initial"] = first | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        cast("forms.ModelMultipleChoiceField[Client]", self.fields["clients"]).queryset = clients

    @property
    def instruction(self) -> dict[str, Any]:
        """The arguments of `signals.actions.push`."""
        names = (
            "symbol", "action", "entry", "stop_loss", "take_profit", "confidence", "note",
            "clients",
        )  # fmt: skip
        given = {name: self.cleaned_data[name] for name in names}
        return given | {
            "expires_at": self._expires_at,
            "execute": self.cleaned_data["execute"] == "yes",
            "signal_id": self.cleaned_data["ticket"],
        }

    @property
    def _expires_at(self) -> datetime:
        return timezone.now() + timedelta(seconds=int(self.cleaned_data["life"]))

    def explain(self, problems: dict[str, str]) -> None:
        """Put the desk's refusals beside the fields they speak of."""
        for field, reason in problems.items():
            name = "life" if field == "expires_at" else field
            self.add_error(name if name in self.fields else None, reason)


class StrategyForm(forms.Form):
    """Made from what the strategy declares: a number field for each parameter, with its range."""

    enabled = forms.BooleanField(required=False, label="Switched on")

    def __init__(self, *args: Any, strategy: Strategy[Any, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in strategy.declared():
            low, high = f"{parameter.low:g}", f"{parameter.high:g}"
            self.fields[parameter.name] = forms.FloatField(
                label=f"{parameter.label}, {parameter.unit}",
                min_value=parameter.low,
                max_value=parameter.high,
                widget=forms.TextInput(
                    attrs={"inputmode": "decimal", "title": f"From {low} to {high}"}
                ),
            )

    @property
    def parameters(self) -> dict[str, float]:
        return {name: value for name, value in self.cleaned_data.items() if name != "enabled"}


def strategy_form(name: str, *args: Any, **kwargs: Any) -> StrategyForm:
    """Raises KeyError for an unknown strategy."""
    return StrategyForm(*args, strategy=STRATEGIES[name], prefix=name, **kwargs)
