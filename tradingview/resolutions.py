"""TradingView's names of periods."""

from __future__ import annotations

from bridge_ingest.protocol.messages import PERIODS_S

SECONDS = "1S"
_NAMES = {
    "S1": SECONDS,
    "M1": "1",
    "M5": "5",
    "M15": "15",
    "M30": "30",
    "H1": "60",
    "H4": "240",
    "D1": "1D",
    "W1": "1W",
}
SUPPORTED = list(_NAMES.values())
INTRADAY = [name for name in SUPPORTED if name.isdigit()]
# A multiplier of 1 may be left out: D is 1D.
PERIOD_S = {name: PERIODS_S[period] for period, name in _NAMES.items()}
PERIOD_S |= {name[1:]: seconds for name, seconds in PERIOD_S.items() if not name.isdigit()}
"""Seconds by every form that charts use."""
