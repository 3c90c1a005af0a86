"""A simulated TradingView: an alert by HTTP at every bar's close, sent as TradingView sends it.

Facts kept (docs/protocol.md, "Webhooks"): it gives up after 3 s, sends again 5 s after a 5xx, at
most 3 times more, and cannot sign.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from agent.simulate.bars import AVERAGE_OF, MINUTE_S, rsi
from agent.simulate.config import DemoConfig, TerminalConfig
from agent.simulate.instruments import FX, OTHERS
from agent.simulate.truth import Truth

Say = Callable[[str], None]

TIMEOUT_S = 3.0
RETRY_S = 5.0
RETRIES = 3
_EXCHANGE = "FKSDEMO"
_BUILD_S = 0.3  # TradingView needs a moment after the close


class AlertSource:
    """Posts one alert a minute for each of its charts."""

    def __init__(self, config: TerminalConfig, demo: DemoConfig, say: Say) -> None:
        self.name = config.client
        self._say = say
        self._address = (demo.host, demo.http_port)
        self._path = f"/api/bridge/{config.secret}"
        self.truths = [Truth(demo.seed, each) for each in (FX[0], FX[1], OTHERS[0], OTHERS[2])]
        self._answer = 200

    async def run(self) -> None:
        """Send until cancelled; the bar that closed last comes at once."""
        minute = int(time.time()) // MINUTE_S * MINUTE_S
        while True:
            await asyncio.gather(*(self.deliver(truth, minute) for truth in self.truths))
            minute = max(minute + MINUTE_S, int(time.time()) // MINUTE_S * MINUTE_S)
            await asyncio.sleep(max(0.0, minute + _BUILD_S - time.time()))

    async def deliver(self, truth: Truth, close_s: int) -> None:
        """Post the alert for the minute that closed at `close_s`, again where TradingView would."""
        body = json.dumps(alert(truth, close_s)).encode()
        for _ in range(1 + RETRIES):
            status = await post(self._address, self._path, body)
            self._note(status)
            if not 500 <= status < 600:
                return
            await asyncio.sleep(RETRY_S)

    def _note(self, status: int) -> None:
        """Say so when the answer changes, and not a line for every alert."""
        if status != self._answer:
            self._answer = status
            if status != 200:
                reason = f"answered {status}" if status else "did not answer"
                self._say(f"{self.name}: the bridge {reason} to an alert")


def alert(truth: Truth, close_s: int) -> dict[str, object]:
    """The body of an alert for the minute that closed at `close_s`; `time` is its opening."""
    instrument = truth.instrument
    open_s = close_s - MINUTE_S
    open_, high, low, close = truth.bar(open_s)
    closes = [truth.mid(close_s - MINUTE_S * back) for back in range(AVERAGE_OF, -1, -1)]
    return {
        "symbol": instrument.name,
        "exchange": _EXCHANGE,
        "interval": "1",
        "time": open_s * 1000,
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": 100 + open_s // MINUTE_S % 400,
        f"sma_{AVERAGE_OF}": round(sum(closes[1:]) / AVERAGE_OF, instrument.digits + 1),
        "rsi": round(rsi(closes), 2),
    }


async def post(address: tuple[str, int], path: str, body: bytes) -> int:
    """The status of a POST; 0 when there was no answer within `TIMEOUT_S`."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
        "User-Agent: Go-http-client/1.1\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(*address)
            try:
                writer.write(head.encode() + body)
                status_line = await reader.readline()
            finally:
                writer.close()
        return int(status_line.split()[1])
    except (OSError, ValueError, IndexError):
        return 0
