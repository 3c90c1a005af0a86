"""Digests: the vectors that every language's tests read, and what is made of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import signing
from bridge_ingest.protocol.digests import CORRUPTION_ONLY, Verifier, peel
from bridge_ingest.protocol.errors import Refused

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "digests.json").read_text("utf-8")
)
SECRET: str = VECTORS["secret"]
PUBLIC = bytes.fromhex(VECTORS["ed25519_public_key"])
VERIFIER = Verifier(SECRET.encode(), PUBLIC)
SEALS = {
    "sha256": signing.sha256,
    "hmac": signing.hmac_sha256(SECRET),
    "ed25519": signing.ed25519(bytes.fromhex(VECTORS["ed25519_private_key"])),
}


def named(case: Any) -> str:
    return str(case["name"])


@pytest.mark.parametrize("kind", SEALS)
@pytest.mark.parametrize("case", VECTORS["lines"], ids=named)
def test_the_bridge_takes_and_the_agent_makes_each_vector(case: Any, kind: str) -> None:
    message = case["message"].encode()
    line = message + f"\t{kind}:{case['digests'][kind]}".encode()
    assert VERIFIER.open(line) == message
    assert VERIFIER.open(line.replace(b":" + line[-20:], b":" + line[-20:].upper())) == message
    assert SEALS[kind](message) == line


@pytest.mark.parametrize("case", VECTORS["refused"], ids=named)
def test_each_wrong_vector_is_refused(case: Any) -> None:
    with pytest.raises(Refused) as refused:
        VERIFIER.open(case["line"].encode())
    assert refused.value.code == "digest"


@pytest.mark.parametrize("case", VECTORS["http"], ids=named)
def test_the_agent_makes_each_header(case: Any) -> None:
    header = signing.http_signature(SECRET, case["t"], case["body"].encode())
    assert header == case["header"]


@given(
    st.binary(max_size=200).filter(lambda data: b"\n" not in data), st.sampled_from(sorted(SEALS))
)
def test_what_is_sealed_opens_and_any_changed_byte_shows(message: bytes, kind: str) -> None:
    line = SEALS[kind](message)
    assert VERIFIER.open(line) == message == peel(line)
    changed = bytes([line[0] ^ 1]) + line[1:]
    if message:
        with pytest.raises(Refused):
            VERIFIER.open(changed)


def test_a_line_without_a_digest_passes_unless_the_client_must_sign() -> None:
    line = b'{"type":"ping",\t"t":1}'
    assert CORRUPTION_ONLY.open(line) is line
    with pytest.raises(Refused, match="must sign; the line has no digest"):
        Verifier(SECRET.encode(), required=True).open(line)
    with pytest.raises(Refused, match="sha256 proves no sender"):
        Verifier(SECRET.encode(), required=True).open(signing.sha256(line))


@pytest.mark.parametrize("kind", ["hmac", "ed25519"])
def test_a_digest_that_nothing_is_known_to_check_with_is_refused(kind: str) -> None:
    with pytest.raises(Refused, match="The client has no"):
        CORRUPTION_ONLY.open(SEALS[kind](b"{}"))
