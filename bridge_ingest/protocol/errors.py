"""Coded refusals: one bad item (`Refused`) or the end of a session (`SessionError`)."""

from __future__ import annotations

import re

import msgspec


class Refused(Exception):
    """One message or item is not accepted; the session goes on."""

    def __init__(self, code: str, field: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.field = field
        self.reason = reason


class SessionError(Exception):
    """The session must end. `code` is one of the protocol's error codes."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


_PATH = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`")
_TYPE = re.compile(r"Expected `[^`]*`(, got `[^`]*`)?")
_MISSING = re.compile(r"missing required field `([^`]+)`")


def from_validation(error: msgspec.ValidationError) -> Refused:
    """Turn msgspec's sentence into a code and the field it is about."""
    text = str(error)
    path = _PATH.search(text)
    field = path.group(1) if path else ""
    reason = _PATH.sub("", text)
    missing = _MISSING.search(text)
    if missing:
        return Refused("missing", missing.group(1), reason)
    if reason.startswith("Expected `object`") and not field:
        return Refused("json", "", f"The line is not a JSON object: {reason}")
    if _TYPE.fullmatch(reason):
        return Refused("type", field, reason)
    if "Invalid value" in reason and field == "type":
        return Refused("unsupported", "type", reason)
    return Refused("range", field, reason)
