"""Bringing history in: first the file, then how it is to be read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core import signing

from bridge_ingest.models import Client
from bridge_ingest.protocol.messages import PERIODS_S
from market.imports import actions
from market.imports.files import Taken
from market.imports.reading import Known
from market.imports.shape import Kind

ZONES = (
    ("NY+7", "Most MetaTrader brokers: New York + 7 h, a day ends at 17:00 New York"),
    ("UTC", "UTC"),
    ("Europe/Athens", "Eastern Europe, with Europe's daylight saving"),
    ("America/New_York", "New York"),
    ("America/Chicago", "Chicago"),
    ("Europe/London", "London"),
)
STAMPS = (("open", "when a bar opens"), ("close", "when a bar closes"))
_HOLDS_S = 86_400


class UploadForm(forms.Form):
    file = forms.FileField(
        help_text="An export of MetaTrader 4 or 5 (csv, .hst), copy_rates, NinjaTrader, our "
        "NinjaTrader indicator or TradingView; .gz too. It is recognised by what it holds.",
    )


class TermsForm(forms.Form):
    """What the file does not say, and what can be said otherwise."""

    client = forms.ModelChoiceField(
        Client.objects.filter(disabled_at=None), empty_label="Choose", help_text="Whose quotes."
    )
    symbol = forms.CharField(
        max_length=64,
        help_text="As this client's terminal names it: EURUSD.m, ES 12-26.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    zone = forms.CharField(
        max_length=64,
        label="Times are of",
        help_text="A zone such as NY+7, Europe/Athens, UTC or +02:00.",
        widget=forms.TextInput(attrs={"list": "zones", "spellcheck": "false"}),
    )
    stamp = forms.ChoiceField(choices=STAMPS, label="Times say")
    period = forms.ChoiceField(
        choices=[("", "Choose"), *((name, name) for name in PERIODS_S)], label="Each bar lasts"
    )
    token = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, known: Known, **kwargs: Any) -> None:
        names = {seconds: name for name, seconds in PERIODS_S.items()}
        usual = {
            "symbol": known.layout.symbol,
            "zone": known.zone or "",
            "stamp": known.stamp,
            "period": names.get(known.period_s or 0, ""),
        }
        kwargs["initial"] = usual | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        if known.format.zone_stated:
            del self.fields["zone"]
        if known.format.kind is Kind.TICKS:
            del self.fields["stamp"], self.fields["period"]


def token_of(taken: Taken, name: str) -> str:
    """Names a received file to whoever sent it, and to nobody else."""
    return signing.dumps([taken.path.name, taken.sha256, name[-200:]], salt="import")


def received(token: str) -> tuple[Taken, str] | None:
    """The file that a token names, with the name it came under; None when it is gone."""
    try:
        place, sha256, name = signing.loads(token, salt="import", max_age=_HOLDS_S)
        return actions.received(place, sha256), name
    except (signing.BadSignature, OSError):
        return None
