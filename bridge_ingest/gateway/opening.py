"""From a hello to a session: key, scopes, TLS, stream, number to resume at."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from bridge_ingest.gateway.bridge import Bridge
from bridge_ingest.gateway.directory import Identity
from bridge_ingest.gateway.proof import Check, check_certificate
from bridge_ingest.gateway.report import report_opened
from bridge_ingest.keys import KeyRefused
from bridge_ingest.models import Scope
from bridge_ingest.protocol.binary import FEATURES
from bridge_ingest.protocol.digests import Verifier
from bridge_ingest.protocol.errors import SessionError
from bridge_ingest.protocol.intake import Peer, Send
from bridge_ingest.protocol.messages import Hello
from bridge_ingest.protocol.opening import Opening
from bridge_ingest.protocol.records import Clocks
from bridge_ingest.protocol.session import Session

log = structlog.get_logger(__name__)

STORE_WITHIN_S = 5.0
"""A terminal that waits longer for its welcome has most likely gone and come again."""


@dataclass(frozen=True, slots=True)
class Place:
    """The stream that a session has taken over, and how far it has come."""

    session_id: uuid.UUID
    stream: int
    watermark: int


async def open_session(
    bridge: Bridge, hello: Hello, peer: Peer, send: Send, proof: Check
) -> Session:
    """Raises SessionError with the protocol's code when the hello opens nothing."""
    if hello.protocol != 1:
        raise SessionError("protocol", f"Protocol {hello.protocol} is not spoken here; 1 is.")
    if not (hello.client.isprintable() and hello.stream.isprintable()):
        raise SessionError("protocol", "client and stream must be printable.")
    if not (peer.is_secure or peer.is_loopback):
        raise SessionError("tls_required", "A key must not travel in the clear. Use the TLS port.")
    try:
        async with asyncio.timeout(STORE_WITHIN_S):
            identity = await _identify(bridge, hello, peer)
            _check_sessions(bridge, identity)
            check_certificate(identity.demands, identity.client.name, peer)
            verifier = await proof(bridge, identity, peer)
            stream, stored = await bridge.directory.stream(identity.client, hello.stream)
            # One hello at a time for a stream: two must not both be given the same number.
            async with bridge.opening(stream):
                _end_older(bridge, stream)
                session_id = uuid.uuid4()
                watermark = await bridge.take_over(stream, str(session_id), stored)
                place = Place(session_id, stream, watermark)
                opening = _opening(hello, identity, verifier, peer, place)
                session = Session(opening, bridge.journal, bridge.board, peer, send)
                _check_room(bridge)
                bridge.add(session)
    except (DatabaseError, RedisError, OSError) as error:  # TimeoutError is an OSError
        log.error("hello_failed", client=hello.client, error=repr(error))
        raise SessionError("busy", "The bridge's store is away; try again in a moment.") from None
    report_opened(bridge, session, hello, peer.transport)
    return session


async def _identify(bridge: Bridge, hello: Hello, peer: Peer) -> Identity:
    try:
        identity = await bridge.directory.identify(hello.key, None, peer.address)
    except KeyRefused as refused:
        raise SessionError(refused.code, refused.reason) from None
    if identity.client.name != hello.client:
        raise SessionError("auth", f"This key is not one of the client {hello.client!r}.")
    if hello.mode == "replay" and Scope.REPLAY not in identity.scopes:
        raise SessionError("auth", "The key lacks the scope replay.")
    if not identity.scopes & {Scope.INGEST, Scope.SIGNALS, Scope.REPLAY, Scope.HISTORY}:
        raise SessionError("auth", "The key opens no session: it lacks ingest and signals.")
    return identity


def _check_sessions(bridge: Bridge, identity: Identity) -> None:
    open_now = len(bridge.of_client(identity.client.id))
    if open_now >= settings.FKS.client_sessions:
        reason = f"This client has {open_now} sessions here already; close one first."
        raise SessionError("limit", reason)


def _check_room(bridge: Bridge) -> None:
    """At the last moment: connections that have yet to say hello are not counted before."""
    most = settings.FKS.max_sessions
    if len(bridge.sessions) < most:
        return
    if sum(session.ended is None for session in bridge.sessions.values()) >= most:
        raise SessionError("busy", "The bridge is full; try again later.")


def _end_older(bridge: Bridge, stream: int) -> None:
    for older in bridge.on_stream(stream):
        older.end("superseded", "A newer session has taken over this stream.")


def _opening(
    hello: Hello, identity: Identity, verifier: Verifier, peer: Peer, place: Place
) -> Opening:
    replay = hello.mode == "replay"
    clocks = Clocks(hello.utc_offset_s, replay, meter=identity.client.meter)
    clocks.follow(identity.client.offset_s)
    return Opening(
        id=place.session_id,
        client=identity.client,
        stream=place.stream,
        watermark=place.watermark,
        clocks=clocks,
        can_ingest=Scope.INGEST in identity.scopes or replay,
        can_receive=Scope.SIGNALS in identity.scopes and not replay,
        key_id=identity.key_id,
        key_public_id=identity.key_public_id,
        verifier=verifier,
        features=_features(hello, verifier, peer),
        account=str(hello.account),
    )


def _features(hello: Hello, verifier: Verifier, peer: Peer) -> frozenset[str]:
    """Those asked for that can be had: a binary batch has no room for a digest."""
    if peer.transport == "http":
        return frozenset()
    offered = FEATURES - {"binary"} if verifier.required else FEATURES
    return offered & frozenset(hello.features)
