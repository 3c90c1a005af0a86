"""API keys: `fks_<public id>_<secret>`.

Only an HMAC-SHA256 of the whole key is stored, made with a numbered pepper that lies outside the
database, so a stolen table opens nothing. Lookup is by public id, comparison in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from bridge_ingest.models import ApiKey, Scope

_PUBLIC_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_PUBLIC_LENGTH = 10
_LAST_USED_EVERY = timedelta(minutes=1)


class KeyRefused(Exception):
    """The key opens nothing here; `code` is one of the protocol's error codes."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key's parts at the only moment its text exists here."""

    text: str
    public_id: str
    digest: str
    pepper: int


def generate() -> NewKey:
    public_id = "".join(secrets.choice(_PUBLIC_ALPHABET) for _ in range(_PUBLIC_LENGTH))
    text = f"fks_{public_id}_{secrets.token_urlsafe(32)}"
    pepper = max(settings.FKS.key_peppers)
    return NewKey(text, public_id, _digest(text, pepper), pepper)


def authenticate(text: str, scope: Scope | str, peer: str | None = None) -> ApiKey:
    """Return the key row with its client, or raise KeyRefused."""
    key = find(text)
    check(key, scope, peer)
    touch(key)
    return key


def find(text: str) -> ApiKey:
    """The row whose digest fits. Raises KeyRefused("auth") when there is none."""
    parts = text.split("_", 2)
    rows = ApiKey.objects.select_related("client")
    sound = len(parts) == 3 and parts[1].isascii() and parts[1].isalnum()
    key = rows.filter(public_id=parts[1]).first() if sound else None
    if key is not None and key.pepper not in settings.FKS.key_peppers:
        key = None  # made with a pepper that has been retired, and so have its keys
    # The digest is computed for an unknown id too, so that timing does not tell ids apart.
    pepper = key.pepper if key else max(settings.FKS.key_peppers)
    expected = key.digest if key else ""
    if not hmac.compare_digest(_digest(text, pepper), expected) or key is None:
        raise KeyRefused("auth", "This key is not known. Issue one on the client's page.")
    return key


def check(key: ApiKey, scope: Scope | str, peer: str | None) -> None:
    """Raise KeyRefused when the key opens nothing now, or not this, or not from there."""
    if key.revoked_at is not None:
        raise KeyRefused("revoked", f"The key {key.prefix} was revoked.")
    if key.expires_at is not None and key.expires_at <= timezone.now():
        raise KeyRefused("expired", f"The key {key.prefix} has expired. Rotate it.")
    if key.client.disabled_at is not None:
        raise KeyRefused("auth", f"The client {key.client.name} is disabled.")
    if scope not in key.scopes:
        raise KeyRefused("scope", f"The key {key.prefix} lacks the scope {scope}.")
    if peer and key.allowed_addresses and not in_networks(peer, key.allowed_addresses):
        raise KeyRefused("ip", f"The key {key.prefix} may not be used from {peer}.")


def touch(key: ApiKey) -> None:
    """Remember the use, at most once a minute."""
    now = timezone.now()
    stale = key.last_used_at is None or now - key.last_used_at > _LAST_USED_EVERY
    if stale:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def in_networks(address: str, networks: list[str]) -> bool:
    """True when the address lies in one of the CIDR networks. A malformed address lies in none."""
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(peer, "ipv4_mapped", None)  # how a dual-stack socket shows an IPv4 peer
    address_here = mapped or peer
    return any(address_here in ipaddress.ip_network(each, strict=False) for each in networks)


def is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _digest(text: str, pepper: int) -> str:
    secret = settings.FKS.key_peppers[pepper].encode()
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
