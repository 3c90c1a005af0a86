"""In replay, what does not say when it arrived is taken to have arrived when it happened."""

from __future__ import annotations

import pytest

from bridge_ingest.journal.layout import unpack_records
from bridge_ingest.protocol import records
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.protocol.intake import SourceRef
from bridge_ingest.protocol.messages import Bar, Indicator, Tick, Ticks
from bridge_ingest.protocol.records import Clocks

NOW_US = 1_795_235_490_000_000
THEN_MS = 1_400_000_000_000
OFFSET_S = 10_800
SOURCE = SourceRef(1, 0)
REPLAY, LIVE = Clocks(OFFSET_S, replay=True), Clocks(OFFSET_S, replay=False)
EVENT_US = (THEN_MS - OFFSET_S * 1000) * 1000


def tick(clocks: Clocks, received_ms: float | None = None) -> int:
    made = Tick(1, "EURUSD", 1.1, 1.2, THEN_MS, received_ms=received_ms)
    packed = records.pack_tick(made, SOURCE, 1, clocks, NOW_US)
    return int(unpack_records([packed])["received_us"][0])


def test_a_tick_arrives_at_its_own_moment_by_utc() -> None:
    assert tick(REPLAY) == EVENT_US
    assert tick(REPLAY, THEN_MS + 5) == (THEN_MS + 5) * 1000
    assert tick(LIVE) == NOW_US


@pytest.mark.parametrize("width", [3, 4, 5])
def test_rows_of_a_batch_arrive_at_theirs(width: int) -> None:
    rows = [[THEN_MS + n, 1.1, 1.2, 1.0, THEN_MS + 50.0][:width] for n in range(3)]
    message = Ticks(1, "EURUSD", rows)
    table = records.columns(rows)
    assert not len(records.bad_rows(table, SOURCE, REPLAY, NOW_US))
    packed = records.pack_ticks(message, table, SOURCE, 1, REPLAY, NOW_US)
    expected = [EVENT_US + n * 1000 for n in range(3)] if width < 5 else [(THEN_MS + 50) * 1000] * 3
    assert packed["received_us"].tolist() == expected


@pytest.mark.parametrize(("closed", "after_s"), [(True, 60), (False, 0)])
@pytest.mark.parametrize(("stamp", "stamped_s"), [("open", 0), ("close", 60)])
def test_a_bar_arrives_when_it_closed(
    closed: bool, after_s: int, stamp: str, stamped_s: int
) -> None:
    bar = Bar(1, "E", "M1", THEN_MS + stamped_s * 1000, 1, 1, 1, 1, stamp, closed)  # type: ignore[arg-type]
    event = records.bar_event(bar, SOURCE, 1, REPLAY, NOW_US)
    assert (event["event_us"], event["received_us"]) == (EVENT_US, EVENT_US + after_s * 1_000_000)


def test_an_indicator_arrives_at_its_own_moment() -> None:
    event = records.indicator_event(Indicator(1, "E", "rsi", 5, THEN_MS), SOURCE, 1, REPLAY, NOW_US)
    assert event["received_us"] == EVENT_US


def test_a_recording_from_the_future_is_refused_all_the_same() -> None:
    ahead_ms = NOW_US / 1000 + (OFFSET_S + 16 * 3600) * 1000
    with pytest.raises(Refused, match="in the future"):
        records.pack_tick(Tick(1, "E", 1, 1, ahead_ms), SOURCE, 1, REPLAY, NOW_US)
    table = records.columns([[ahead_ms, 1.0, 1.0]])
    assert records.bad_rows(table, SOURCE, REPLAY, NOW_US).tolist() == [0]
