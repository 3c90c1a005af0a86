"""Figures as the screen prints them. `static/js/format.js` does the same; a test compares."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import NamedTuple

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400
NOTHING = "\u2013"


class PriceParts(NamedTuple):
    """A price cut as terminals print it: `1.08` `12` `4`, the last the fraction of a pip."""

    lead: str
    pips: str
    fraction: str


def pip_decimals(pip_size: float) -> int:
    """Decimals of one pip: 4 for 0.0001, 0 for 1 and above."""
    return max(0, round(-math.log10(pip_size))) if pip_size > 0 else 0


def price_parts(value: float, digits: int, pip_size: float) -> PriceParts:
    """`digits` counts the decimals shown; the two digits down to the pip are the large ones."""
    text = f"{value:.{digits}f}"
    pips_end = len(text) - max(0, digits - pip_decimals(pip_size))
    whole, fraction = text[:pips_end], text[pips_end:]
    large = 3 if whole.endswith(".") else 2
    return PriceParts(whole[:-large], whole[-large:], fraction)


def signed(value: float, decimals: int = 1) -> str:
    """A deviation with its sign, zero without one: `+3.1`, `-0.2` (a true minus), `0.0`."""
    text = f"{value:+.{decimals}f}".replace("-", "\u2212")
    return text[1:] if float(text[1:]) == 0 else text


def age_text(seconds: float, at: datetime | None = None) -> str:
    """`3.2 s`, `12 min`, `5 h`, `3 d`; past a week the date of `at`, which says more."""
    if seconds < MINUTE_S:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < HOUR_S:
        return f"{int(seconds // MINUTE_S)} min"
    if seconds < 2 * DAY_S:
        return f"{int(seconds // HOUR_S)} h"
    if seconds < 7 * DAY_S or at is None:
        return f"{int(seconds // DAY_S)} d"
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def lasting_text(seconds: float) -> str:
    """How long something lasted, in whole units: `42 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    whole = int(max(0, seconds))
    if whole < MINUTE_S:
        return f"{whole} s"
    for unit, name, below, below_name in (
        (DAY_S, "d", HOUR_S, "h"),
        (HOUR_S, "h", MINUTE_S, "min"),
        (MINUTE_S, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name}" + (f" {rest} {below_name}" if rest else "")
    raise AssertionError(whole)


def grouped(value: float) -> str:
    """A count in groups of three: `12 480`."""
    return f"{round(value):,}".replace(",", "\u202f")


def compact(value: float | None) -> str:
    """Three telling digits of a figure in its unit: `0.42`, `6.1`, `38`, `12 480`."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return grouped(value)
    if abs(value) >= 10:
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
    return "0" if value == 0 else f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}"
