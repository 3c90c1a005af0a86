"""What a terminal states of its trades: checked, and turned into journalled events."""

from __future__ import annotations

from typing import Any

import msgspec

from bridge_ingest.protocol import rules
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.protocol.messages import Account, Order, Position
from bridge_ingest.protocol.records import Clocks, storable

_SIDES = {"long": "buy", "short": "sell"}
_ENVELOPE = ("seq", "time_ms", "login")


def trade_event(
    message: Order | Position | Account, own_account: str, clocks: Clocks, now_us: int
) -> dict[str, Any]:
    """`own_account` is what hello named, for messages that name none.

    All three are of one kind, because their order is part of what they say. Raises Refused.
    """
    if clocks.replay:
        raise Refused("unsupported", "type", "Trades are stated live; a recording has none.")
    event_us = clocks.event_us(message.time_ms)
    rules.check_moment(event_us, now_us)
    if isinstance(message, Position):
        _check_position(message)
    fields = {
        name: storable(value) if isinstance(value, str) else value
        for name, value in msgspec.structs.asdict(message).items()
        if name not in _ENVELOPE
    }
    fields |= {"entity": _ENTITIES[type(message)], "account": _account_of(message, own_account)}
    if isinstance(message, Account):
        fields |= {"orders": _tickets(message.orders), "positions": _tickets(message.positions)}
    else:
        fields |= {"ticket": str(message.ticket), "side": _SIDES.get(message.side, message.side)}
    return {"kind": "trade", "seq": message.seq, "event_us": event_us, **fields}


_ENTITIES: dict[type, str] = {Order: "order", Position: "position", Account: "account"}


def _check_position(message: Position) -> None:
    """NinjaTrader's have no ticket, and one for each symbol; MetaTrader's closed ones no symbol."""
    if message.side == "flat":
        message.volume = 0.0
    message.ticket = message.ticket or message.traded
    if not message.ticket:
        raise Refused("missing", "ticket", "A position needs a ticket, or else a symbol.")
    if message.volume:
        for field, value in (("symbol", message.traded), ("side", message.side)):
            if not value:
                raise Refused("missing", field, f"An open position needs a {field}.")


def _account_of(message: Order | Position | Account, own_account: str) -> str:
    login = message.login if isinstance(message, Account) else ""
    return storable(str(message.account or login or own_account)[:64])


def _tickets(listed: list[str | int] | None) -> list[str] | None:
    return None if listed is None else [storable(str(ticket)) for ticket in listed]
