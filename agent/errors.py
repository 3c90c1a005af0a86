"""What can go wrong between a terminal and the bridge.

`BridgeError` is the root. `LinkError` and `SessionError` are weather: the client reconnects.
`RefusedError` is final: the operator has to change something (a key, an address, a second copy of
the same terminal) before another attempt makes sense.
"""

from __future__ import annotations


class BridgeError(Exception):
    """Root of every error of this package."""


class LinkError(BridgeError):
    """The connection failed, closed or fell silent; the client reconnects by itself."""


class ProtocolError(BridgeError):
    """The bridge sent something that Bridge Protocol 1 does not allow."""


class SessionError(BridgeError):
    """The bridge ended the session with an `error` message that time may heal (`busy`, ...)."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code = code
        self.reason = reason


class RefusedError(SessionError):
    """The bridge ended the session for good (`auth`, `revoked`, `superseded`, ...)."""


class StalledError(BridgeError):
    """Nothing was acknowledged for longer than the caller was willing to wait."""


class InputError(BridgeError):
    """A file, an option or a configuration that the user gave cannot be used as it is."""
