"""CURVE keys of ZeroMQ as settings: 32 bytes of Curve25519 in Z85, which makes 40 characters.

libzmq is loaded only when a key is made or checked: most commands have no need of it.
"""

from __future__ import annotations


def new_curve_secret() -> str:
    import zmq

    return zmq.curve_keypair()[1].decode()


def curve_secret(value: str) -> str:
    """Raises ValueError when it is no CURVE secret key."""
    import zmq

    try:
        zmq.curve_public(value.encode())
    except (zmq.ZMQError, ValueError):
        raise ValueError("must be a CURVE secret key, 40 characters of Z85") from None
    return value
