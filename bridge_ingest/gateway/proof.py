"""What a client must show besides its key: a certificate, a signature on what it sends."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from bridge_ingest import sealing
from bridge_ingest.clock import now_us
from bridge_ingest.models import Client
from bridge_ingest.protocol.digests import CODE, Verifier
from bridge_ingest.protocol.errors import Refused, SessionError
from bridge_ingest.protocol.intake import Peer
from bridge_ingest.protocol.refusals import refusal_event

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import Bridge
    from bridge_ingest.gateway.directory import Identity

log = structlog.get_logger(__name__)

SIGNED_WITHIN_S = 300
"""A signed post is taken so long before and after the moment it states, and only once."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What a client's sessions must show, from its row."""

    verifier: Verifier
    needs_certificate: bool


def demands_of(client: Client) -> Demands:
    secret = b""
    if client.signing_secret:
        try:
            secret = sealing.unseal(client.signing_secret)
        except sealing.Unreadable as error:
            log.error("signing_secret_unreadable", client=client.name, error=str(error))
    verifier = Verifier(secret, bytes.fromhex(client.public_key), client.must_sign)
    return Demands(verifier, client.needs_certificate)


def check_certificate(demands: Demands, client: str, peer: Peer) -> None:
    """Raises SessionError unless the peer has shown a certificate of the client's name."""
    if not demands.needs_certificate or peer.certificate == client:
        return
    if not peer.certificate:
        reason = "This client must show a client certificate. Use the TLS port with one."
        raise SessionError("tls_required", reason)
    raise SessionError("auth", f"The certificate is one of {peer.certificate!r}, not {client!r}.")


Check = Callable[["Bridge", "Identity", Peer], Awaitable[Verifier]]
"""Checks what came with a hello; returns what the rest of the session is checked with."""


def by_line(line: bytes) -> Check:
    """The hello itself carries a digest, as every line of a client that must sign."""

    async def check(bridge: Bridge, identity: Identity, peer: Peer) -> Verifier:
        verifier = identity.demands.verifier
        try:
            verifier.open(line)
        except Refused as refused:
            raise _failed(bridge, identity, peer, refused.reason) from None
        return verifier

    return check


def by_header(header: str, body: bytes) -> Check:
    """`X-Bridge-Signature: t=<unix s>,hmac=<hex>` over `t + "." + body`."""

    async def check(bridge: Bridge, identity: Identity, peer: Peer) -> Verifier:
        verifier = identity.demands.verifier
        if not header:
            if verifier.required:
                reason = "This client must sign: X-Bridge-Signature is missing."
                raise _failed(bridge, identity, peer, reason)
            return verifier
        try:
            digest = _check_header(verifier, header, body)
        except Refused as refused:
            raise _failed(bridge, identity, peer, refused.reason) from None
        await _remember(bridge, identity, peer, digest)
        return replace(verifier, required=False)  # the header vouches for every line

    return check


def _check_header(verifier: Verifier, header: str, body: bytes) -> str:
    """A digest of what was signed. Raises Refused."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    stated = parts.pop("t", "")
    kinds = [kind for kind in ("hmac", "ed25519") if kind in parts]
    if not stated.isascii() or not stated.isdigit() or len(stated) > 12 or not kinds:
        raise Refused("digest", "", "X-Bridge-Signature must read t=<unix s>,hmac=<hex>.")
    apart_s = abs(time.time() - int(stated))
    if apart_s > SIGNED_WITHIN_S:
        reason = f"The signature's time is {apart_s:.0f} s away; {SIGNED_WITHIN_S} s are allowed."
        raise Refused("digest", "", reason)
    signed = stated.encode() + b"." + body
    for kind in kinds:
        verifier.check(kind, parts[kind].lower(), signed)
    return hashlib.sha256(signed).hexdigest()


async def _remember(bridge: Bridge, identity: Identity, peer: Peer, digest: str) -> None:
    """Raises SessionError when it was taken before. Raises redis.RedisError."""
    name = f"fks:signed:{identity.client.id}:{digest}"
    # Both sides of the stated moment: it may be taken at any time within.
    if not await bridge.redis.set(name, b"", nx=True, ex=2 * SIGNED_WITHIN_S):
        reason = "This signed body was taken before; sign it anew to send it again."
        raise _failed(bridge, identity, peer, reason)


def _failed(bridge: Bridge, identity: Identity, peer: Peer, reason: str) -> SessionError:
    of = {"client": identity.client.id, "stream": None, "session": None, "received_us": now_us()}
    refused = refusal_event(Refused(CODE, "", reason), peer, b"", None)
    bridge.journal.add_event({**refused, **of})
    bridge.journal.add_event({"kind": "bad_digest", "count": 1, **of})
    return SessionError("auth", reason)
