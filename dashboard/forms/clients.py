"""Registering clients and issuing their keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from bridge_ingest.actions import DEFAULT_SCOPES
from bridge_ingest.models import Client, Platform, Scope

LIFETIMES = {"never": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year"}
OVERLAPS = {
    "0": "At once",
    "3600": "After an hour",
    "86400": "After a day",
    "604800": "After a week",
}

SCOPES_BY_PLATFORM: dict[str, tuple[Scope, ...]] = {
    Platform.TRADINGVIEW: (Scope.WEBHOOK,),
}
"""What a key of a platform usually may; others get DEFAULT_SCOPES."""


class DetailsForm(forms.Form):
    """What can be changed of a client."""

    platform = forms.ChoiceField(choices=Platform.choices)
    note = forms.CharField(
        max_length=500, required=False, help_text="Broker, account, who looks after it."
    )
    plain_address = forms.CharField(
        max_length=64,
        required=False,
        label="Plain dialect from",
        help_text="An address or network (192.168.1.0/24) from which this client may speak without "
        "a key. Losses on such a connection can't be detected.",
    )

    def __init__(self, *args: Any, client: Client | None = None, **kwargs: Any) -> None:
        if client is not None:
            kwargs["initial"] = {name: getattr(client, name) for name in self.base_fields}
        super().__init__(*args, **kwargs)


class ChangeForm(DetailsForm):
    """Proof is demanded later than the client is registered: it has no signing secret before."""

    needs_certificate = forms.BooleanField(
        required=False,
        label="Needs a client certificate",
        help_text="Its sessions must come over TLS with a certificate of this client's name.",
    )
    must_sign = forms.BooleanField(
        required=False,
        label="Must sign",
        help_text="Every message needs an hmac or ed25519 digest; what has none is refused.",
    )
    public_key = forms.CharField(
        max_length=64,
        required=False,
        label="Ed25519 public key",
        help_text="64 hex digits, for a terminal that signs with a key pair of its own.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class RegisterForm(DetailsForm):
    name = forms.CharField(
        max_length=64,
        help_text="As you speak of it: the broker, or broker and account. It stays for good.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("name", "platform", "note", "plain_address")


class IssueKeyForm(forms.Form):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=forms.CheckboxSelectMultiple, label="It may"
    )
    lifetime = forms.ChoiceField(choices=list(LIFETIMES.items()), label="Expires")
    allowed_addresses = forms.CharField(
        required=False,
        label="Only from",
        help_text="Addresses or networks, separated by spaces. Empty: from anywhere.",
        widget=forms.TextInput(attrs={"placeholder": "203.0.113.7 10.0.0.0/8"}),
    )

    def __init__(self, *args: Any, client: Client, **kwargs: Any) -> None:
        usual = SCOPES_BY_PLATFORM.get(client.platform, DEFAULT_SCOPES)
        kwargs.setdefault("initial", {"scopes": list(usual)})
        super().__init__(*args, **kwargs)

    @property
    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["lifetime"]
        return None if days == "never" else timezone.now() + timedelta(days=int(days))

    @property
    def addresses(self) -> list[str]:
        text: str = self.cleaned_data["allowed_addresses"]
        return text.replace(",", " ").split()


class RotateForm(forms.Form):
    overlap = forms.ChoiceField(
        choices=list(OVERLAPS.items()),
        initial="86400",
        label="The old key ends",
        help_text="Until then both open the door, so that the terminal can be changed in peace.",
    )

    @property
    def period(self) -> timedelta:
        return timedelta(seconds=int(self.cleaned_data["overlap"]))
