"""What judging costs while nothing is wrong, and that a fault costs little more."""

from __future__ import annotations

import time

import numpy as np

from bridge_ingest.journal.layout import RECORD, Records
from tests.verification.quiet import Bench, feed

FEEDS, INSTRUMENTS, TICKS = 4, 50, 20_000
START_US = 1_700_000_000_000_000
CEILING_US = 3.0
"""CPU microseconds a tick. Measured: 0.3 to 0.5; the rest is for slow and busy machines."""


def batch(number: int, off: float = 0.0) -> Records:
    """A 12th of a second of 250,000 ticks/s, one of the feeds off by so much."""
    dice = np.random.default_rng(number)
    rows = np.zeros(TICKS, RECORD)
    rows["received_us"] = START_US + (number * TICKS + np.arange(TICKS)) * 4
    rows["event_us"] = rows["received_us"] - 1_000
    rows["source"] = dice.integers(1, FEEDS * INSTRUMENTS + 1, TICKS)
    mid = 1.1 + dice.uniform(-1e-5, 1e-5, TICKS) + np.where(rows["source"] == 1, off, 0.0)
    rows["bid"], rows["ask"] = mid - 5e-5, mid + 5e-5
    return rows


def cost_us(bench: Bench, *batches: Records) -> float:
    """CPU time a tick of the median batch."""
    costs = []
    for each in batches:
        began = time.process_time()
        bench.take(each)
        costs.append((time.process_time() - began) * 1e6 / TICKS)
    return float(np.median(costs))


def test_a_tick_costs_less_than_a_few_microseconds() -> None:
    feeds = [feed(n, 1 + (n - 1) // FEEDS, client=1 + n % FEEDS) for n in range(1, 201)]
    quiet, faulty = Bench(feeds), Bench(feeds)
    quiet.take(batch(0))
    faulty.take(batch(0))
    assert cost_us(quiet, *(batch(n) for n in range(1, 12))) < CEILING_US
    assert cost_us(faulty, *(batch(n, off=3e-4) for n in range(1, 12))) < CEILING_US
    assert quiet.found == []
