"""What a POST does: one object, an array or lines; plain, with a key, or by a webhook's address."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from bridge_ingest.clock import now_us
from bridge_ingest.dialects.body import MAX_BODY_BYTES
from bridge_ingest.gateway import delivery
from bridge_ingest.gateway.bridge import Bridge
from bridge_ingest.gateway.conversation import plain_session, work_plain
from bridge_ingest.gateway.directory import Identity
from bridge_ingest.gateway.opening import open_session
from bridge_ingest.gateway.proof import Check, by_header, check_certificate
from bridge_ingest.gateway.report import report_closed
from bridge_ingest.keys import KeyRefused
from bridge_ingest.protocol.digests import Verifier
from bridge_ingest.protocol.errors import Refused, SessionError
from bridge_ingest.protocol.framing import ObjectFramer
from bridge_ingest.protocol.intake import ClientState, Peer
from bridge_ingest.protocol.messages import Hello
from bridge_ingest.protocol.plain_session import PlainStream
from bridge_ingest.protocol.session import Session

if TYPE_CHECKING:
    from bridge_ingest.gateway.http import Post

log = structlog.get_logger(__name__)

_COMMIT_WITHIN_S = 2.5
"""TradingView gives up after 3 s; 503 makes it send again."""
_EVENT_BYTES = 200
"""What a post takes in the journal besides its body."""

_STATUS = {
    "auth": 401,
    "busy": 503,
    "shutdown": 503,
    "protocol": 400,
    "limit": 400,
    "rate": 429,
    "superseded": 409,
}
"""HTTP's word for the codes that end a session; every other is 403."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: dict[str, Any]


def _error(status: int, message: str, code: str = "") -> Answer:
    coded = {"type": "error", "code": code} if code else {}
    return Answer(status, {"status": "error", **coded, "message": message})


_BUSY = _error(503, "The bridge's store is away or behind; send it again.", "busy")


async def post_data(bridge: Bridge, post: Post) -> Answer:
    """`POST /api/data`: with a Bearer key the protocol, from loopback the plain dialect."""
    if bridge.journal.is_full:
        return _BUSY
    if post.bearer:
        return await _numbered(bridge, post)
    if not _may_speak_plain(post):
        return _error(401, "A key is needed: Authorization: Bearer.", "auth")
    return await _plain(bridge, post, bridge.plain_stream)


async def post_bridge(bridge: Bridge, post: Post, token: str) -> Answer:
    """`POST /api/bridge/<key>`: a client's alerts; without a key, from loopback: plain objects."""
    if bridge.journal.is_full:
        return _BUSY
    if token:
        return await _webhook(bridge, post, token)
    if not _may_speak_plain(post):
        return _error(401, "The address must carry a key.", "auth")
    return await _plain(bridge, replace(post, body=_message_of(post)), bridge.plain_stream)


async def _webhook(bridge: Bridge, post: Post, token: str) -> Answer:
    """Stored first, understood later: what is wrong with an alert stands on the client's page."""
    try:
        identity = await bridge.tokens.identify(token, post.peer.address)
        check_certificate(identity.demands, identity.client.name, post.peer)
        await _proof(post)(bridge, identity, post.peer)
    except (KeyRefused, SessionError) as refused:
        return _error(429 if refused.code == "rate" else 403, refused.reason, refused.code)
    except (DatabaseError, RedisError, OSError) as error:
        log.error("webhook_store_away", error=str(error))
        return _BUSY
    body = post.body[: MAX_BODY_BYTES + 1]
    event = {
        "kind": "webhook",
        "client": identity.client.id,
        "body": body,
        "content_type": post.content_type[:100],
        "peer": post.peer.address,
        "received_us": now_us(),
    }
    bridge.journal.add_event(event, len(body) + _EVENT_BYTES)
    if not await _is_settled(bridge):
        return _BUSY
    if len(post.body) > MAX_BODY_BYTES:
        return _error(413, f"The alert is over {MAX_BODY_BYTES // 1024} KiB.", "too_long")
    return Answer(200, {"status": "success"})


def _proof(post: Post) -> Check:
    """What every post with a key must pass. The rate comes first: a post that is turned away must
    neither open a session nor use up its signature, or it could not be sent again."""

    async def check(bridge: Bridge, identity: Identity, peer: Peer) -> Verifier:
        _check_rate(identity.client)
        return await by_header(post.signature, post.raw)(bridge, identity, peer)

    return check


def _check_rate(client: ClientState) -> None:
    """Raises SessionError when the client posts too often."""
    posts = client.limits.posts
    if not posts.spare(1, time.monotonic()):
        raise SessionError("rate", f"This client may post {posts.per_s:,.0f} times a second.")


def _may_speak_plain(post: Post) -> bool:
    return post.peer.is_loopback and bool(settings.FKS.plain_loopback)


def _message_of(post: Post) -> bytes:
    """The alert itself: the body, or its form field `message` when the body is a form."""
    if post.body.startswith(b"{") or "urlencoded" not in post.content_type.lower():
        return post.body
    fields = parse_qs(post.body.decode("utf-8", "replace"))
    return fields.get("message", [""])[0].encode() or post.body


# Plain posts.


async def _plain(
    bridge: Bridge, post: Post, stream_of: Callable[[str], PlainStream | None]
) -> Answer:
    session = plain_session(bridge, post.peer, lambda _: None)
    session.stream_of = stream_of
    for piece in _pieces(post.body):
        session.feed_message(piece)
    if not await _in_time(work_plain(bridge, session)) or not await _is_settled(bridge):
        return _BUSY
    if session.stream is not None and session.stream.is_lost:
        return _BUSY
    if first := session.first_refusal:
        return _error(400, first.reason, first.code)
    return Answer(200, {"status": "success"})


