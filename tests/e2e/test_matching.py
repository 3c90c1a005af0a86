"""A symbol matched while two terminals trade: the running bridge compares it from then on."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.bridge import LiveBridge, Terminal, wait_for

PAIR, MARKED = "AUDCAD", "AUDCAD.m"


class Trader:
    """A terminal that quotes one symbol, live."""

    def __init__(self, bridge: LiveBridge, client: str, symbol: str) -> None:
        self.bridge, self.client, self.symbol = bridge, client, symbol
        self.terminal = Terminal(bridge)
        self.terminal.hello(client, bridge.issue_key(client), "s")
        self.seq = 0

    def quote(self, mid: float) -> None:
        self.seq += 1
        prices = {"bid": mid - 5e-5, "ask": mid + 5e-5, "time_ms": round(time.time() * 1000)}
        self.terminal.send({"type": "tick", "seq": self.seq, "symbol": self.symbol, **prices})

    def alerts(self) -> list[Any]:
        found: list[Any] = self.bridge.manage("list_alerts", "--client", self.client)
        return found


def trade(seconds: float, *quotes: tuple[Trader, float]) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for trader, mid in quotes:
            trader.quote(mid)
        time.sleep(0.2)


def test_a_matched_symbol_is_compared_by_the_running_workers(bridge: LiveBridge) -> None:
    one, other = Trader(bridge, "MATCH-A", PAIR), Trader(bridge, "MATCH-B", MARKED)
    with one.terminal, other.terminal:
        trade(1, (one, 0.9), (other, 0.9))
        for trader in (one, other):
            bridge.wait_for_stats(trader.client, stored=trader.seq)
        (waiting,) = bridge.manage("match_symbol", "--client", other.client, "--open")
        (offer,) = waiting["suggestions"]
        assert (offer["instrument"], offer["price"]) == (PAIR, "same")
        bridge.manage("match_symbol", "--client", other.client, MARKED, "--to", PAIR)
        quoting = {quote["client"] for quote in bridge.manage("quotes", PAIR)}
        assert quoting == {one.client, other.client}
        trade(3, (one, 0.9), (other, 0.9))
        trade(6, (one, 0.9), (other, 0.9006))
        wait_for(lambda: bool(other.alerts()), 10, "the deviation to be found")
    assert [alert["rule"] for alert in other.alerts()] == ["deviation"]
