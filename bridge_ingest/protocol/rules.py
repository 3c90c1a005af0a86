"""What values are accepted: prices, moments, OHLC. Pure functions that raise Refused."""

from __future__ import annotations

import math

from bridge_ingest.protocol.errors import Refused

MAX_PRICE = 1e12
EARLIEST_US = 946_684_800_000_000
"""2000-01-01: no platform here serves anything older; the sketch's clients send years-old times."""
MAX_AHEAD_US = 15 * 3600 * 1_000_000
"""A server clock of UTC+14 taken for UTC is 14 h ahead; beyond that a time is simply wrong."""


def check_price(value: float, field: str, *, nonpositive: bool = False) -> None:
    if not math.isfinite(value):
        raise Refused("not_finite", field, f"{field} is not a finite number.")
    if value <= 0 and not nonpositive:
        raise Refused("price", field, f"{field} is {value:g}; prices must be above zero.")
    if abs(value) > MAX_PRICE:
        raise Refused("price", field, f"{field} is {value:g}; that is not a price.")


def check_ohlc(open_: float, high: float, low: float, close: float, nonpositive: bool) -> None:
    """A bar whose high is below its low, or whose open or close lies outside them, is refused."""
    for name, value in (("open", open_), ("high", high), ("low", low), ("close", close)):
        check_price(value, name, nonpositive=nonpositive)
    if high < low:
        raise Refused("ohlc", "high", f"high {high:g} is below low {low:g}.")
    for name, value in (("open", open_), ("close", close)):
        if not low <= value <= high:
            raise Refused("ohlc", name, f"{name} {value:g} lies outside {low:g} to {high:g}.")


def check_moment(moment_us: int, received_us: int, field: str = "time_ms") -> None:
    if moment_us < EARLIEST_US:
        raise Refused("time", field, f"{field} is before the year 2000.")
    if moment_us > received_us + MAX_AHEAD_US:
        ahead_h = (moment_us - received_us) / 3.6e9
        raise Refused("time", field, f"{field} is {ahead_h:.1f} h in the future.")


def check_symbol(symbol: str) -> None:
    if not symbol.strip() or not symbol.isprintable():
        raise Refused("symbol", "symbol", "The symbol is blank or holds control characters.")


def check_name(name: str, field: str) -> None:
    """PostgreSQL and msgpack refuse zero bytes and lone surrogates; so does this, at once."""
    if not name.isprintable():
        raise Refused("range", field, f"{field} holds control characters.")


def micros(time_ms: float, field: str = "time_ms") -> int:
    """Milliseconds as stated to whole microseconds. Raises Refused for what no clock shows."""
    if not math.isfinite(time_ms) or abs(time_ms) > 1e14:
        raise Refused("time", field, f"{field} is {time_ms:g}; that is not a time in ms.")
    return round(time_ms * 1000)
