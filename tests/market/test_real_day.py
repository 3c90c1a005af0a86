"""A real day of two brokers through the store, at the sizes in which drains bring it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from django.db import connection, transaction

from bridge_ingest.journal.layout import CROSSED, LOCKED, RECORD, REPLAY, Records
from market import adopt, rebuild, store
from market.models import Bar, FeedState
from tests.market.conftest import Terminal

TICKS = Path(__file__).parents[2] / "../shared/data/fx_ticks"
BATCH = 20_000
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not TICKS.is_dir(), reason="shared data is not here"),
]


def recorded(terminal: Terminal, file: str) -> Records:
    with gzip.open(TICKS / file, "rt") as lines:
        rows = [line.split(",") for line in lines.read().splitlines()[1:]]
    records = np.zeros(len(rows), RECORD)
    times = np.array([time.rstrip("Z") for time, _, _ in rows], "datetime64[us]")
    records["event_us"] = records["received_us"] = times.astype(np.int64)
    records["bid"] = [float(bid) for _, bid, _ in rows]
    records["ask"] = [float(ask) for _, _, ask in rows]
    records["seq"] = np.arange(1, len(rows) + 1)
    records["source"], records["stream"] = terminal.source("EURUSD"), terminal.stream
    crossed, locked = records["bid"] > records["ask"], records["bid"] == records["ask"]
    records["flags"] = REPLAY | crossed * CROSSED | locked * LOCKED
    return records


def test_payrolls_day_is_stored_whole(oanda: Terminal, fxcm: Terminal) -> None:
    """145,747 ticks of which 12,061 are crossed, and every bar that follows from them."""
    parts = [
        recorded(oanda, "eurusd_oanda_20140502.csv.gz"),
        recorded(fxcm, "eurusd_fxcm_20140502.csv.gz"),
    ]
    day = np.concatenate(parts)
    day = day[np.argsort(day["received_us"], kind="stable")]
    stored = 0
    for start in range(0, len(day), BATCH):
        batch = day[start : start + BATCH]
        with transaction.atomic():
            stored += store.write_ticks(batch, adopt.feeds_for(batch), "0").stored
    assert stored == 145_747
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE flags & 1 <> 0) FROM market_tick")
        assert cursor.fetchall() == [(145_747, 12_061)]
    states = FeedState.objects.order_by("feed__source__client__name")
    counts = [(state.ticks, state.crossed, state.replayed) for state in states]
    assert counts == [(96_406, 12_061, True), (49_341, 0, True)]
    found = rebuild.compare()
    assert found == rebuild.Comparison(ticks=145_747, bars=found.bars)
    assert Bar.objects.filter(period_s=60).count() > 2_000