def _pieces(body: bytes) -> list[bytes]:
    """Objects of a body: one, several with or without separator, or a JSON array of them."""
    if body.startswith(b"["):
        try:
            array = msgspec.json.decode(body, type=list[msgspec.Raw])
            return [bytes(raw) for raw in array] or [body]
        except (msgspec.DecodeError, RecursionError):
            return [body]
    framer = ObjectFramer()
    try:
        pieces = framer.feed(body)
    except SessionError:
        return [body]
    rest = framer.pending
    return [*pieces, rest] if rest or not pieces else pieces


async def _in_time(work: Coroutine[Any, Any, None]) -> bool:
    """False when PostgreSQL did not answer soon enough about a name never seen before."""
    try:
        async with asyncio.timeout(_COMMIT_WITHIN_S):
            await work
    except TimeoutError:
        return False
    return True


async def _is_settled(bridge: Bridge) -> bool:
    try:
        async with asyncio.timeout(_COMMIT_WITHIN_S):
            await bridge.journal.settled()
    except TimeoutError:
        return False
    return True


# Posts with a key.


class Replies(list[bytes]):
    """What the session says; `news` is set once there is something not to be kept waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.news = asyncio.Event()

    def add(self, reply: bytes) -> None:
        self.append(reply)
        if reply.startswith((b'{"type":"signal"', b'{"type":"error"', b'{"type":"reject"')):
            self.news.set()


async def _numbered(bridge: Bridge, post: Post) -> Answer:
    replies = Replies()
    try:
        hello, pieces = _hello(post, _lines(post.body))
        session = await _session(bridge, hello, post, replies)
        is_done = await _converse(bridge, session, pieces, post.wait_s, replies.news)
    except SessionError as error:
        bridge.strangers.note(
            bridge.journal, Refused(error.code, "", error.reason), post.peer, now_us()
        )
        return _session_error(error)
    if not is_done or not await _is_settled(bridge):
        return _BUSY
    if session.ended is not None:
        return _session_error(session.ended)
    return _answer(replies)


def _session_error(error: SessionError) -> Answer:
    return _error(_STATUS.get(error.code, 403), error.reason, error.code)


def _lines(body: bytes) -> list[bytes]:
    """Messages of a body: one object however it is laid out, an array of them, or lines."""
    try:
        whole = msgspec.json.decode(body, type=list[msgspec.Raw] | msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return [line for line in (each.strip(b" \r\0") for each in body.split(b"\n")) if line]
    return [bytes(raw) for raw in whole] if isinstance(whole, list) else [body]


async def _converse(
    bridge: Bridge, session: Session, pieces: list[bytes], wait_s: float, news: asyncio.Event
) -> bool:
    """The session's whole life within one post. False when the store was too slow for it.

    With nothing to say it stays open for `wait_s`, so that a signal waits for no other post.
    """
    try:
        is_done = await _in_time(_work(bridge, session, pieces))
        if is_done and session.opening.can_receive:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await news.wait()
    except SessionError as error:
        session.end(error.code, error.reason)
        is_done = True
    finally:
        bridge.remove(session)
        ended = session.ended or SessionError("closed", "The post was answered.")
        report_closed(session, ended.code, ended.reason)
    await delivery.hand_on(bridge, session)
    return is_done


def _hello(post: Post, pieces: list[bytes]) -> tuple[Hello, list[bytes]]:
    """The first object if it is a hello, else one made of the headers."""
    try:
        return msgspec.json.decode(pieces[0], type=Hello), pieces[1:]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError):
        if not post.client or not post.stream:
            reason = "Send a hello first, or the headers X-Bridge-Client and X-Bridge-Stream."
            raise SessionError("protocol", reason) from None
    told = {"protocol": 1, "client": post.client, "stream": post.stream}
    try:
        made = msgspec.convert({**told, "key": "", "platform": "agent"} | {"type": "hello"}, Hello)
    except msgspec.ValidationError as error:
        raise SessionError("protocol", f"The headers make no hello: {error}") from None
    return made, pieces


async def _session(bridge: Bridge, hello: Hello, post: Post, replies: Replies) -> Session:
    hello.key = post.bearer
    session = await open_session(bridge, hello, post.peer, replies.add, _proof(post))
    session.welcome(now_us())
    return session


async def _work(bridge: Bridge, session: Session, pieces: list[bytes]) -> None:
    for piece in pieces:
        session.feed_message(piece)
    while (symbol := session.work(now_us())) is not None:
        await bridge.directory.learn_symbol(session.client, symbol)
        if symbol not in session.client.sources:
            session.skip_unknown(now_us())
    if session.acknowledged_signals:
        await delivery.forget_acknowledged(bridge, session)
    if session.opening.can_receive:
        await delivery.try_deliver_to(bridge, session.client.id)


def _answer(replies: list[bytes]) -> Answer:
    messages = [msgspec.json.decode(reply) for reply in replies]

    def of(kind: str) -> list[dict[str, Any]]:
        return [message for message in messages if message["type"] == kind]

    acks = of("ack")
    content = {
        "status": "success",
        "resume": of("welcome")[0]["resume"],
        "ack": acks[-1]["seq"] if acks else None,
        "rejects": of("reject"),
        "resend": of("resend"),
        "signals": of("signal"),
        "pongs": of("pong"),
        "errors": of("error"),
    }
    return Answer(200, content)
