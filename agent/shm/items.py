"""Messages of the terminal's program as items of the protocol."""

from __future__ import annotations

import json
import math
from functools import lru_cache

from agent.ring import Item
from agent.shm.layout import Message, Quote


def item_of(message: Message) -> Item:
    """A numbered message. One that makes no sense has its number, too; the bridge refuses it."""
    return _tick(message) if isinstance(message, Quote) else _datum(message.text)


def _tick(quote: Quote) -> Item:
    """`local_ms` is when this machine received it: MetaTrader 4 states whole seconds."""
    text = (
        f'"symbol":{_quoted(quote.symbol)},"bid":{_number(quote.bid)},"ask":{_number(quote.ask)},'
        f'"time_ms":{quote.time_s * 1000},"local_ms":{quote.received_ms}'
    )
    return Item("tick", "", text)


def _datum(text: bytes) -> Item:
    """`{"type":"order",...}`, in this order, as the program writes it."""
    try:
        fields = json.loads(text)
        kind = str(fields.pop("type"))
    except (ValueError, KeyError, AttributeError, TypeError):
        return Item("unreadable", "", f'"text":{json.dumps(text.decode("utf-8", "replace"))}')
    return Item(kind, "", json.dumps(fields, separators=(",", ":"), ensure_ascii=False)[1:-1])


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else "0"


@lru_cache(maxsize=4096)
def _quoted(symbol: str) -> str:
    return json.dumps(symbol, ensure_ascii=False)
