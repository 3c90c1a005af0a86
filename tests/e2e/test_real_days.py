"""Two brokers' real days through the real doors: stored in full, judged as if live."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.e2e.bridge import PROJECT, SHARED_DATA, LiveBridge

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not SHARED_DATA.exists(), reason="../shared/data is not there"),
]
PRICE_UP_FROM = "2014-05-02T13:30:00Z"
PRICE_UP_TO = "2014-05-02T13:31:00Z"
HELD_BACK_S = 3


class Day:
    """One pair's day, replayed by two clients of its own name."""

    def __init__(self, bridge: LiveBridge, name: str, pair: str, day: str) -> None:
        self.bridge = bridge
        self.clients = {broker: f"{broker.upper()}-{name}" for broker in ("oanda", "fxcm")}
        self._pair, self._day = pair, day
        self._acknowledged = 0

    def replay(self, **fxcm: str) -> dict[str, int]:
        """Send both recordings at full speed; returns the agent's counts."""
        feeds = []
        for broker, client in self.clients.items():
            key = self.bridge.issue_key(client, scopes="ingest,replay")
            file = SHARED_DATA / "fx_ticks" / f"{self._pair}_{broker}_{self._day}.csv.gz"
            words = {"client": client, "key": key, "symbol": self._pair.upper(), "file": str(file)}
            words |= fxcm if broker == "fxcm" else {}
            feeds += ["--feed", ",".join(f"{name}={value}" for name, value in words.items())]
        command = [sys.executable, "-m", "agent", "replay", "--port", str(self.bridge.tcp_port)]
        done = subprocess.run(
            [*command, *feeds], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        counts: dict[str, int] = json.loads(done.stdout)
        self._acknowledged += counts["acked"]
        return counts

    def wait_until_judged(self) -> None:
        """Stored in full, and for longer than a recording that has ended holds the others back."""
        self.bridge.wait_until_stored(self.clients.values(), self._acknowledged)
        time.sleep(HELD_BACK_S + 2)

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for client in self.clients.values():
            found += self.bridge.manage("list_alerts", "--client", client)
        return found


def test_a_day_of_145747_ticks_is_stored_in_full_and_raises_no_alert(bridge: LiveBridge) -> None:
    day = Day(bridge, "0502", "eurusd", "20140502")
    counts = day.replay()
    assert (counts["sent"], counts["acked"], counts["rejected"]) == (145_747, 145_747, 0)
    day.wait_until_judged()
    stored = {broker: bridge.stats(client)["stored"] for broker, client in day.clients.items()}
    assert stored == {"oanda": 49_341, "fxcm": 96_406}
    assert day.alerts() == []
    quotes = {quote["client"]: quote for quote in bridge.manage("quotes", "EURUSD")}
    assert quotes[day.clients["fxcm"]]["crossed"] == 12_061
    assert quotes[day.clients["oanda"]]["crossed"] == 0


def test_the_second_day_raises_no_alert(bridge: LiveBridge) -> None:
    day = Day(bridge, "0507", "eurusd", "20140507")
    assert day.replay()["acked"] == 41_367 + 89_504
    day.wait_until_judged()
    assert day.alerts() == []


def test_a_real_excursion_of_nzdusd_is_found(bridge: LiveBridge) -> None:
    day = Day(bridge, "0515", "nzdusd", "20140515")
    day.replay()
    day.wait_until_judged()
    started = datetime.fromisoformat("2014-05-15T20:57:12+00:00")
    found = [
        alert
        for alert in day.alerts()
        if alert["rule"] == "deviation"
        and abs(datetime.fromisoformat(alert["started_at"]) - started) < timedelta(seconds=1.5)
    ]
    assert len(found) == 1
    assert round(abs(found[0]["worst"]), 1) == 2.9


def test_a_clock_five_hours_off_is_one_clock_alert_and_no_price_alert(bridge: LiveBridge) -> None:
    day = Day(bridge, "CLOCK", "eurusd", "20140502")
    day.replay(clock_shift_s="-18000")
    day.wait_until_judged()
    assert [alert["rule"] for alert in day.alerts()] == ["clock"]


def test_three_pips_for_a_minute_are_one_price_alert_that_opens_in_time(bridge: LiveBridge) -> None:
    day = Day(bridge, "PRICE", "eurusd", "20140502")
    day.replay(price_shift="0.0003", shift_from=PRICE_UP_FROM, shift_to=PRICE_UP_TO)
    day.wait_until_judged()
    alerts = day.alerts()
    assert [(alert["rule"], alert["client"]) for alert in alerts] == [
        ("deviation", day.clients["fxcm"])
    ]
    shift = datetime.fromisoformat(PRICE_UP_FROM)
    opened = datetime.fromisoformat(alerts[0]["opened_at"])
    assert timedelta(seconds=3) <= opened - shift <= timedelta(seconds=4)
    assert alerts[0]["resolved_at"] is not None


def test_bars_built_on_the_way_equal_bars_built_afresh(bridge: LiveBridge) -> None:
    assert bridge.manage("rebuild_bars", "--check")["equal"] is True
