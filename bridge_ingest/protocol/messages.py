"""Bridge Protocol 1: the messages a terminal sends, as typed structures.

Unknown fields are ignored, so that a newer terminal can talk to an older bridge. Numbers must be
JSON numbers; NaN and Infinity are not JSON and never get here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Seq = Annotated[int, Meta(ge=1, lt=2**62)]
Symbol = Annotated[str, Meta(min_length=1, max_length=64)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=300)]
TicketNumber = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Ticket = Annotated[str, Meta(min_length=1, max_length=64)] | TicketNumber
Level = Annotated[float, Meta(ge=-1e12, le=1e12)]
Volume = Annotated[float, Meta(ge=0, le=1e12)]
Money = Annotated[float, Meta(ge=-1e15, le=1e15)]
Magic = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
TradeChange = Literal["placed", "filled", "part_filled", "cancelled", "rejected", "modified"]

PERIODS_S = {
    "S1": 1,
    "M1": 60,
    "M5": 300,
    "M15": 900,
    "M30": 1800,
    "H1": 3600,
    "H4": 14400,
    "D1": 86400,
    "W1": 604800,
}


class Hello(Struct, tag="hello"):
    protocol: int
    client: Name
    key: Annotated[str, Meta(max_length=200)]
    platform: Literal["mt4", "mt5", "ninjatrader", "tradingview", "agent"]
    stream: Name
    version: Text = ""
    instance: Text = ""
    account: Text | int = ""
    utc_offset_s: Annotated[int, Meta(ge=-15 * 3600, le=15 * 3600)] = 0
    features: list[str] = []
    symbols: list[str] = []
    mode: Literal["live", "replay"] = "live"


class Tick(Struct, tag="tick"):
    seq: Seq
    symbol: Symbol
    bid: float
    ask: float
    time_ms: float
    last: float | None = None
    volume: float = 0.0
    flags: int = 0
    received_ms: float | None = None
    backfill: str | int | None = None


class Ticks(Struct, tag="ticks"):
    """Rows are [time_ms, bid, ask], [.., volume] or, in replay, [.., volume, received_ms]."""

    seq: Seq
    symbol: Symbol
    ticks: Annotated[list[list[float]], Meta(min_length=1)]
    backfill: str | int | None = None

    def skip(self, count: int) -> None:
        """Leave out leading rows that are duplicates."""
        self.ticks, self.seq = self.ticks[count:], self.seq + count


class Bar(Struct, tag="bar"):
    seq: Seq
    symbol: Symbol
    period: Literal["S1", "M1", "M5", "M15", "M30", "H1", "H4", "D1", "W1"]
    time_ms: float
    open: float
    high: float
    low: float
    close: float
    stamp: Literal["open", "close"]
    closed: bool
    volume: Annotated[float, Meta(ge=0)] = 0.0
    received_ms: float | None = None
    backfill: str | int | None = None


class Indicator(Struct, tag="indicator"):
    seq: Seq
    symbol: Symbol
    name: Name
    value: float
    time_ms: float
    period: Annotated[str, Meta(max_length=8)] = ""
    received_ms: float | None = None
    backfill: str | int | None = None


class Order(Struct, tag="order"):
    """The state of one order. What is traded need not be quoted, so it makes no feed (`traded`)."""

    seq: Seq
    ticket: Ticket
    traded: Symbol = msgspec.field(name="symbol")
    side: Literal["buy", "sell"]
    volume: Volume
    time_ms: float
    order_kind: Annotated[str, Meta(max_length=16)] = msgspec.field(name="kind", default="")
    volume_left: Volume | None = None
    price: Level = 0.0
    limit_price: Level = 0.0
    stop_price: Level = 0.0
    stop_loss: Level = 0.0
    take_profit: Level = 0.0
    magic: Magic = 0
    comment: Text = ""
    event: TradeChange | None = None
    account: Text | int = ""
    execution_id: Annotated[str, Meta(max_length=64)] = ""
    execution_volume: Volume | None = None
    execution_price: Level | None = None


class Position(Struct, tag="position"):
    """The state of one position; a volume of 0, or flat, means that it is closed."""

    seq: Seq
    volume: Volume
    time_ms: float
    ticket: Annotated[str, Meta(max_length=64)] | TicketNumber = ""
    traded: Annotated[str, Meta(max_length=64)] = msgspec.field(name="symbol", default="")
    side: Literal["buy", "sell", "long", "short", "flat", ""] = ""
    price: Level = 0.0
    stop_loss: Level = 0.0
    take_profit: Level = 0.0
    magic: Magic = 0
    comment: Text = ""
    event: TradeChange | None = None
    account: Text | int = ""


class Account(Struct, tag="account"):
    """The state of one account. `orders` and `positions` are the tickets of all that stand."""

    seq: Seq
    time_ms: float
    account: Text | int = ""
    login: Text | int = ""
    server: Text = ""
    currency: Annotated[str, Meta(max_length=16)] = ""
    balance: Money | None = None
    equity: Money | None = None
    margin: Money | None = None
    free_margin: Money | None = None
    leverage: Money | None = None
    orders: Annotated[list[Ticket], Meta(max_length=5000)] | None = None
    positions: Annotated[list[Ticket], Meta(max_length=5000)] | None = None


class Gap(Struct, tag="gap"):
    from_seq: Seq = msgspec.field(name="from")
    to_seq: Seq = msgspec.field(name="to")


class Symbols(Struct, tag="symbols"):
    """Which symbol each number in binary batches stands for."""

    names: Annotated[dict[Annotated[int, Meta(ge=0, le=65535)], Symbol], Meta(max_length=5000)] = (
        msgspec.field(name="map")
    )


class Status(Struct, tag="status"):
    produced: Annotated[int, Meta(ge=0, lt=2**62)]
    buffered: Annotated[int, Meta(ge=0, lt=2**62)] = 0
    dropped: Annotated[int, Meta(ge=0, lt=2**62)] = 0
    trade_allowed: bool | None = None
    broker_connected: bool | None = None
    ping_ms: float | None = None
    market_open: bool | None = None


class SignalAck(Struct, tag="signal_ack"):
    id: Annotated[str, Meta(min_length=1, max_length=64)]
    state: Literal["received", "shown", "executed", "rejected", "expired"]
    detail: Text = ""
    ticket: Annotated[str, Meta(max_length=64)] | int = ""
    price: float | None = None


class ConfigAck(Struct, tag="config_ack"):
    id: str | int = ""


class CommandAck(Struct, tag="command_ack"):
    id: str | int = ""
    detail: Text = ""


class Ping(Struct, tag="ping"):
    t: Any = None


class Pong(Struct, tag="pong"):
    t: Any = None


Single = Tick | Bar | Indicator | Order | Position | Account
"""Messages of one item, which take one number."""
Numbered = Single | Ticks
Message = (
    Hello
    | Tick
    | Ticks
    | Bar
    | Indicator
    | Order
    | Position
    | Account
    | Gap
    | Symbols
    | Status
    | SignalAck
    | ConfigAck
    | CommandAck
    | Ping
    | Pong
)

decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
NUMBERED_TYPES = frozenset({"tick", "ticks", "bar", "indicator", "order", "position", "account"})
