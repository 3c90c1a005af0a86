"""Signals on their last step: from a client's outbox to one session of its, at one gateway.

A claim in Redis says which session was sent a message: two charts of one terminal must not both
execute, even if they are connected to two gateways. Claims of a session that has ended are let go;
those of a gateway that was killed lapse with the key by which it shows life.
"""

from __future__ import annotations

import time
from importlib import resources
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError

from bridge_ingest import names
from bridge_ingest.clock import now_us
from bridge_ingest.protocol.plain_session import PlainSession
from bridge_ingest.protocol.session import Session

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import AnySession, Bridge

log = structlog.get_logger(__name__)

_CLAIM = resources.files(__package__).joinpath("claim.lua").read_text()


async def deliver_to(bridge: Bridge, client_id: int) -> None:
    """Send a client's waiting signals to its newest session here.

    Raises redis.RedisError when Redis is away.
    """
    session = _newest(bridge, client_id)
    if session is not None:
        await deliver(bridge, session, client_id)


async def deliver(bridge: Bridge, session: AnySession, client_id: int) -> None:
    """Send what no living session of the client has been sent yet.

    Raises redis.RedisError when Redis is away.
    """
    waiting = await _claim(bridge, session, client_id)
    _forget_expired(session)
    for message_id, raw, holder in waiting:
        entry = msgspec.json.decode(raw)
        if entry["expires_ms"] <= time.time() * 1000:
            await _drop(bridge, client_id, message_id)
        elif message_id not in session.sent_signals and await _is_mine(
            bridge, session, client_id, message_id, holder
        ):
            session.sent_signals[message_id] = entry["expires_ms"]
            session.signal(entry["message"])
            _note_sent(session, message_id)
            if isinstance(session, PlainSession):  # this dialect cannot acknowledge
                await _drop(bridge, client_id, message_id)


async def try_deliver_to(bridge: Bridge, client_id: int) -> None:
    """As `deliver_to`; without Redis it is done when Redis is back."""
    try:
        await deliver_to(bridge, client_id)
    except RedisError as error:
        log.warning("outbox_unreachable", client=client_id, error=str(error))


async def forget_acknowledged(bridge: Bridge, session: Session) -> None:
    """Take acknowledged signals out of the outbox, so that they are not sent again."""
    acknowledged, session.acknowledged_signals = session.acknowledged_signals, []
    try:
        await _drop(bridge, session.client.id, *acknowledged)
    except RedisError as error:
        # It will be sent again after a reconnect, and its id keeps it from being drawn twice.
        log.warning("outbox_not_cleared", client=session.client.name, error=str(error))


async def hand_on(bridge: Bridge, session: Session) -> None:
    """A session has ended: what it was sent and did not acknowledge goes to another one."""
    if not session.sent_signals:
        return
    client_id = session.client.id
    try:
        await bridge.redis.hdel(names.claims(client_id), *session.sent_signals)
        order = msgspec.json.encode({"op": "outbox", "client": client_id})
        await bridge.redis.publish(names.CONTROL, order)
    except RedisError as error:
        log.warning("outbox_unreachable", client=session.client.name, error=str(error))


async def _claim(
    bridge: Bridge, session: AnySession, client_id: int
) -> list[tuple[str, bytes, tuple[str, str]]]:
    """What waits for the client, each with who holds it: this session, where nobody else does."""
    keys = (names.outbox(client_id), names.claims(client_id))
    # One answer for both: a strategy's signal waits for it.
    rows = await bridge.redis.eval(
        _CLAIM, len(keys), *keys, bridge.id, str(session.id), names.alive("")
    )
    return [
        (message_id.decode(), raw, (gateway.decode(), holder.decode()))
        for message_id, raw, gateway, holder in rows
    ]


async def _is_mine(
    bridge: Bridge, session: AnySession, client_id: int, message_id: str, holder: tuple[str, str]
) -> bool:
    """True when this session is the one that is to be sent the message."""
    mine = (bridge.id, str(session.id))
    if holder == mine:
        return session.ended is None
    gateway, holding = holder
    if gateway == bridge.id and not _lives(bridge, holding):
        await bridge.redis.hset(names.claims(client_id), message_id, " ".join(mine))
        return session.ended is None
    bridge.claimed_elsewhere.add(client_id)  # by a session that may end without a word
    return False


def _lives(bridge: Bridge, session_id: str) -> bool:
    session = bridge.sessions.get(UUID(session_id))
    return session is not None and session.ended is None


async def _drop(bridge: Bridge, client_id: int, *message_ids: str) -> None:
    async with bridge.redis.pipeline(transaction=True) as pipe:
        pipe.hdel(names.outbox(client_id), *message_ids)
        pipe.hdel(names.claims(client_id), *message_ids)
        await pipe.execute()


def _forget_expired(session: AnySession) -> None:
    """What has expired is never sent again, so it need not be remembered."""
    now_ms = time.time() * 1000
    expired = [known for known, expires in session.sent_signals.items() if expires <= now_ms]
    for known in expired:
        del session.sent_signals[known]


def _note_sent(session: AnySession, message_id: str) -> None:
    event = {"kind": "signal_sent", "id": message_id}
    session.emit(event, now_us())


def _newest(bridge: Bridge, client_id: int) -> AnySession | None:
    ready = [s for s in bridge.sessions.values() if _receives(s, client_id)]
    return ready[-1] if ready else None


def _receives(session: AnySession, client_id: int) -> bool:
    if session.ended is not None:
        return False
    if isinstance(session, Session):
        return session.client.id == client_id and session.opening.can_receive
    return session.hears and session.stream is not None and session.stream.client.id == client_id
