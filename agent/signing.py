"""Proof on each message: a digest of its exact bytes, behind a TAB.

    Identity("ICM-LIVE", key, seal=hmac_sha256(secret))

`sha256` shows corruption only; `hmac_sha256` and `ed25519` show who sent it. For `ed25519` the
package `cryptography` must be installed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

Seal = Callable[[bytes], bytes]
"""Puts a digest behind a message (one line, without its LF)."""


def unsealed(message: bytes) -> bytes:
    return message


def sha256(message: bytes) -> bytes:
    return message + b"\tsha256:" + hashlib.sha256(message).hexdigest().encode()


def hmac_sha256(secret: str) -> Seal:
    """With the client's signing secret, as the bridge's page showed it."""
    key = secret.encode()

    def seal(message: bytes) -> bytes:
        return message + b"\thmac:" + hmac.new(key, message, "sha256").hexdigest().encode()

    return seal


def ed25519(private_key: bytes) -> Seal:
    """With a private key of 32 bytes, whose public key is registered with the bridge."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(private_key)

    def seal(message: bytes) -> bytes:
        return message + b"\ted25519:" + key.sign(message).hex().encode()

    return seal


def http_signature(secret: str, unix_s: int, body: bytes) -> str:
    """The value of `X-Bridge-Signature` for a post's body."""
    stated = str(unix_s)
    digest = hmac.new(secret.encode(), stated.encode() + b"." + body, "sha256").hexdigest()
    return f"t={stated},hmac={digest}"
