"""The recorded alert bodies, and which of them say a price."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

FILE = Path(__file__).parents[3] / "shared" / "data" / "webhook_bodies.jsonl"
CONTENT_TYPES = (
    "application/json; charset=utf-8",
    "text/plain; charset=utf-8",
    "application/x-www-form-urlencoded",
    "",
)


@dataclass(frozen=True)
class Recorded:
    name: str
    body: str
    parses_as: str


def recorded() -> list[Recorded]:
    if not FILE.exists():
        pytest.skip("the shared data folder is not here")
    lines = map(json.loads, FILE.read_text("utf-8").splitlines())
    return [
        Recorded(f"{each['id']} {each['variant'].split()[0]}", each["body"], each["parses_as"])
        for each in lines
    ]


# What each body says, read by a person: symbol, price, action, stop loss, take profit.
STORED: dict[str, tuple[str, float, str, float | None, float | None]] = {
    "b01 as_posted": ("DOGEUSDT", 0.0027451, "BUY", None, None),
    "b03 filled": ("EURUSD", 1.08431, "BUY", None, None),
    "b09 filled": ("ETHUSDT", 1.08431, "BUY", None, None),
    "b10 as_posted": ("BTCUSDT", 30000.0, "BUY", None, 35000.0),
    "b17 filled": ("EURUSD", 1.08431, "BUY", None, None),
    "b19 filled": ("EURUSD", 1.08431, "BUY", None, None),
    "b21 filled": ("EURUSD", 1.08431, "BUY", None, None),
    "b22 filled": ("EURUSD", 1.08431, "BUY", None, None),
    "b27 filled": ("EURUSD", 1.08431, "", None, None),
    "b29 filled": ("EURUSD", 1.08431, "BUY", 1.0830512345678901, 1.0830512345678901),
    "b30 filled": ("EURUSD", 1.08431, "BUY", None, None),
    "b32 filled": ("EURUSD", 1.08431, "BUY", None, None),
    "b33 filled": ("EURUSD", 1.08431, "", None, None),
    "b35 filled": ("EURUSD", 1.08431, "BUY", None, None),
    "b37 as_posted": ("BTCUSDT.P", 87535.0, "", 87000.0, 88000.0),
    "b38 filled": ("EURUSD", 1.08431, "", None, None),
    "b40 filled": ("EURUSD", 1.1565, "BUY", 1.1532, 1.1598),
    "b44 as_posted": ("BTCUSD", 50000.0, "BUY", 49500.0, 51000.0),
}

# Objects with a price that are refused all the same, and what they lack.
INCOMPLETE = {
    "b25 filled": "No symbol",
    "b34 filled": "sl is '<pine var: protected/initial SL>'",
    "b40 as_posted": "{{strategy.order.id}}",
}
