"""Every change to clients and keys: one transaction, one audit entry, orders on commit."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from bridge_ingest import keys, sealing
from bridge_ingest.control import tell_gateways
from bridge_ingest.live import publish_event
from bridge_ingest.models import ApiKey, Client, Scope, Session

DEFAULT_SCOPES = (Scope.INGEST, Scope.SIGNALS)
DEMANDS = ("needs_certificate", "must_sign", "public_key")
"""What a client's sessions must show, or are checked with."""


_CHANGEABLE = frozenset({"platform", "note", "plain_address", *DEMANDS})
_PUBLIC_KEY = re.compile(r"[0-9a-fA-F]{64}")


class ActionRefused(Exception):
    """The change can't be made; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """The row, and the key's full text, which exists only here and now."""

    row: ApiKey
    text: str


@transaction.atomic
def register_client(
    *,
    name: str,
    platform: str,
    actor: User | None,
    source: str,
    note: str = "",
    plain_address: str = "",
) -> Client:
    """Raises ActionRefused when the name is taken or a field is wrong."""
    client = Client(
        name=name.strip(), platform=platform, note=note, plain_address=plain_address.strip()
    )
    _check(client)
    client.save()
    audit.record(
        actor=actor,
        action="client.register",
        object=client,
        after={"platform": platform, "note": note, "plain_address": client.plain_address},
        source=source,
    )
    _changed(client)
    return client


@transaction.atomic
def update_client(
    client: Client, *, actor: User | None, source: str, **changes: str | bool
) -> Client:
    """Change platform, note, plain_address or DEMANDS; the name stays: keys and charts know it.

    What its sessions must show holds at once: they end, and come back with it. Raises
    ActionRefused for any other field, and for a value that is wrong.
    """
    if changes.keys() - _CHANGEABLE:
        raise ActionRefused("A client's name stays, because keys and charts know it.")
    before = {name: getattr(client, name) for name in changes}
    for name, value in changes.items():
        setattr(client, name, value.strip() if isinstance(value, str) else value)
    _check(client)
    client.save(update_fields=list(changes))
    if any(before.get(name) != changes.get(name) for name in DEMANDS):
        tell_gateways({"op": "reconnect", "client": client.pk})
    audit.record(
        actor=actor,
        action="client.update",
        object=client,
        before=before,
        after=changes,
        source=source,
    )
    _changed(client)
    return client


@transaction.atomic
def disable_client(client: Client, *, actor: User | None, source: str) -> Client:
    """Its keys open nothing from now on, and its sessions end."""
    client.disabled_at = timezone.now()
    client.save(update_fields=["disabled_at"])
    audit.record(actor=actor, action="client.disable", object=client, source=source)
    for public_id in client.keys.values_list("public_id", flat=True):
        tell_gateways({"op": "revoke", "key": public_id})
    _changed(client)
    return client


@transaction.atomic
def enable_client(client: Client, *, actor: User | None, source: str) -> Client:
    client.disabled_at = None
    client.save(update_fields=["disabled_at"])
    audit.record(actor=actor, action="client.enable", object=client, source=source)
    _changed(client)
    return client


@transaction.atomic
def issue_signing_secret(client: Client, *, actor: User | None, source: str) -> str:
    """A new secret for `hmac:` digests. It exists in the clear only here and now."""
    secret = secrets.token_urlsafe(32)
    client.signing_secret = sealing.seal(secret.encode())
    client.save(update_fields=["signing_secret"])
    audit.record(actor=actor, action="client.signing_secret", object=client, source=source)
    tell_gateways({"op": "reconnect", "client": client.pk})
    _changed(client)
    return secret


