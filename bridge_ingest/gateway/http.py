"""The machines' HTTP door: a raw ASGI callable in front of Django.

A Django view under ASGI costs a millisecond before it does anything; this costs microseconds. It
answers `POST /api/data` and `POST /api/bridge[/<key>]` and hands everything else on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import msgspec
from django.conf import settings

from bridge_ingest.gateway.bridge import current
from bridge_ingest.gateway.peers import peer_of_request
from bridge_ingest.gateway.posts import Answer, post_bridge, post_data
from bridge_ingest.protocol.intake import Peer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 1024 * 1024
MAX_WAIT_S = 25.0
"""Proxies commonly cut a request that says nothing for 30 s."""


@dataclass(frozen=True, slots=True)
class Post:
    """One request as the handlers need it."""

    peer: Peer
    body: bytes
    content_type: str
    bearer: str
    client: str
    stream: str
    raw: bytes
    """The body as it came, which is what a signature covers."""
    signature: str
    wait_s: float
    """How long an answer may be held back for a signal to come."""


class MachineDoor:
    """Wraps the Django application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/api/data" or path == "/api/bridge" or path.startswith("/api/bridge/"):
            await _reply(send, await _handle(scope, receive, path))
        else:
            await self._application(scope, receive, send)


async def _handle(scope: Scope, receive: Receive, path: str) -> Answer:
    if scope["method"] != "POST":
        return Answer(405, {"status": "error", "message": "Only POST is answered here."})
    try:
        body = await _read(receive)
    except EOFError:
        return Answer(400, {"status": "error", "message": "The body broke off."})
    if body is None:
        return Answer(413, {"status": "error", "message": "The body is over 1 MiB."})
    post = _post(scope, body)
    if path == "/api/data":
        return await post_data(current(), post)
    return await post_bridge(current(), post, path.removeprefix("/api/bridge").strip("/"))


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None when it is over the limit (the rest is read and thrown away).

    Raises EOFError when the sender went away: half a body is not taken for a whole one.
    """
    parts, size, more = [], 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise EOFError
        size += len(event.get("body", b""))
        if size <= MAX_BODY_BYTES:
            parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    return b"".join(parts) if size <= MAX_BODY_BYTES else None


def _wait_s(scope: Scope) -> float:
    """`?wait=20`; what is no number of seconds asks for no waiting."""
    query: bytes = scope.get("query_string", b"")
    if not query:
        return 0.0
    asked = parse_qs(query.decode("latin-1")).get("wait", ["0"])[0]
    return min(float(asked), MAX_WAIT_S) if asked.isascii() and asked.isdigit() else 0.0


def _post(scope: Scope, body: bytes) -> Post:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    return Post(
        peer=peer_of_request("http", scope, settings.FKS.trusted_proxies),
        body=body.strip(b"\0 \t\r\n"),
        content_type=headers.get(b"content-type", ""),
        bearer=token.strip() if scheme.lower() == "bearer" else "",
        client=headers.get(b"x-bridge-client", ""),
        stream=headers.get(b"x-bridge-stream", ""),
        raw=body,
        signature=headers.get(b"x-bridge-signature", ""),
        wait_s=_wait_s(scope),
    )


async def _reply(send: Send, answer: Answer) -> None:
    body = msgspec.json.encode(answer.content)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
