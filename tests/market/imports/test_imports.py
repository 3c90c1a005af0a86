"""Imports: what is stored, that none of it is taken for live, and that it can be undone."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest.clock import to_us
from bridge_ingest.models import Client, Source
from market import adopt, queries, store, tasks
from market.imports import actions, files, reading, runner
from market.imports import store as imports_store
from market.imports.actions import ImportRefused
from market.imports.files import FileRefused
from market.models import FeedState, Import, ImportedBar, ImportedTick, ImportState
from market.queries import BarColumns, Window
from tests.market.conftest import NOON_US, Terminal
from tests.market.imports.conftest import Importer, everything, finish
from tests.market.imports.samples import SAMPLES

pytestmark = pytest.mark.django_db
MINUTE_US = 60_000_000


def minutes(first: int, prices: list[float], volume: int = 1) -> bytes:
    """NinjaTrader's minutes from noon on, stamped at their close."""
    noon = datetime(2026, 3, 4, 12, tzinfo=UTC)
    rows = [
        f"{noon + timedelta(minutes=first + at + 1):%Y%m%d %H%M%S};{p};{p + 2};{p - 1};{p + 1};"
        f"{volume}"
        for at, p in enumerate(prices)
    ]
    return "\n".join(rows).encode()


def quotes(*rows: str) -> bytes:
    """Our indicator's csv from that noon on; rows are `seconds,bid,ask,last,volume`."""
    lines = ["time_utc,bid,ask,last,volume"]
    for row in rows:
        after, prices = row.split(",", 1)
        minute, second = divmod(float(after), 60)
        lines.append(f"2026-03-04T12:{int(minute):02d}:{second:06.3f}Z,{prices}")
    return "\n".join(lines).encode()


