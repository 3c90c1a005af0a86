"""A chart of TradingView's, played offline: scripted bars in, what the script's alerts said out.

The script runs in PineTS in a process of its own. What is TradingView's and not the script's is
played here: real time that begins after some history, and the alert dialog's placeholders.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bridge import PROJECT, SHARED_DATA

PINE = Path(os.environ.get("PINE_SOURCES", PROJECT / "pine"))
"""Another folder when defects are seeded, see `tests/terminals/defects.py`."""
_RUNNER = Path(__file__).parent / "pine"
_BTCBUSD = SHARED_DATA / "crypto_1m" / "lean_binance_btcbusd_20221213_trade.csv.gz"
_DAY_MS = 1_670_889_600_000
"""2022-12-13 UTC."""

needs_a_runtime = pytest.mark.skipif(
    not (_RUNNER / "node_modules" / "pinets").is_dir(),
    reason="PineTS is not installed: `make test` installs it where npm is",
)


@dataclass(frozen=True)
class Candle:
    """One bar; times in ms."""

    open_ms: int
    close_ms: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None

    def as_pinets(self) -> dict[str, Any]:
        prices = {name: getattr(self, name) for name in ("open", "high", "low", "close", "volume")}
        return {"openTime": self.open_ms, "closeTime": self.close_ms, **prices}


@dataclass(frozen=True)
class Step:
    """The chart's clock and its newest bar at that moment."""

    now_ms: int
    candle: Candle


@dataclass(frozen=True)
class Fill:
    """An order that the broker emulator filled, and the alert_message it was placed with."""

    step: int
    id: str
    message: str
    action: str
    contracts: float
    price: float
    before: float
    after: float


@dataclass(frozen=True)
class Said:
    """(step, text) of every alert() in real time, and the fills of a strategy."""

    alerts: list[tuple[int, str]]
    fills: list[Fill]


@dataclass(frozen=True)
class Chart:
    timeframe: str = "1"
    ticker: str = "BTCBUSD"
    prefix: str = "BINANCE"
    mintick: float = 0.01
    inputs: dict[str, Any] = field(default_factory=dict)

    def run(self, script: str, history: Sequence[Candle], steps: Iterable[Step]) -> Said:
        """Raises RuntimeError with the runtime's last words when the script fails."""
        symbol = {"ticker": self.ticker, "prefix": self.prefix, "mintick": self.mintick}
        symbol |= {"tickerid": f"{self.prefix}:{self.ticker}", "timezone": "UTC", "type": "crypto"}
        request = {
            "script": str(PINE / script),
            "timeframe": self.timeframe,
            "symbol": symbol,
            "inputs": self.inputs,
            "history": [candle.as_pinets() for candle in history],
            "steps": [{"now": s.now_ms, "bar": s.candle.as_pinets()} for s in steps],
        }
        done = subprocess.run(
            ["node", "run.mjs"],
            cwd=_RUNNER,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-1500:])
        told = json.loads(done.stdout)
        alerts = [(alert["step"], alert["message"]) for alert in told["alerts"]]
        return Said(alerts, [Fill(**fill) for fill in told["fills"]])


def btcbusd(count: int) -> list[Candle]:
    """The first minutes of Binance's BTCBUSD on 2022-12-13."""
    with gzip.open(_BTCBUSD, "rt") as lines:
        rows = [row for row, _ in zip(csv.reader(lines), range(count), strict=False)]
    return [minute(_DAY_MS + int(row[0]), [float(cell) for cell in row[1:]]) for row in rows]


def minute(open_ms: int, values: Sequence[float], length_ms: int = 60_000) -> Candle:
    """`values` are open, high, low, close, volume."""
    return Candle(open_ms, open_ms + length_ms, *values)


def closings(candles: Iterable[Candle]) -> list[Step]:
    """Each bar once, complete, at its close."""
    return [Step(candle.close_ms, candle) for candle in candles]


def growing(candles: Iterable[Candle]) -> list[Step]:
    """Each bar thrice: just opened, about to close, and complete at its close."""
    return [
        step
        for candle in candles
        for step in (
            Step(candle.open_ms + 1000, _opened(candle)),
            Step(candle.close_ms - 2000, candle),
            Step(candle.close_ms, candle),
        )
    ]


def _opened(candle: Candle) -> Candle:
    first = candle.open
    return Candle(**{**asdict(candle), "high": first, "low": first, "close": first})


def objects(message: str) -> list[dict[str, Any]]:
    """The objects of an alert, read as strictly as JSON is: NaN and Infinity are refused."""
    content = json.loads(message, parse_constant=_refuse)
    return content if isinstance(content, list) else [content]


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def dialog_message(script: str) -> str:
    """What the alert dialog is filled with for a strategy, from the script's annotation."""
    source = (PINE / script).read_text("utf-8")
    found = re.search(r"^//@strategy_alert_message (.+)$", source, re.MULTILINE)
    assert found is not None
    return found[1]


def filled(dialog: str, fill: Fill) -> str:
    """The dialog's message as TradingView sends it: placeholders replaced, each once."""
    values = {
        "strategy.order.action": fill.action,
        "strategy.order.contracts": f"{fill.contracts:g}",
        "strategy.order.price": f"{fill.price:.10g}",
        "strategy.order.id": fill.id,
        "strategy.order.alert_message": fill.message,
        "strategy.market_position": _side(fill.after),
        "strategy.market_position_size": f"{abs(fill.after):g}",
        "strategy.prev_market_position": _side(fill.before),
        "strategy.prev_market_position_size": f"{abs(fill.before):g}",
        "timenow": "2022-12-13T12:00:00Z",
    }
    return re.sub(r"\{\{([a-z_.]+)\}\}", lambda name: values[name[1]], dialog)


def _side(size: float) -> str:
    return "long" if size > 0 else "short" if size < 0 else "flat"
