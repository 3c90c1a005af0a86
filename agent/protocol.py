"""The words of Bridge Protocol 1 as a terminal needs them: what it says and what it understands.

Outgoing messages are built as compact JSON, without framing (that is the transport's business).
Incoming lines become small frozen dataclasses through `decode`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.errors import ProtocolError
from agent.signing import Seal, unsealed

PROTOCOL = 1
MAX_LINE_BYTES = 64 * 1024
MAX_INCOMING_BYTES = 1024 * 1024
HELLO_TIMEOUT_S = 10.0
SILENCE_S = 30.0
STATUS_INTERVAL_S = 5.0

# After these, trying again with the same settings can only fail again, or would take the stream
# away from the session that has just taken it from us.
FINAL_CODES = frozenset(
    {"auth", "revoked", "expired", "ip", "tls_required", "protocol", "superseded"}
)

SIGNAL_STATES = ("received", "shown", "executed", "rejected", "expired")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a terminal says of itself in `hello`.

    `utc_offset_s` is the terminal's clock minus UTC in seconds: MetaTrader stamps ticks with its
    server's wall time, so such a terminal states the offset and leaves the times as they are.
    `features` ("binary", "deflate") are used when the bridge agrees; `seal` signs every message.
    `mode` is "replay" when recorded data follows (a permission of the key), else "live".
    """

    client: str
    key: str
    platform: str = "agent"
    mode: str = "live"
    version: str | None = None
    instance: str | None = None
    account: str | None = None
    utc_offset_s: int | None = None
    symbols: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    seal: Seal = unsealed

    def hello(self, stream: str) -> bytes:
        """`hello` for the numbering `stream`."""
        fields: dict[str, Any] = {
            "type": "hello",
            "protocol": PROTOCOL,
            "client": self.client,
            "key": self.key,
            "platform": self.platform,
            "stream": stream,
            "version": self.version,
            "instance": self.instance,
            "account": self.account,
            "utc_offset_s": self.utc_offset_s,
            "symbols": list(self.symbols) or None,
            "features": list(self.features) or None,
            "mode": "replay" if self.mode == "replay" else None,
        }
        return encode({name: value for name, value in fields.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Welcome:
    """The session is open; `resume` is the next number the bridge wants of this stream."""

    session: str
    resume: int
    server_time_ms: int
    config: Mapping[str, Any]
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything up to and including `seq` is durable."""

    seq: int


@dataclass(frozen=True, slots=True)
class Resend:
    """Numbers are missing; send again from `start`."""

    start: int


@dataclass(frozen=True, slots=True)
class Reject:
    """One message was refused; the session goes on. `seq` is None where it is not known."""

    seq: int | None
    code: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The bridge ends the session."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal for the chart. `execute` False means draw only. Prices are None when not given."""

    id: str
    symbol: str
    action: str
    entry: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    confidence: float | None = None
    note: str = ""
    source: str = ""
    expires_ms: int | None = None
    execute: bool = False

    def expired(self, now_ms: int) -> bool:
        return self.expires_ms is not None and self.expires_ms <= now_ms


@dataclass(frozen=True, slots=True)
class Config:
    """Settings for the terminal; `id` is echoed in `config_ack` when the bridge gave one."""

    id: str | None
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A request of the bridge: `backfill`, `resubscribe`, `rotate_key`."""

    id: str
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ping:
    t: object


@dataclass(frozen=True, slots=True)
class Pong:
    t: object


Incoming = Welcome | Ack | Resend | Reject | Ended | Signal | Config | Command | Ping | Pong


def encode(fields: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 JSON.

    Raises ValueError for NaN and infinities, which JSON does not have.
    """
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def gap(first: int, last: int) -> bytes:
    """`gap`: the numbers `first` to `last`, both inclusive, can no longer be sent."""
    return encode({"type": "gap", "from": first, "to": last})


def signal_ack(signal_id: str, state: str, details: Mapping[str, Any]) -> bytes:
    """`signal_ack`; `details` may hold `detail`, `ticket` and `price`."""
    return encode({"type": "signal_ack", "id": signal_id, "state": state, **details})


def price_text(price: float) -> str:
    """The shortest JSON number that reads back as `price`.

    Raises ValueError for NaN and infinities.
    """
    if not math.isfinite(price):
        raise ValueError(f"a price must be a finite number, not {price!r}")
    return repr(price)


def decode(line: bytes) -> Incoming | None:
    """The message in `line`, or None for a type this agent does not know.

    Raises ProtocolError when the line is not a JSON object or a field is missing or wrong.
    """
    try:
        fields = json.loads(line)
        build = _BUILDERS.get(fields["type"])
        return None if build is None else build(fields)
    except (ValueError, KeyError, TypeError) as fault:
        shown = line[:120].decode("utf-8", "replace")
        raise ProtocolError(f"the bridge sent a line that cannot be read: {shown!r}") from fault


def _welcome(fields: dict[str, Any]) -> Welcome:
    return Welcome(
        session=str(fields["session"]),
        resume=int(fields["resume"]),
        server_time_ms=int(fields.get("server_time_ms") or 0),
        config=dict(fields.get("config") or {}),
        features=frozenset(fields.get("features") or ()),
    )


def _reject(fields: dict[str, Any]) -> Reject:
    seq = fields.get("seq")
    return Reject(
        seq=None if seq is None else int(seq),
        code=str(fields["code"]),
        field=str(fields.get("field") or ""),
        reason=str(fields.get("reason") or ""),
    )


def _signal(fields: dict[str, Any]) -> Signal:
    expires = fields.get("expires_ms")
    return Signal(
        id=str(fields["id"]),
        symbol=str(fields["symbol"]),
        action=str(fields["action"]),
        entry=_number(fields.get("entry")),
        stop_loss=_number(fields.get("stop_loss")),
        take_profit=_number(fields.get("take_profit")),
        confidence=_number(fields.get("confidence")),
        note=str(fields.get("note") or ""),
        source=str(fields.get("source") or ""),
        expires_ms=None if expires is None else int(expires),
        execute=fields.get("execute") is True,
    )


def _config(fields: dict[str, Any]) -> Config:
    message_id = fields.get("id")
    settings = fields.get("settings")
    if settings is None:
        settings = {name: value for name, value in fields.items() if name not in ("type", "id")}
    return Config(id=None if message_id is None else str(message_id), settings=dict(settings))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


_BUILDERS: dict[str, Callable[[dict[str, Any]], Incoming]] = {
    "welcome": _welcome,
    "ack": lambda fields: Ack(int(fields["seq"])),
    "resend": lambda fields: Resend(int(fields["from"])),
    "reject": _reject,
    "error": lambda fields: Ended(str(fields["code"]), str(fields.get("reason") or "")),
    "signal": _signal,
    "config": _config,
    "command": lambda fields: Command(
        str(fields["id"]), str(fields["name"]), dict(fields.get("args") or {})
    ),
    "ping": lambda fields: Ping(fields.get("t")),
    "pong": lambda fields: Pong(fields.get("t")),
}
