"""What the simulated brokers trade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Instrument:
    """`step` is the smallest change of a quote and `pip` the unit traders speak in, both in price.

    `spread` is in pips, `daily` the usual move of a day as a share of the price, `activity` how
    busy it is beside the others (1 is average). Prices are rounded to `digits` decimals. `lot` is
    how much of it one lot or contract is.
    """

    name: str
    price: float
    digits: int
    step: float
    pip: float
    spread: float
    daily: float
    activity: float
    lot: float
    is_fx: bool = False
    is_future: bool = False


FX = (
    Instrument("EURUSD", 1.0850, 5, 0.00001, 0.0001, 0.7, 0.005, 1.2, 100_000, is_fx=True),
    Instrument("GBPUSD", 1.2650, 5, 0.00001, 0.0001, 0.9, 0.006, 1.0, 100_000, is_fx=True),
    Instrument("USDJPY", 149.80, 3, 0.001, 0.01, 0.8, 0.006, 1.0, 100_000, is_fx=True),
    Instrument("AUDUSD", 0.6520, 5, 0.00001, 0.0001, 0.9, 0.006, 0.8, 100_000, is_fx=True),
)
OTHERS = (
    Instrument("XAUUSD", 2384.0, 2, 0.01, 0.1, 2.0, 0.009, 1.4, 100),
    Instrument("US30", 38912.0, 1, 0.1, 1.0, 2.0, 0.008, 0.7, 1),
    Instrument("BTCUSD", 64214.0, 2, 0.01, 1.0, 12.0, 0.025, 1.5, 1),
    Instrument("ETHUSD", 3184.0, 2, 0.01, 0.1, 9.0, 0.03, 1.0, 1),
)
FUTURES = (
    Instrument("ES", 5120.0, 2, 0.25, 0.25, 1.0, 0.008, 1.6, 50, is_future=True),
    Instrument("6E", 1.0885, 5, 0.00005, 0.0001, 0.5, 0.005, 0.9, 125_000, is_future=True),
)


def contract(instrument: Instrument, today: date) -> str:
    """The name as NinjaTrader writes it: a future carries the month it expires in (ES 12-26).

    Index and currency futures expire quarterly; trading moves on around the middle of that month.
    """
    if not instrument.is_future:
        return instrument.name
    month = today.month + (1 if today.day > 14 else 0)
    quarter = -(-month // 3) * 3
    year = today.year + (1 if quarter > 12 else 0)
    return f"{instrument.name} {quarter if quarter <= 12 else 3:02d}-{year % 100:02d}"
