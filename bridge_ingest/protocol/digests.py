"""Proof on each message: a digest behind a TAB, over exactly the bytes before it.

`sha256:` shows corruption on the way; `hmac:` (HMAC-SHA256 with the client's signing secret) and
`ed25519:` (a signature, the client's public key is registered) show who sent it. All in hex.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bridge_ingest.protocol.errors import Refused

CODE = "digest"
_DIGEST = re.compile(rb"\t(sha256|hmac|ed25519):([0-9a-fA-F]*)\Z")
_LONGEST = len(b"\ted25519:") + 128


@dataclass(frozen=True, slots=True)
class Verifier:
    """What checks one client's digests. `required`: an hmac or ed25519 on each message."""

    secret: bytes = b""
    public_key: bytes = b""
    required: bool = False

    def open(self, line: bytes) -> bytes:
        """The line without its digest, if it has one. Raises Refused("digest")."""
        found = _DIGEST.search(line, max(0, len(line) - _LONGEST))
        if found is None:
            if self.required:
                raise _refused("This client must sign; the line has no digest.")
            return line
        kind, given = found.group(1).decode(), found.group(2).decode().lower()
        if self.required and kind == "sha256":
            raise _refused("This client must sign; sha256 proves no sender.")
        content = line[: found.start()]
        self.check(kind, given, content)
        return content

    def check(self, kind: str, given: str, content: bytes) -> None:
        """Raises Refused("digest") unless `given` (hex) is the digest of `content`."""
        if not _CHECKS[kind](self, given, content):
            raise _refused(f"The {kind} digest does not fit the bytes before it.")

    def _sha256(self, given: str, content: bytes) -> bool:
        return hmac.compare_digest(hashlib.sha256(content).hexdigest(), given)

    def _hmac(self, given: str, content: bytes) -> bool:
        if not self.secret:
            raise _refused("The client has no signing secret. Issue one on its page.")
        return hmac.compare_digest(hmac.new(self.secret, content, "sha256").hexdigest(), given)

    def _ed25519(self, given: str, content: bytes) -> bool:
        if not self.public_key:
            raise _refused("The client has no public key. Register it on its page.")
        try:
            key = Ed25519PublicKey.from_public_bytes(self.public_key)
            key.verify(bytes.fromhex(given), content)
        except (InvalidSignature, ValueError):
            return False
        return True


_CHECKS: dict[str, Callable[[Verifier, str, bytes], bool]] = {
    "sha256": Verifier._sha256,
    "hmac": Verifier._hmac,
    "ed25519": Verifier._ed25519,
}
CORRUPTION_ONLY = Verifier()
"""For a client without a signing secret or public key."""


def _refused(reason: str) -> Refused:
    return Refused(CODE, "", reason)


def peel(line: bytes) -> bytes:
    """The line without its digest, unchecked: only to learn whose digest it is."""
    return _DIGEST.sub(b"", line)


def looks_signed(line: bytes) -> bool:
    return b"\t" in line[-_LONGEST:]


@dataclass(frozen=True, slots=True)
class BadDigest:
    """A line whose bytes can't be trusted, so neither can its number: it uses up nothing."""

    line: bytes
    refused: Refused
