"""Clients that speak, and journal records as the gateway packs them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from bridge_ingest.clock import to_us
from bridge_ingest.journal.layout import CROSSED, HAS_LAST, RECORD, Records
from bridge_ingest.models import Client, Source, Stream
from market import adopt, matching

NOON_US = to_us(datetime(2026, 3, 4, 12, tzinfo=UTC))


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """Feeds remembered by this process belong to rows of a test that is over."""
    adopt.forget()
    yield
    adopt.forget()


class Terminal:
    """One client with one stream: numbers its ticks and packs them."""

    def __init__(self, name: str, platform: str = "mt5") -> None:
        self.client = Client.objects.create(name=name, platform=platform)
        self.stream = Stream.objects.create(client=self.client, name="s").pk
        self.seq = 0

    def source(self, symbol: str) -> int:
        made, _ = Source.objects.get_or_create(
            client=self.client, symbol=symbol, defaults={"shard": 0}
        )
        return made.pk

    def match(self, symbol: str, target: str) -> None:
        """An operator says which instrument it is; without one it is of its own."""
        source = Source.objects.get(pk=self.source(symbol))
        matching.match(source, target, actor=None, through="command")
        adopt.forget()

    def ticks(
        self,
        symbol: str,
        bids: list[float],
        *,
        start_us: int = NOON_US,
        step_us: int = 250_000,
        spread: float = 0.0002,
        last: float = 0.0,
        flags: int = 0,
    ) -> Records:
        """Ticks `step_us` apart, received 1 ms later, of volume 1."""
        records = np.zeros(len(bids), RECORD)
        records["event_us"] = start_us + np.arange(len(bids)) * step_us
        records["received_us"] = records["event_us"] + 1000
        records["bid"] = bids
        records["ask"] = records["bid"] + spread
        records["last"], records["volume"] = last, 1.0
        records["seq"] = np.arange(self.seq + 1, self.seq + len(bids) + 1)
        records["source"], records["stream"] = self.source(symbol), self.stream
        crossed = (records["bid"] > records["ask"]) * CROSSED
        records["flags"] = flags | crossed | (HAS_LAST if last else 0)
        self.seq += len(bids)
        return records


@pytest.fixture
def oanda(db: None) -> Terminal:
    return Terminal("OANDA")


@pytest.fixture
def fxcm(db: None) -> Terminal:
    return Terminal("FXCM")