def shown(found: BarColumns) -> list[tuple[int, float]]:
    """Minutes after noon, and the close."""
    at = ((found.start_us - NOON_US) // MINUTE_US).tolist()
    return list(zip(at, found.close.tolist(), strict=True))


def bars_of(job: Import, period_s: int = 60, window: Window | None = None) -> BarColumns:
    return queries.bars(job.feed_id, period_s, window or Window())


@pytest.mark.parametrize("code", SAMPLES)
def test_a_file_of_every_format_is_stored(code: str, imported: Importer) -> None:
    known = reading.know(SAMPLES[code])
    job = imported(SAMPLES[code], zone="" if known.zone else "NY+7")
    assert (job.state, job.format, job.failure) == (ImportState.DONE, code, "")
    assert (job.stored, job.duplicates, job.refused) == (3, 0, 0)
    held = ImportedBar.objects.filter(ticks=0) if job.period_s else ImportedTick.objects.all()
    assert held.filter(origin=job).count() == 3


def test_close_stamped_and_open_stamped_files_give_the_same_minutes(imported: Importer) -> None:
    ninjatrader = imported(minutes(0, [10.0, 20.0, 30.0]), symbol="ES 03-26")
    rows = (
        f"{(NOON_US // 1_000_000) + 60 * n},{p},{p + 2},{p - 1},{p + 1}"
        for n, p in ((0, 10), (1, 20), (2, 30))
    )
    tradingview = imported("\n".join(["time,open,high,low,close", *rows]).encode(), symbol="ES1!")
    assert (ninjatrader.stamp, tradingview.stamp) == ("close", "open")
    assert shown(bars_of(ninjatrader)) == shown(bars_of(tradingview)) == [(0, 11), (1, 21), (2, 31)]


def test_charts_show_imported_minutes_and_what_longer_bars_they_make(imported: Importer) -> None:
    job = imported(minutes(0, [float(n) for n in range(10, 22)], volume=3))
    assert len(bars_of(job).start_us) == 12
    assert shown(bars_of(job, window=Window(most=2))) == [(10, 21.0), (11, 22.0)]
    five = bars_of(job, 300)
    assert shown(five) == [(0, 15.0), (5, 20.0), (10, 22.0)]
    assert five.volume.tolist() == [15, 15, 6]
    assert [five.open[1], five.high[1], five.low[1]] == [15, 21, 14]


def test_imported_history_is_never_live(imported: Importer) -> None:
    job = imported(quotes("1,1.1,1.2,,", "2,1.1,1.3,,"))
    assert not FeedState.objects.exists()
    assert queries.quotes() == []
    assert queries.ticks(job.feed_id, 0, 2**51, 10).event_us.tolist() == []
    rows = everything()
    assert [rows["market_tick"], rows["market_bar"], rows["market_terminalbar"]] == [[], [], []]


def test_what_came_live_goes_before_history_which_fills_its_holes(
    oanda: Terminal, imported: Importer, broker: Client
) -> None:
    Source.objects.filter(client=broker).delete()
    oanda.client = broker
    for minute in (1, 3):
        batch = oanda.ticks(
            "EURUSD", [100.0 + minute], start_us=NOON_US + minute * MINUTE_US, spread=0
        )
        with transaction.atomic():
            store.write_ticks(batch, adopt.feeds_for(batch), "0")
    job = imported(minutes(0, [10.0, 20.0, 30.0, 40.0, 50.0]))
    assert shown(bars_of(job)) == [(0, 11), (1, 101), (2, 31), (3, 103), (4, 51)]
    assert shown(bars_of(job, window=Window(most=3))) == [(2, 31), (3, 103), (4, 51)]


def test_bars_are_built_from_imported_ticks_over_the_borders_of_blocks(
    imported: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 100)
    monkeypatch.setattr(files.next_block, "__defaults__", (100,))
    job = imported(quotes("0,10,12,,", "1,11,13,20,5", "1.5,9,11,,", "59,13,15,,", "61,14,16,,"))
    minute = bars_of(job)
    assert shown(minute) == [(0, 14.0), (1, 15.0)]
    assert [minute.open[0], minute.high[0], minute.low[0]] == [11, 20, 10]
    assert minute.volume.tolist() == [5, 0]


def test_a_given_bar_goes_before_one_built_from_ticks(imported: Importer) -> None:
    imported(quotes("0,10,12,,", "59,13,15,,"))
    job = imported(minutes(0, [500.0]))
    assert shown(bars_of(job)) == [(0, 501.0)]


def test_ticks_of_two_files_that_meet_within_a_minute_make_one_bar(imported: Importer) -> None:
    imported(quotes("0,10,12,,", "10,11,13,,", "20,12,14,,"))
    job = imported(quotes("20,12,14,,", "30,29,31,,", "40,19,21,,"))
    assert (job.stored, job.duplicates) == (2, 1)
    minute = bars_of(job)
    assert shown(minute) == [(0, 20.0)]
    assert [minute.open[0], minute.high[0], minute.low[0]] == [11, 30, 11]


# Rows that are there, or can't be stored.


def test_equal_ticks_of_one_file_are_all_kept_and_as_many_are_left_out_again(
    imported: Importer,
) -> None:
    first = imported(quotes("1,1,2,,", "1,1,2,,", "2,1,2,,"))
    again = imported(quotes("1,1,2,,", "1,1,2,,", "1,1,2,,", "3,1,2,,"))
    assert (first.stored, first.duplicates) == (3, 0)
    assert (again.stored, again.duplicates) == (2, 2)


def test_a_bar_that_is_there_is_left_out_and_one_that_differs_is_refused(
    imported: Importer,
) -> None:
    imported(minutes(0, [10.0, 20.0, 30.0]))
    job = imported(minutes(1, [20.0, 31.0, 40.0]))
    assert (job.stored, job.duplicates, job.refused) == (1, 1, 1)
    assert job.reasons == {"differs": 1}
    assert job.samples == [[2, "differs", "2026-03-04 12:02 31.0 33.0 30.0 32.0"]]
    assert shown(bars_of(job)) == [(0, 11), (1, 21), (2, 31), (3, 41)]


def test_a_file_with_one_bar_twice_stores_it_once(imported: Importer) -> None:
    twice = minutes(0, [10.0, 20.0]) + b"\n" + minutes(1, [20.0, 30.0])
    job = imported(twice)
    assert (job.stored, job.duplicates, job.refused) == (3, 1, 0)


def test_refused_rows_are_counted_by_reason_and_shown_with_their_lines(imported: Importer) -> None:
    rows = minutes(0, [10.0, 20.0, -5.0]).split(b"\n")
    job = imported(
        b"\n".join([rows[0], b"not a row", rows[2], b"20990101 000000;1;1;1;1;1", rows[1]])
    )
    assert (job.stored, job.refused) == (2, 3)
    assert job.reasons == {"columns": 1, "price": 1, "future": 1}
    assert job.samples == [
        [2, "columns", "not a row"],
        [3, "price", rows[2].decode()],
        [4, "future", "20990101 000000;1;1;1;1;1"],
    ]


def test_crude_oil_may_cost_less_than_nothing(imported: Importer) -> None:
    assert imported(minutes(0, [10.0, -37.63]), symbol="CL 05-20").stored == 2


def test_the_same_file_is_not_imported_twice_for_one_feed(begin: Importer) -> None:
    first = finish(begin(SAMPLES["ninjatrader_minute"]))
    with pytest.raises(ImportRefused, match=f"number {first.pk}"):
        begin(SAMPLES["ninjatrader_minute"])
    assert begin(SAMPLES["ninjatrader_minute"], symbol="SPY").pk > first.pk


@pytest.mark.parametrize(
    ("data", "zone", "code"),
    [
        (b"", "", "empty"),
        (b"hello\n", "", "unknown_format"),
        (SAMPLES["mt4_csv"], "", "zone_needed"),
        (SAMPLES["mt4_csv"], "Atlantis", "bad_zone"),
        (SAMPLES["tradingview_csv"], "NY+7", "zone_stated"),
        (b"\x1f\x8bno gzip", "", "unreadable"),
        (b"20110301 090100;0;0;0;0;0\n20110301 090200;0;0;0;0;0\n", "", "no_rows"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_and_leaves_nothing(
    begin: Importer, own_folder: Path, data: bytes, zone: str, code: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        begin(data, zone=zone)
    assert refused.value.code == code
    assert not Import.objects.exists()
    if code in ("empty", "unreadable", "no_rows"):  # refused by us, not by what was said of it
        assert list(own_folder.iterdir()) == []


def test_the_period_of_a_single_bar_must_be_said() -> None:
    known = reading.know(SAMPLES["mt4_csv"].splitlines()[0])
    with pytest.raises(FileRefused, match="M1, M5") as refused:
        reading.agree(known, zone="UTC")
    assert refused.value.code == "period_needed"
    assert reading.agree(known, zone="UTC", period_s=300).period_s == 300


def test_a_file_that_is_too_large_is_refused(own_folder: Path) -> None:
    with pytest.raises(FileRefused, match="larger than 1 MiB"):
        files.take(io.BytesIO(b"x" * (1 << 20) + b"y"), own_folder / "f", 1 << 20)


def test_a_file_in_utf_16_reads_as_one_in_utf_8(imported: Importer) -> None:
    text = SAMPLES["mt5_bars"].decode()
    job = imported(b"\xff\xfe" + text.encode("utf-16-le"), zone="NY+7")
    assert (job.format, job.stored) == ("mt5_bars", 3)


# Undo, cancel, and workers that die.


def test_undoing_an_import_takes_out_exactly_what_it_stored(imported: Importer) -> None:
    imported(minutes(0, [10.0, 20.0]))
    imported(quotes("1,1.1,1.2,,", "2,1.1,1.3,,"))
    before = everything()
    for data in (minutes(2, [30.0, 40.0]), quotes("2,1.1,1.3,,", "90,7,8,,", "30,1.5,1.6,,")):
        job = imported(data)
        assert everything() != before
        actions.undo(job, actor=None, source="command")
        finish(job)
        assert job.state == ImportState.UNDONE
        assert everything() == before


def test_an_import_that_a_later_one_rests_on_is_undone_after_it(imported: Importer) -> None:
    first = imported(minutes(0, [10.0, 20.0]))
    apart = imported(minutes(60, [10.0, 20.0]))
    later = imported(minutes(1, [20.0, 30.0]))
    with pytest.raises(ImportRefused, match=f"undo number {later.pk} first"):
        actions.undo(first, actor=None, source="command")
    for job in (apart, later, first):
        finish(actions.undo(job, actor=None, source="command"))
    assert not ImportedBar.objects.exists()


def test_a_file_can_be_imported_again_after_it_was_undone(imported: Importer) -> None:
    job = imported(minutes(0, [10.0]))
    finish(actions.undo(job, actor=None, source="command"))
    assert imported(minutes(0, [10.0])).stored == 1


def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block is one row."""
    monkeypatch.setattr(files.next_block, "__defaults__", (45,))


def test_a_cancelled_import_leaves_nothing(
    begin: Importer, monkeypatch: pytest.MonkeyPatch, own_folder: Path
) -> None:
    slowly(monkeypatch)
    job = begin(minutes(0, [10.0, 20.0, 30.0]))
    assert runner.advance(job.pk, slice_s=0)
    assert ImportedBar.objects.count() == 1
    actions.cancel(job, actor=None, source="page")
    assert finish(job).state == ImportState.CANCELLED
    assert not ImportedBar.objects.exists()
    with pytest.raises(ImportRefused, match="not under way"):
        actions.cancel(job, actor=None, source="page")


def test_an_import_goes_on_where_a_worker_died(
    begin: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(monkeypatch)
    job = begin(minutes(0, [10.0, 20.0, 30.0]))
    runner.advance(job.pk, slice_s=0)

    def die(*_: object) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as dying:
        dying.setattr(imports_store, "write", die)
        tasks.run_import(job.pk)
    job.refresh_from_db()
    assert (job.state, job.stored) == (ImportState.RUNNING, 1)
    assert runner.forsaken() == []
    Import.objects.update(touched_at=timezone.now() - timedelta(seconds=11))
    assert runner.forsaken() == [job.pk]
    assert finish(job).stored == 3
    assert shown(bars_of(job)) == [(0, 11), (1, 21), (2, 31)]


def test_an_import_whose_file_is_gone_fails_with_the_reason(begin: Importer) -> None:
    job = begin(minutes(0, [10.0]))
    actions.path_of(job).unlink()
    assert finish(job).state == ImportState.FAILED
    assert job.failure.startswith("unreadable: ")


def test_an_error_of_our_own_ends_the_import_and_is_shown(
    begin: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begin(minutes(0, [10.0]))

    def break_down(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(reading, "read", break_down)
    with pytest.raises(ZeroDivisionError):
        tasks.run_import(job.pk)
    job.refresh_from_db()
    assert (job.state, job.failure) == (ImportState.FAILED, "internal: ZeroDivisionError: oh")


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_finished_import_lies_about(imported: Importer, own_folder: Path) -> None:
    imported(minutes(0, [10.0]))
    assert list(own_folder.iterdir()) == []


def test_every_step_is_in_the_audit_log(imported: Importer) -> None:
    job = imported(minutes(0, [10.0, 20.0]))
    finish(actions.undo(job, actor=None, source="command"))
    entries = AuditEntry.objects.filter(object_type="market.import").order_by("pk")
    assert [entry.action for entry in entries] == [
        "import.begin",
        "import.done",
        "import.undo",
        "import.taken_out",
    ]
    after = entries[1].after
    assert after is not None
    assert after["stored"] == 2


def test_times_of_the_last_row_and_the_first_are_kept(imported: Importer) -> None:
    job = imported(minutes(0, [10.0, 20.0]))
    assert job.first_time is not None
    assert job.last_time is not None
    assert to_us(job.first_time) == NOON_US
    assert to_us(job.last_time) == NOON_US + MINUTE_US


def test_a_thousand_random_bars_are_stored_as_they_are(imported: Importer) -> None:
    prices = np.random.default_rng(7).uniform(5, 500, 1000).round(5).tolist()
    job = imported(minutes(0, prices))
    found = bars_of(job)
    assert found.open.tolist() == prices
    assert found.size == job.stored == 1000
