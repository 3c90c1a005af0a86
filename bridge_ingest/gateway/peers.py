"""Where a connection comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any

from bridge_ingest.protocol.intake import Peer


def peer_of(
    transport: str, address: str, *, secure: bool, forwarded: bool = False, certificate: str = ""
) -> Peer:
    """A forwarded connection is never loopback: behind a proxy on this host everybody looks so."""
    return Peer(transport, address, is_loopback(address) and not forwarded, secure, certificate)


_FORWARDING = (b"x-forwarded", b"forwarded", b"x-real-ip", b"via", b"cf-connecting-ip")
_SECURE_SCHEMES = ("https", "wss")


def peer_of_request(transport: str, scope: MutableMapping[str, Any], hops: int) -> Peer:
    """The sender of an ASGI request that came through `hops` proxies of the operator's.

    Their X-Forwarded-For is counted from the right; what stands further left, and
    every forwarding header when `hops` is 0, was written by the sender and proves nothing.
    """
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    address = (scope.get("client") or ("unknown", 0))[0]
    scheme = scope.get("scheme", "http")
    if hops:
        named = list(_values(headers, b"x-forwarded-for"))
        address = named[-hops] if len(named) >= hops and named[-hops] else address
        scheme = next(reversed(list(_values(headers, b"x-forwarded-proto"))), scheme)
    forwarded = any(name.startswith(_FORWARDING) for name, _ in headers)
    secure = scheme in _SECURE_SCHEMES
    return peer_of(transport, address, secure=secure, forwarded=forwarded)


def _values(headers: list[tuple[bytes, bytes]], wanted: bytes) -> Iterable[str]:
    """A list header's entries in order, however many lines it is spread over."""
    for name, value in headers:
        if name == wanted:
            yield from (part.strip() for part in value.decode("latin-1").split(","))


@lru_cache(maxsize=4096)
def is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
