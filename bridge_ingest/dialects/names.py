"""Under which names alerts in the wild carry what; the first name found wins."""

from __future__ import annotations

import re

from bridge_ingest.dialects.fields import Fields
from bridge_ingest.dialects.values import simple
from bridge_ingest.protocol.errors import Refused

NAMES: dict[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker", "tickerid", "pair", "instrument", "market", "asset"),
    "price": (
        "price", "orderprice", "entryprice", "entry", "lastprice", "currentprice", "closeprice",
        "close", "last",
    ),
    "time": ("time", "timems", "timestamp", "bartime", "timenow", "datetime", "date"),
    "action": ("action", "orderaction"),
    "volume": ("volume", "vol"),
    "period": ("interval", "timeframe", "period", "resolution", "tf"),
    "exchange": ("exchange", "prefix"),
    "stop_loss": ("stoploss", "sl", "stoplossprice", "slprice", "stop", "stopprice"),
    "take_profit": ("takeprofit", "tp", "takeprofitprice", "tpprice", "target", "tp1"),
    "quantity": (
        "quantity", "qty", "contracts", "ordercontracts", "size", "amount", "lot", "lots",
    ),
    "position": ("marketposition", "sentiment", "position"),
    "confidence": ("confidence", "probability"),
    "note": ("message", "comment", "note", "reason", "ordercomment", "alertmessage"),
    "alert_id": ("alertid", "eventid", "signalid", "uuid", "id"),
}  # fmt: skip
MAYBE_ACTION = ("side", "signal", "direction", "type", "command", "cmd")
"""Names that hold an action in some alerts and something else in others."""
_SECRETS = frozenset(
    {"passphrase", "password", "secret", "token", "key", "apikey", "auth", "license", "pin"}
)

COVER = "\u2022" * 4
"""Stands for a password on the screen."""
BAR_CLOSED = ("confirmed", "isconfirmed", "barconfirmed", "closed")
"""Pine's `barstate.isconfirmed` under some name: false while the bar still grows."""
_COVERED_NAMES = "passphrase|password|secret|token|api_?key|key|auth|license|pin"
_VALUE = r"""(["']?\s{0,8}[:=]\s{0,8}["']?)(?!["'\s,;}|])[^"'\r\n,;}|]+"""


def is_secret(path: str) -> bool:
    """Whether a value is better not shown: senders put their password into the body."""
    return simple(leaf(path)) in _SECRETS


def masked(text: str, also: str = "") -> str:
    """The text with its passwords covered, also where it is broken: names tell them.

    `also` is the path of one more value to cover.
    """
    words = f"{_COVERED_NAMES}|{re.escape(leaf(also))}" if also else _COVERED_NAMES
    return re.sub(rf"(?i)\b({words})\b{_VALUE}", rf"\1\2{COVER}", text)


def leaf(path: str) -> str:
    return path.rpartition(".")[2]


ByName = dict[str, list[str]]
"""Paths by their last part, simplified: `rsi` for `study.RSI`."""


def by_name(fields: Fields) -> ByName:
    """Values that say something, by name."""
    found: ByName = {}
    for path, value in fields.items():
        if value not in (None, ""):
            found.setdefault(simple(leaf(path)), []).append(path)
    return found


def find(fields: Fields, named: ByName, names: tuple[str, ...]) -> str | None:
    """The path of the first name present, the least deep one. Raises Refused when two rival."""
    for name in names:
        if paths := named.get(name):
            return _one_of(fields, paths)
    return None


def _one_of(fields: Fields, paths: list[str]) -> str:
    depth = min(path.count(".") for path in paths)
    rivals = [path for path in paths if path.count(".") == depth]
    if len({fields[path] for path in rivals}) > 1:
        reason = f"{rivals[0]} and {rivals[1]} differ; the mapping can say which one counts."
        raise Refused("ambiguous", rivals[0], reason)
    return rivals[0]


def bar_paths(fields: Fields) -> dict[str, str]:
    """Where open, high, low and close stand together, the least deep; empty if they never do."""
    groups: dict[str, dict[str, str]] = {}
    for path in fields:
        name = leaf(path)
        groups.setdefault(path[: -len(name)], {})[simple(name)] = path
    whole = [prefix for prefix, of in groups.items() if all(part in of for part in BAR_PARTS)]
    chosen = min(whole, key=lambda prefix: (prefix.count("."), prefix), default=None)
    return {} if chosen is None else {part: groups[chosen][part] for part in BAR_PARTS}


BAR_PARTS = ("open", "high", "low", "close")
