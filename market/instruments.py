"""What is known of an instrument from its name alone: kind, pip, decimals, trading hours. Pure.

Pips follow trade usage: 0.0001 for currency pairs (0.01 where the quote currency has no cents), 0.1
for gold, one point for an index, the exchange's tick for a future.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge_ingest.symbols import STABLECOINS, Parsed
from market.models import InstrumentKind, TradingSession

DEFAULT_DIGITS = 5
_WHOLE_CURRENCIES = frozenset(
    {"JPY", "HUF", "KRW", "THB", "INR", "CLP", "COP", "IDR", "TWD", "PHP"}
)
_METALS = {"XAU": (0.1, 2), "XAG": (0.01, 3), "XPT": (0.1, 2), "XPD": (0.1, 2)}
_COINS = {"BTC": (0.1, 2), "ETH": (0.01, 2), "BNB": (0.01, 2), "SOL": (0.01, 2), "LTC": (0.01, 2)}

# The exchange's smallest step and the decimals it needs (CME Group and Eurex contract pages).
_FUTURE_TICKS = {
    "ES": (0.25, 2), "MES": (0.25, 2), "NQ": (0.25, 2), "MNQ": (0.25, 2), "YM": (1.0, 0),
    "MYM": (1.0, 0), "RTY": (0.1, 1), "M2K": (0.1, 1), "FDAX": (1.0, 0), "FDXM": (1.0, 0),
    "FESX": (1.0, 0), "FGBL": (0.01, 2), "CL": (0.01, 2), "MCL": (0.01, 2), "QM": (0.025, 3),
    "NG": (0.001, 3), "RB": (0.0001, 4), "GC": (0.1, 1), "MGC": (0.1, 1), "SI": (0.005, 3),
    "HG": (0.0005, 4), "PL": (0.1, 1), "PA": (0.5, 1), "ZB": (0.03125, 5), "UB": (0.03125, 5),
    "ZN": (0.015625, 6), "ZF": (0.0078125, 7), "ZT": (0.00390625, 8), "ZC": (0.25, 2),
    "ZS": (0.25, 2), "ZW": (0.25, 2), "ZL": (0.01, 2), "ZM": (0.1, 1), "6A": (0.00005, 5),
    "6B": (0.0001, 4), "6C": (0.00005, 5), "6E": (0.00005, 5), "6J": (0.0000005, 7),
    "6N": (0.00005, 5), "6S": (0.00005, 5), "BTC": (5.0, 0), "MBT": (5.0, 0), "ETH": (0.5, 1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Traits:
    """`pip_size` in price units, `digits` shown."""

    kind: InstrumentKind
    pip_size: float
    digits: int
    session: TradingSession
    description: str = ""


def traits_of(parsed: Parsed, seen_digits: int = DEFAULT_DIGITS) -> Traits:
    """`seen_digits`: decimals of the first prices, for names that say nothing."""
    return _BY_FAMILY[parsed.family](parsed, seen_digits)


def _fx(parsed: Parsed, _: int) -> Traits:
    whole = parsed.quote in _WHOLE_CURRENCIES
    pip, digits = (0.01, 3) if whole else (0.0001, 5)
    text = f"{parsed.base} against {parsed.quote}"
    return Traits(InstrumentKind.FX, pip, digits, TradingSession.FX_WEEK, text)


def _metal(parsed: Parsed, _: int) -> Traits:
    pip, digits = _METALS[parsed.base]
    name = {"XAU": "Gold", "XAG": "Silver", "XPT": "Platinum", "XPD": "Palladium"}[parsed.base]
    text = f"{name} in {parsed.quote}"
    return Traits(InstrumentKind.METAL, pip, digits, TradingSession.FUTURES, text)


def _crypto(parsed: Parsed, _: int) -> Traits:
    if parsed.quote in STABLECOINS or parsed.quote in ("USD", "EUR", "GBP", "CHF", "AUD", "CAD"):
        pip, digits = _COINS.get(parsed.base, (0.0001, 5))
    elif parsed.quote in ("BTC", "ETH", "BNB"):
        pip, digits = 1e-8, 8
    else:
        pip, digits = 0.01, 2
    what = "perpetual" if parsed.canonical.endswith(".P") else "against"
    text = f"{parsed.base} {what} {parsed.quote}"
    return Traits(InstrumentKind.CRYPTO, pip, digits, TradingSession.ALWAYS, text)


def _index(_: Parsed, seen_digits: int) -> Traits:
    digits = min(seen_digits, 2)
    return Traits(InstrumentKind.INDEX, 1.0, digits, TradingSession.FUTURES)


def _energy(_: Parsed, seen_digits: int) -> Traits:
    digits = min(max(seen_digits, 2), 3)
    return Traits(InstrumentKind.OTHER, 0.01, digits, TradingSession.FUTURES)


def _future(parsed: Parsed, seen_digits: int) -> Traits:
    known = _FUTURE_TICKS.get(parsed.base)
    tick, digits = known or (_step(seen_digits), seen_digits)
    return Traits(InstrumentKind.FUTURE, tick, digits, TradingSession.FUTURES)


def _stock(_: Parsed, seen_digits: int) -> Traits:
    digits = min(max(seen_digits, 2), 4)
    return Traits(InstrumentKind.STOCK, 0.01, digits, TradingSession.US_STOCKS)


def _other(_: Parsed, seen_digits: int) -> Traits:
    """Hours unknown: taken as the week of currencies, so that no weekend raises an alarm."""
    pip, session = _step(seen_digits), TradingSession.FX_WEEK
    return Traits(InstrumentKind.OTHER, pip, seen_digits, session)


def _step(digits: int) -> float:
    return float(f"1e-{digits}")


_BY_FAMILY: dict[str, Callable[[Parsed, int], Traits]] = {
    "fx": _fx,
    "metal": _metal,
    "crypto": _crypto,
    "index": _index,
    "energy": _energy,
    "future": _future,
    "stock": _stock,
    "other": _other,
}
