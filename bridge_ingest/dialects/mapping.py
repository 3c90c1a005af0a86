"""Which of a client's values is which: what an operator has said, and what goes without saying."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field

from bridge_ingest.dialects.csv_row import SEPARATORS
from bridge_ingest.protocol.messages import PERIODS_S

TARGETS = {
    "symbol": "Symbol",
    "price": "Price",
    "time": "Time",
    "action": "Action",
    "open": "Open",
    "high": "High",
    "low": "Low",
    "close": "Close",
    "volume": "Volume",
    "period": "Period",
    "exchange": "Exchange",
    "stop_loss": "Stop loss",
    "take_profit": "Take profit",
    "quantity": "Quantity",
    "position": "Market position",
    "confidence": "Confidence",
    "note": "Note",
    "alert_id": "Alert's own id",
}
"""What a value can be, with the word for it on the screen."""
NOTHING = "-"
"""As a path: this is in none of the client's values, do not look for it."""
DIALECTS = {
    "": "Whatever it looks like",
    "json": "JSON",
    "text": "TradingView's default text",
    "key_value": "key=value",
    "csv": "Columns (csv)",
    "pipes": "Columns (pipes)",
}


@dataclass(frozen=True, slots=True)
class Mapping:
    """How one client's alerts are read. Empty: dialect, names and columns are recognised.

    `paths` says under which path a target stands. `repeat_path` names the value by which the client
    tells alerts apart; without it, equal bodies within the window are one. `secret_path` names the
    value that must be the client's password, when it has one.
    """

    dialect: str = ""
    separator: str = "comma"
    paths: Dictionary[str, str] = field(default_factory=dict)
    symbol: str = ""
    period: str = "M1"
    repeat_path: str = ""
    secret_path: str = ""


PLAIN = Mapping()


def problems(mapping: Mapping) -> dict[str, str]:
    """What is wrong with a mapping, by field; empty when it can be used."""
    found = {}
    if mapping.dialect not in DIALECTS:
        found["dialect"] = "There is no such form of alert."
    if mapping.separator not in SEPARATORS:
        found["separator"] = "There is no such separator."
    if mapping.period not in PERIODS_S:
        found["period"] = f"A period is one of {', '.join(PERIODS_S)}."
    for target in mapping.paths:
        if target not in TARGETS:
            found[target] = f"There is nothing called {target}."
    return found
