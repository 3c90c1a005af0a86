"""Orders from pages and workers: end sessions of a revoked key, send waiting signals."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from bridge_ingest import names
from bridge_ingest.gateway import clocks, delivery
from bridge_ingest.protocol.session import Session
from bridge_ingest.store import async_redis

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import Bridge

log = structlog.get_logger(__name__)
_RETRY_S = 0.3
_WHY = {"revoked": "revoked", "expired": "expired", "auth": "one of a client that was disabled"}


async def listen(bridge: Bridge) -> None:
    """Obey orders; when Redis was away, look after what may have been missed meanwhile."""
    while True:
        try:
            await _listen_once(bridge)
        except (RedisError, DatabaseError, OSError) as error:
            log.warning("control_lost", error=str(error))
            await asyncio.sleep(_RETRY_S)


async def _listen_once(bridge: Bridge) -> None:
    client = async_redis()
    async with client, client.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(names.CONTROL)
        await _catch_up(bridge)
        async for message in subscription.listen():
            try:
                await _obey(bridge, msgspec.json.decode(message["data"]))
            except (msgspec.DecodeError, KeyError, TypeError) as error:
                log.error("order_not_understood", order=message["data"], error=repr(error))


async def _obey(bridge: Bridge, order: dict[str, Any]) -> None:
    match order["op"]:
        case "revoke":
            end_key(bridge, order["key"], "revoked", "The key was revoked.")
        case "expire":
            end_key(bridge, order["key"], "expired", "The key has expired.")
        case "end":
            _end_session(bridge, order)
        case "reconnect":
            end_client(bridge, order["client"])
        case "outbox":
            await delivery.deliver_to(bridge, order["client"])
        case "taken":
            await _end_superseded(bridge, order["stream"])
        case "reload":
            await bridge.directory.read_sources({order["client"]})
        case "clock":
            await clocks.read_anew(bridge, {order["client"]})


async def _catch_up(bridge: Bridge) -> None:
    """Orders given while we did not listen: keys, streams, symbols, clocks and signals."""
    await bridge.directory.read_sources({client.id for client in bridge.directory.clients})
    await clocks.read_anew(bridge)
    await end_inactive_keys(bridge)
    for stream in {session.stream for session in _numbered(bridge)}:
        await _end_superseded(bridge, stream)
    for client_id in {session.client.id for session in _numbered(bridge)}:
        await delivery.deliver_to(bridge, client_id)


async def end_inactive_keys(bridge: Bridge) -> None:
    """End sessions whose key no longer opens anything. Raises django.db.Error."""
    in_use = {session.opening.key_public_id for session in _numbered(bridge)}
    if in_use:
        for public_id, code in (await bridge.directory.no_longer_active(in_use)).items():
            end_key(bridge, public_id, code, f"The key is {_WHY[code]}.")


def end_key(bridge: Bridge, public_id: str, code: str, reason: str) -> None:
    for session in _numbered(bridge):
        if session.opening.key_public_id == public_id:
            session.end(code, reason)


async def _end_superseded(bridge: Bridge, stream: int) -> None:
    """A session on a stream that has another owner by now, here or at another gateway."""
    if not bridge.on_stream(stream):
        return
    owner = await bridge.owner(stream)
    for session in bridge.on_stream(stream):
        if owner and session.owner != owner:
            session.superseded()


def end_client(bridge: Bridge, client_id: int) -> None:
    """What the client must show has changed: it comes back and shows it."""
    for session in _numbered(bridge):
        if session.client.id == client_id:
            session.end("shutdown", "The client's settings have changed; connect again.")


def _end_session(bridge: Bridge, order: dict[str, Any]) -> None:
    for session in list(bridge.sessions.values()):
        if str(session.id) == order["session"]:
            session.end(order.get("code", "shutdown"), order.get("reason", "Ended by an operator."))


def _numbered(bridge: Bridge) -> list[Session]:
    return [session for session in bridge.sessions.values() if isinstance(session, Session)]
