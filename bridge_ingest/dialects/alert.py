"""An alert, understood."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BarValues:
    """A bar with the moment that it is stamped with: its opening, as TradingView stamps bars."""

    period: str
    stamped_us: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Alert:
    """What one body says. There is always a symbol and a price; all else may be missing.

    `event_us` is the stated time, or the moment of receipt when `states_time` is False.
    `indicators` holds every other number by its path; `unread` the paths that meant nothing here.
    `secret` is what stands where the mapping expects the client's password.
    """

    dialect: str
    symbol: str
    price: float
    event_us: int
    states_time: bool
    action: str = ""
    bar: BarValues | None = None
    exchange: str = ""
    period: str = ""
    volume: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    quantity: float | None = None
    confidence: float | None = None
    position: str = ""
    note: str = ""
    alert_id: str = ""
    repeat_value: str = ""
    secret: str = ""
    indicators: dict[str, float] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
