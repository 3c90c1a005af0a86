"""Where a request comes from: as many proxies are believed as the operator has, from the right."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from django.conf import settings

from bridge_ingest import actions
from bridge_ingest.gateway.peers import peer_of_request
from tests.ingest.door import client_with_key, door, drain_all


def peer(hops: int, *headers: tuple[bytes, bytes], client: str = "127.0.0.1") -> Any:
    scope = {"headers": list(headers), "client": (client, 5), "scheme": "http"}
    return peer_of_request("http", scope, hops)


FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"


@pytest.mark.parametrize(
    ("hops", "headers", "address"),
    [
        (0, [], "127.0.0.1"),
        (0, [(FOR, b"203.0.113.7")], "127.0.0.1"),
        (1, [], "127.0.0.1"),
        (1, [(FOR, b"203.0.113.7")], "203.0.113.7"),
        (1, [(FOR, b"6.6.6.6, 203.0.113.7")], "203.0.113.7"),
        (1, [(FOR, b"6.6.6.6"), (FOR, b"203.0.113.7")], "203.0.113.7"),
        (2, [(FOR, b"6.6.6.6, 203.0.113.7, 10.0.0.2")], "203.0.113.7"),
        (2, [(FOR, b"203.0.113.7")], "127.0.0.1"),
        (1, [(FOR, b"203.0.113.7, ")], "127.0.0.1"),
    ],
)
def test_the_address_is_counted_from_the_right(
    hops: int, headers: list[tuple[bytes, bytes]], address: str
) -> None:
    assert peer(hops, *headers).address == address


def test_nothing_forwarded_is_loopback_whatever_it_says() -> None:
    assert peer(0).is_loopback
    for hops in (0, 1):
        assert not peer(hops, (FOR, b"127.0.0.1")).is_loopback
        assert not peer(hops, (b"forwarded", b"for=127.0.0.1")).is_loopback


def test_a_proxy_of_ours_says_whether_it_was_tls_and_a_strangers_header_does_not() -> None:
    assert peer(1, (FOR, b"203.0.113.7"), (PROTO, b"https")).is_secure
    assert not peer(1, (FOR, b"203.0.113.7"), (PROTO, b"https, http")).is_secure
    assert not peer(0, (FOR, b"203.0.113.7"), (PROTO, b"https")).is_secure


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis_client")
@pytest.mark.parametrize(("hops", "status", "code"), [(1, 200, None), (0, 403, "tls_required")])
def test_a_keys_allowlist_goes_by_the_address_behind_the_proxy(
    monkeypatch: pytest.MonkeyPatch, hops: int, status: int, code: str | None
) -> None:
    client, _ = client_with_key("A")
    issued = actions.issue_key(
        client,
        scopes=["ingest"],
        allowed_addresses=["203.0.113.0/24"],
        actor=None,
        source="command",
    )
    monkeypatch.setattr(settings, "FKS", dataclasses.replace(settings.FKS, trusted_proxies=hops))
    headers = {
        "authorization": f"Bearer {issued.text}",
        "x_bridge_client": "A",
        "x_bridge_stream": "s",
        "x_forwarded_for": "6.6.6.6, 203.0.113.7",
        "x_forwarded_proto": "https",
    }

    async def talk() -> tuple[int, Any]:
        async with door() as gate:
            answered, answer = await gate.post("/api/data", b"", **headers)
            return answered, answer.get("code")

    assert asyncio.run(talk()) == (status, code)
    drain_all()
