"""Every recorded export of a platform, row for row."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bridge_ingest.clock import from_us, to_us
from market import bars
from market.imports.shape import Rows
from tests.market.imports.samples import read_whole

SHARED = Path(__file__).parents[3] / "../shared/data"
EXPORTS = SHARED / "platform_exports"
pytestmark = pytest.mark.skipif(not EXPORTS.is_dir(), reason="shared data is not here")

# Rows as the data's own README counts them, and the zone where the file does not say it.
FILES = {
    "hst/BTCUSD1440.hst.gz": (679, "UTC"),
    "mt4_EURUSD1_2022.csv.gz": (34_342, "NY+7"),
    "mt5_copy_rates_EURUSD_M1_2021.csv.gz": (500, "NY+7"),
    "mt5_ticks_EURUSD_20140507_EET.csv.gz": (41_367, "+03:00"),
    "ninjatrader_SPY_minute_201103.txt.gz": (17_577, ""),
    "ninjatrader_ticks_IBM_20131007.Last.txt.gz": (24_293, "America/New_York"),
    "tradingview_BATS_TSLA_1D.csv.gz": (3_168, ""),
    "tradingview_BINANCE_ETHUSDT_1D.csv.gz": (1_991, ""),
    "tradingview_BTC_5_na.csv.gz": (300, ""),
    "tradingview_CAPITALCOM_EURUSD_60.csv.gz": (23_054, ""),
    "tradingview_EURUSD_15_vwap.csv.gz": (300, ""),
    "tradingview_EURUSD_60_macd.csv.gz": (200, ""),
}


def span(rows: Rows) -> tuple[str, str]:
    first, last = from_us(rows["time_us"][0]), from_us(rows["time_us"][-1])
    return f"{first:%Y-%m-%d %H:%M:%S}", f"{last:%Y-%m-%d %H:%M:%S}"


def test_no_recorded_export_is_left_out() -> None:
    there = {str(path.relative_to(EXPORTS)) for path in EXPORTS.rglob("*.gz")}
    assert there == set(FILES)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("block_bytes", [4 << 20, 10_000])
def test_every_export_has_the_rows_it_is_known_to_have(name: str, block_bytes: int) -> None:
    count, zone = FILES[name]
    rows, refusals = read_whole(EXPORTS / name, zone=zone, block_bytes=block_bytes)
    assert (len(rows), refusals) == (count, [])


def test_a_tick_export_is_the_recording_it_was_made_from() -> None:
    rows, _ = read_whole(EXPORTS / "mt5_ticks_EURUSD_20140507_EET.csv.gz", zone="+03:00")
    with gzip.open(SHARED / "fx_ticks/eurusd_oanda_20140507.csv.gz", "rt") as recorded:
        lines = [line.rstrip("\n").split(",") for line in recorded][1:]
    moments = [to_us(datetime.fromisoformat(time)) for time, *_ in lines]
    assert rows["time_us"].tolist() == moments
    assert rows["bid"].tolist() == [float(bid) for _, bid, _ in lines]
    assert rows["ask"].tolist() == [float(ask) for *_, ask in lines]


def test_offsets_that_change_with_daylight_saving_give_the_moments_they_name() -> None:
    rows, _ = read_whole(EXPORTS / "tradingview_CAPITALCOM_EURUSD_60.csv.gz")
    assert span(rows) == ("2022-01-02 22:00:00", "2025-09-12 20:00:00")


def test_trades_in_new_york_become_utc() -> None:
    name = "ninjatrader_ticks_IBM_20131007.Last.txt.gz"
    rows, _ = read_whole(EXPORTS / name, zone="America/New_York")
    assert span(rows) == ("2013-10-07 08:00:30", "2013-10-07 23:26:07")
    assert rows["time_us"][0] % 1_000_000 == 270_000


def test_minutes_stamped_at_their_close_get_the_time_of_their_opening() -> None:
    rows, _ = read_whole(EXPORTS / "ninjatrader_SPY_minute_201103.txt.gz")
    assert span(rows) == ("2011-03-01 09:00:00", "2011-03-31 23:58:00")


def test_close_stamped_and_open_stamped_minutes_of_one_instrument_line_up(tmp_path: Path) -> None:
    """The same recorded ticks, as NinjaTrader and as TradingView would export their minutes."""
    ticks, _ = read_whole(EXPORTS / "mt5_ticks_EURUSD_20140507_EET.csv.gz", zone="+03:00")
    minutes = _minutes(ticks)
    ninjatrader, tradingview = tmp_path / "EURUSD.Last.txt", tmp_path / "OANDA_EURUSD, 1.csv"
    ninjatrader.write_text("".join(_as_ninjatrader(*row) for row in minutes))
    header = "time,open,high,low,close,Volume\n"
    tradingview.write_text(header + "".join(_as_tradingview(*row) for row in minutes))
    close_stamped, _ = read_whole(ninjatrader)
    open_stamped, _ = read_whole(tradingview)
    assert len(minutes) == len(close_stamped) == len(open_stamped) == 1406
    for name in ("time_us", "open", "high", "low", "close", "volume"):
        assert np.array_equal(close_stamped[name], open_stamped[name]), name


def _minutes(ticks: Rows) -> list[tuple[int, str]]:
    """Opening time and the prices, of the mid of each minute's ticks."""
    zero = np.zeros(len(ticks), "i8")
    mid = (ticks["bid"] + ticks["ask"]) / 2
    built = bars.build(zero, ticks["time_us"], ticks["time_us"], ticks["line"], mid, zero + 1.0)
    one = built[built["period_s"] == 60]
    names = ("open", "high", "low", "close", "volume")
    return [
        (int(row["start_us"]) // 1_000_000, ",".join(f"{row[name]:.6f}" for name in names))
        for row in one
    ]


def _as_ninjatrader(opens_s: int, prices: str) -> str:
    stamp = datetime.fromtimestamp(opens_s + 60, UTC)
    return f"{stamp:%Y%m%d %H%M%S};{prices.replace(',', ';')}\n"


def _as_tradingview(opens_s: int, prices: str) -> str:
    return f"{opens_s},{prices}\n"
