"""Three feeds of EURUSD to read: two brokers' ticks, and a client that sends only bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.test import Client as Browser

from bridge_ingest.events import dispatch
from market import adopt, store
from tests.market.conftest import NOON_US, Terminal

NOON_S = NOON_US // 1_000_000


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


@dataclass
class Feeds:
    """Terminals by name; each `send` is one drain."""

    terminals: dict[str, Terminal] = field(default_factory=dict)

    def of(self, client: str) -> Terminal:
        if client not in self.terminals:
            self.terminals[client] = Terminal(client)
        return self.terminals[client]

    def ticks(self, client: str, symbol: str, bids: list[float], **how: Any) -> None:
        batch = self.of(client).ticks(symbol, bids, **how)
        with transaction.atomic():
            store.write_ticks(batch, adopt.feeds_for(batch), "0")

    def minute_bars(self, client: str, symbol: str, closes: list[float], start_us: int) -> None:
        source = self.of(client).source(symbol)
        with transaction.atomic():
            dispatch([bar(source, start_us + n * 60_000_000, c) for n, c in enumerate(closes)])


def bar(source: int, start_us: int, close: float, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "bar",
        "source": source,
        "stream": 1,
        "seq": 1,
        "period": "M1",
        "event_us": start_us,
        "open": close - 0.001,
        "high": close + 0.002,
        "low": close - 0.003,
        "close": close,
        "volume": 2.0,
        "stamp": "open",
        "closed": True,
        "received_us": start_us + 60_000_000,
        "flags": 0,
    } | changes


@pytest.fixture
def feeds(db: None) -> Feeds:
    return Feeds()


class Chart:
    """The stock client: GET, and the body parsed as JSON whatever the status."""

    def __init__(self, base: str = "/api/v1", address: str = "127.0.0.1") -> None:
        self.base = base
        self.browser = Browser(REMOTE_ADDR=address)

    def get(self, endpoint: str, **parameters: Any) -> Any:
        return self.browser.get(f"{self.base}/{endpoint}", parameters).json()

    def status(self, endpoint: str = "config", **headers: str) -> int:
        return self.browser.get(f"{self.base}/{endpoint}", headers=headers).status_code


@pytest.fixture
def chart() -> Chart:
    """On this machine, so that it needs no key."""
    return Chart()
