"""The dialect of the founding sketch ("First contact"): no hello, no numbers, bare objects.

Three shapes are known by their fields: a quote (`bid`, `ask`, `time` in unix seconds), a
NinjaTrader bar value (`close`, `time` as the platform prints it, one indicator or more), and a
TradingView bar (`open` to `close`, `time` in milliseconds, indicators). The bridge numbers what
arrives; what was lost on the way cannot be known.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bridge_ingest.protocol import messages as m
from bridge_ingest.protocol.errors import Refused

_SECONDS_BELOW = 1e11
"""A unix time above this is in milliseconds (1e11 s is the year 5138)."""
_NINJATRADER_TIME = "%m/%d/%Y %I:%M:%S %p"
_NOT_INDICATORS = frozenset(
    {"symbol", "exchange", "time", "open", "high", "low", "close", "volume", "type", "interval"}
)
_DEFAULT_PERIOD: Literal["M1"] = "M1"
"""The sketch's bars do not say their period; its Pine script runs on one-minute charts."""


@dataclass(frozen=True, slots=True)
class PlainItem:
    """An object understood: which kind of terminal speaks, and its items without numbers."""

    platform: str
    symbol: str
    items: list[m.Tick | m.Bar | m.Indicator]


def parse(piece: bytes) -> PlainItem:
    """Understand one object. Raises Refused naming the field."""
    return understand(load_object(piece))


def load_object(piece: bytes) -> dict[str, Any]:
    try:
        content = json.loads(piece, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("json", "", f"This is not a JSON object: {error}") from None
    if not isinstance(content, dict):
        raise Refused("json", "", "This is not a JSON object.")
    return content


def understand(content: dict[str, Any]) -> PlainItem:
    symbol = content.get("symbol")
    if not isinstance(symbol, str) or not 1 <= len(symbol) <= 64:
        raise Refused("missing", "symbol", "An object needs a symbol of 1 to 64 characters.")
    shape = _shape(content)
    return shape(symbol, content)


def _shape(content: dict[str, Any]) -> Callable[[str, dict[str, Any]], PlainItem]:
    if "bid" in content or "ask" in content:
        return _quote
    if "open" in content or "high" in content:
        return _tradingview_bar
    if "close" in content:
        return _ninjatrader_value
    raise Refused("missing", "bid", "No price: bid and ask, or open to close, or close, is needed.")


def _quote(symbol: str, content: dict[str, Any]) -> PlainItem:
    tick = m.Tick(
        seq=1,
        symbol=symbol,
        bid=_number(content, "bid"),
        ask=_number(content, "ask"),
        time_ms=_unix_ms(content),
        volume=_number(content, "volume", 0.0),
    )
    return PlainItem("mt5", symbol, [tick])


def _tradingview_bar(symbol: str, content: dict[str, Any]) -> PlainItem:
    time_ms = _unix_ms(content)
    bar = m.Bar(
        seq=1,
        symbol=symbol,
        period=_DEFAULT_PERIOD,
        time_ms=time_ms,
        open=_number(content, "open"),
        high=_number(content, "high"),
        low=_number(content, "low"),
        close=_number(content, "close"),
        volume=_number(content, "volume", 0.0),
        stamp="open",
        closed=True,
    )
    return PlainItem("tradingview", symbol, [bar, *_indicators(symbol, content, time_ms)])


def _ninjatrader_value(symbol: str, content: dict[str, Any]) -> PlainItem:
    close = _number(content, "close")
    time_ms = _local_ms(content)
    bar = m.Bar(
        seq=1,
        symbol=symbol,
        period=_DEFAULT_PERIOD,
        time_ms=time_ms,
        open=close,
        high=close,
        low=close,
        close=close,
        stamp="close",
        closed=True,
    )
    return PlainItem("ninjatrader", symbol, [bar, *_indicators(symbol, content, time_ms)])


def _indicators(symbol: str, content: dict[str, Any], time_ms: float) -> list[m.Indicator]:
    """Every other finite number is an indicator's value; null means that it warms up."""
    return [
        m.Indicator(seq=1, symbol=symbol, name=name[:64], value=float(value), time_ms=time_ms)
        for name, value in content.items()
        if name.isprintable() and name and name not in _NOT_INDICATORS and _is_finite(value)
    ]


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _number(content: dict[str, Any], field: str, default: float | None = None) -> float:
    value = content.get(field, default)
    if value is None:
        raise Refused("missing", field, f"{field} is missing.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused("type", field, f"{field} must be a number, got {value!r:.60}.")
    if not _is_finite(value):
        raise Refused("not_finite", field, f"{field} is not a finite number.")
    return float(value)


def _unix_ms(content: dict[str, Any]) -> float:
    """Unix seconds as the sketch's MQL sends them, or milliseconds as Pine's `time` is."""
    value = _number(content, "time")
    return value * 1000 if value < _SECONDS_BELOW else value


def _local_ms(content: dict[str, Any]) -> float:
    """NinjaTrader prints the PC's local time; a plain client runs here, so in our zone."""
    value = content.get("time")
    if not isinstance(value, str):
        return _unix_ms(content)
    try:
        moment = datetime.strptime(value.strip(), _NINJATRADER_TIME).astimezone()
        stamp_ms = moment.timestamp() * 1000
    except (ValueError, OverflowError, OSError):
        form = "month/day/year h:mm:ss AM"
        raise Refused("time", "time", f"time is {value!r:.60}; expected {form}.") from None
    if not math.isfinite(stamp_ms):
        raise Refused("time", "time", f"time is {value!r:.60}.")
    return stamp_ms


def _refuse_constant(name: str) -> float:
    raise Refused("not_finite", "", f"{name} is not a number.")