@transaction.atomic
def issue_key(
    client: Client,
    *,
    scopes: Iterable[str],
    actor: User | None,
    source: str,
    expires_at: datetime | None = None,
    allowed_addresses: Iterable[str] = (),
) -> IssuedKey:
    """A new key of the client. Raises ActionRefused for unknown scopes or addresses."""
    chosen = list(dict.fromkeys(scopes))
    new = keys.generate()
    row = ApiKey(
        client=client,
        public_id=new.public_id,
        digest=new.digest,
        pepper=new.pepper,
        scopes=chosen,
        allowed_addresses=list(allowed_addresses),
        created_by=actor,
        expires_at=expires_at,
    )
    if not chosen:
        raise ActionRefused("A key needs at least one scope.")
    _check(row)
    row.save()
    _audit_key("key.issue", row, actor, source, after={"scopes": chosen, "expires_at": expires_at})
    return IssuedKey(row, new.text)


@transaction.atomic
def rotate_key(key: ApiKey, *, overlap: timedelta, actor: User | None, source: str) -> IssuedKey:
    """A successor with the same scopes; the old key goes on for `overlap`, then expires."""
    old = _locked(key)
    if old.rotated_to_id is not None:
        raise ActionRefused(f"The key {old.prefix} was rotated before; rotate its successor.")
    successor = issue_key(
        old.client,
        scopes=old.scopes,
        actor=actor,
        source=source,
        allowed_addresses=old.allowed_addresses,
    )
    ends = timezone.now() + overlap
    old.rotated_to = successor.row
    old.expires_at = min(ends, old.expires_at) if old.expires_at else ends
    old.save(update_fields=["rotated_to", "expires_at"])
    told = {"successor": successor.row.prefix, "expires_at": old.expires_at}
    _audit_key("key.rotate", old, actor, source, after=told)
    return successor


@transaction.atomic
def revoke_key(key: ApiKey, *, actor: User | None, source: str) -> ApiKey:
    """The key opens nothing from now on; its sessions end within a second on every gateway."""
    row = _locked(key)
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])
    _audit_key("key.revoke", row, actor, source, after={"revoked_at": row.revoked_at})
    tell_gateways({"op": "revoke", "key": row.public_id})
    return row


@transaction.atomic
def end_session(session: Session, *, actor: User | None, source: str) -> None:
    """Cut one connection; the terminal may connect again."""
    audit.record(actor=actor, action="session.end", object=session, source=source)
    order = {"op": "end", "session": str(session.pk), "code": "shutdown"}
    tell_gateways({**order, "reason": "Ended by an operator."})


def _locked(key: ApiKey) -> ApiKey:
    row = ApiKey.objects.select_for_update().get(pk=key.pk)
    if not row.is_active:
        raise ActionRefused(f"The key {row.prefix} is no longer active.")
    return row


def _audit_key(
    action: str, key: ApiKey, actor: User | None, source: str, after: dict[str, Any]
) -> None:
    name = f"{key.client.name} {key.prefix}"
    audit.record(
        actor=actor, action=action, object=key, object_name=name, after=after, source=source
    )
    _changed(key.client)


def _changed(client: Client) -> None:
    publish_event({"kind": "client", "id": client.pk})


def _check(row: Client | ApiKey) -> None:
    if isinstance(row, Client) and not row.name.isprintable():
        raise ActionRefused("A client's name must be printable: no terminal could say it.")
    try:
        row.full_clean(exclude=["digest", "created_by"])
    except ValidationError as error:
        raise ActionRefused(" ".join(error.messages)) from None
    if isinstance(row, Client):
        _check_signing(row)
    addresses = [row.plain_address] if isinstance(row, Client) else row.allowed_addresses
    for address in filter(None, addresses):
        if not keys.is_network(address):
            raise ActionRefused(f"{address} is neither an address nor a network (10.0.0.0/8).")


def _check_signing(client: Client) -> None:
    if client.public_key and not _PUBLIC_KEY.fullmatch(client.public_key):
        raise ActionRefused("An Ed25519 public key has 64 hex digits.")
    if client.must_sign and not (client.signing_secret or client.public_key):
        raise ActionRefused("Issue a signing secret or register a public key first.")
