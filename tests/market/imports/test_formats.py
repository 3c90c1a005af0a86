"""Each format: what it recognises, what it reads, what it refuses and with which reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_ingest.clock import from_us
from market.imports import formats, reading
from market.imports.files import FileRefused
from market.imports.formats import FORMATS
from market.imports.shape import Block, Code, Parsed
from tests.market.imports.samples import SAMPLES, hst, layout_of, parsed

PRICES = st.floats(1e-6, 1e6).map(lambda price: round(price, 8)).filter(bool)
MOMENTS = st.datetimes(datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2199-12-31"))


def lines_of(data: bytes) -> int:
    return data.count(b"\n")


def test_there_is_a_sample_of_every_format() -> None:
    assert set(SAMPLES) == set(FORMATS)


@pytest.mark.parametrize("code", FORMATS)
def test_a_file_is_recognised_by_what_it_holds_and_by_no_other_format(code: str) -> None:
    recognised = [name for name, form in FORMATS.items() if form.recognise(SAMPLES[code])]
    assert recognised == [code]


@pytest.mark.parametrize("code", FORMATS)
def test_every_row_of_a_good_file_is_read(code: str) -> None:
    found = parsed(FORMATS[code], SAMPLES[code])
    assert (len(found.rows), found.refusals) == (3, [])


@pytest.mark.parametrize("code", [code for code in FORMATS if code != "mt4_hst"])
def test_unix_and_windows_line_ends_and_a_missing_last_one_read_alike(code: str) -> None:
    unix = SAMPLES[code].replace(b"\r\n", b"\n")
    whole = parsed(FORMATS[code], unix).rows
    for other in (unix.replace(b"\n", b"\r\n"), unix.rstrip(b"\n"), unix + b"\n\n"):
        found = parsed(FORMATS[code], other)
        assert found.rows.tolist() == whole.tolist()
        assert found.refusals == []


@pytest.mark.parametrize("code", [code for code in FORMATS if code != "mt4_hst"])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda row: row + b"!", None),
        (lambda row: row[: len(row) // 2], None),
        (lambda _: b"\xff\x00\xfe", Code.COLUMNS),
        (lambda row: row.replace(b"20", b"99", 1), None),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_rest_goes_on(
    code: str, bad: Callable[[bytes], bytes], reason: Code | None
) -> None:
    rows = SAMPLES[code].splitlines(keepends=True)
    middle = len(rows) - 2
    good = rows[middle].rstrip(b"\r\n")
    if bad(good) == good:
        pytest.skip("this format has no such row")
    rows[middle] = bad(good) + b"\n"
    found = parsed(FORMATS[code], b"".join(rows))
    if found.refusals:
        assert [refusal.line for refusal in found.refusals] == [middle + 1]
        assert reason in (None, found.refusals[0].code)
        assert len(found.rows) == 2
    else:
        assert len(found.rows) == 3


@pytest.mark.parametrize(
    ("code", "row", "reason"),
    [
        ("mt4_csv", b"2022.13.15,10:06,1,1,1,1,5", Code.TIME),
        ("mt4_csv", b"2022.02.30,10:06,1,1,1,1,5", Code.TIME),
        ("mt4_csv", b"2022.02.03,24:00,1,1,1,1,5", Code.TIME),
        ("mt4_csv", b"2022-02-03,10:00,1,1,1,1,5", Code.TIME),
        ("mt4_csv", b"2022.02.03,10:00,1,1,1,5", Code.COLUMNS),
        ("mt4_csv", b"2022.02.03,10:00,1,1,one,1,5", Code.NUMBER),
        ("mt4_csv", b"2022.02.03,10:00,1,1,1.0.0,1,5", Code.NUMBER),
        ("ninjatrader_minute", b"20110301 096000;1;1;1;1;5", Code.TIME),
        ("ninjatrader_minute", b"20110301 090000;1;1;1;1", Code.COLUMNS),
        ("ninjatrader_ticks", b"20131007 040030 270;1;1;1;5", Code.TIME),
        ("mt5_ticks", b"2014.05.07\t03:00:07\t1\t1\t\t\t6", Code.TIME),
        ("copy_rates", b"0,yesterday,1,1,1,1,1,1,1,,", Code.TIME),
        ("indicator_csv", b"2026-11-21T07:15:15Z,1,1,,", Code.TIME),
        ("indicator_csv", b"2026-11-21T07:15:15.123Z,1,1", Code.COLUMNS),
        ("indicator_csv", b'2026-11-21T07:15:15.123Z,"1,0",1,,', Code.COLUMNS),
        ("tradingview_csv", b"2022-01-02T17:00:00-25:00,1,1,1,1,1,", Code.TIME),
        ("tradingview_csv", b"99999999999999,1,1,1,1,1,", Code.TIME),
    ],
)
def test_a_refusal_says_what_is_wrong(code: str, row: bytes, reason: Code) -> None:
    found = parsed(FORMATS[code], SAMPLES[code].rstrip(b"\r\n") + b"\n" + row + b"\n")
    last = lines_of(SAMPLES[code]) + 1
    assert found.refusals == [(last, reason, row.decode())]
    assert len(found.rows) == 3


# Values.


@given(
    moment=MOMENTS, prices=st.tuples(PRICES, PRICES, PRICES, PRICES), volume=st.integers(0, 9**9)
)
def test_metatrader_4_rows_come_back_as_they_were_written(
    moment: datetime, prices: tuple[float, ...], volume: int
) -> None:
    values = ",".join(f"{price:.8f}" for price in prices)
    row = f"{moment:%Y.%m.%d},{moment:%H:%M},{values},{volume}\r\n".encode()
    found = parsed(FORMATS["mt4_csv"], row)
    minute = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    assert [from_us(us) for us in found.rows["time_us"]] == [minute]
    assert found.rows[0].tolist()[2:] == (*prices, volume)


@given(
    moment=MOMENTS, prices=st.tuples(PRICES, PRICES, PRICES, PRICES), volume=st.integers(0, 9**9)
)
def test_ninjatrader_rows_come_back_as_they_were_written(
    moment: datetime, prices: tuple[float, ...], volume: int
) -> None:
    values = ";".join(map(repr, prices))
    minute = parsed(
        FORMATS["ninjatrader_minute"], f"{moment:%Y%m%d %H%M%S};{values};{volume}\n".encode()
    )
    second = moment.replace(microsecond=0, tzinfo=UTC)
    assert [from_us(us) for us in minute.rows["time_us"]] == [second]
    assert minute.rows[0].tolist()[2:] == (*prices, volume)
    last, bid, ask, _ = prices
    text = f"{moment:%Y%m%d %H%M%S} {moment.microsecond:06d}7;{last!r};{bid!r};{ask!r};{volume}\n"
    tick = parsed(FORMATS["ninjatrader_ticks"], text.encode())
    assert [from_us(us) for us in tick.rows["time_us"]] == [moment.replace(tzinfo=UTC)]
    assert tick.rows[0].tolist()[2:] == (bid, ask, last, volume)


@given(
    moment=MOMENTS,
    prices=st.tuples(PRICES, PRICES, PRICES, PRICES),
    counted=st.integers(0, 10**6),
    real=st.integers(0, 10**6),
    has_seconds=st.booleans(),
)
def test_metatrader_5_bars_come_back_as_they_were_written(
    moment: datetime, prices: tuple[float, ...], counted: int, real: int, has_seconds: bool
) -> None:
    header = SAMPLES["mt5_bars"].split(b"\n")[0] + b"\n"
    clock = f"{moment:%H:%M:%S}" if has_seconds else f"{moment:%H:%M}"
    values = "\t".join(map(repr, prices))
    row = f"{moment:%Y.%m.%d}\t{clock}\t{values}\t{counted}\t{real}\t3\r\n"
    found = parsed(FORMATS["mt5_bars"], header + row.encode())
    opened = moment.replace(second=moment.second * has_seconds, microsecond=0, tzinfo=UTC)
    assert [from_us(us) for us in found.rows["time_us"]] == [opened]
    assert found.rows[0].tolist()[2:] == (*prices, real or counted)


@given(
    moment=st.datetimes(datetime.fromisoformat("1975-01-01"), datetime.fromisoformat("2199-12-31")),
    prices=st.tuples(PRICES, PRICES, PRICES, PRICES),
    volume=st.integers(0, 10**9),
    extra=st.sampled_from(["", "1.5", "nan", '"a, b"', "2021-11-15 01:39:00"]),
)
def test_copied_rates_mean_the_same_as_seconds_and_as_text(
    moment: datetime, prices: tuple[float, ...], volume: int, extra: str
) -> None:
    opened = moment.replace(microsecond=0, tzinfo=UTC)
    header = "time,open,high,low,close,tick_volume,spread,real_volume,note\n"
    values = ",".join(map(repr, prices))
    for time in (f"{opened.timestamp():.0f}", f"{opened:%Y-%m-%d %H:%M:%S}"):
        data = f"{header}{time},{values},{volume},8,0,{extra}\n".encode()
        found = parsed(FORMATS["copy_rates"], data)
        assert [from_us(us) for us in found.rows["time_us"]] == [opened]
        assert found.rows[0].tolist()[2:] == (*prices, volume)


@given(moment=MOMENTS, offset=st.integers(-12 * 4, 14 * 4), price=PRICES)
def test_tradingview_times_mean_the_same_as_text_and_as_seconds(
    moment: datetime, offset: int, price: float
) -> None:
    ahead = timedelta(minutes=15 * offset)
    opened = moment.replace(microsecond=0, tzinfo=UTC)
    wall = opened + ahead
    sign, quarters = "-" if offset < 0 else "+", abs(offset)
    zone = f"{sign}{quarters // 4:02d}:{quarters % 4 * 15:02d}"
    header = "time,open,high,low,close\n"
    text = f"{header}{wall:%Y-%m-%dT%H:%M:%S}{zone},{price!r},{price!r},{price!r},{price!r}\n"
    epoch = f"{header}{int(opened.timestamp())},{price!r},{price!r},{price!r},{price!r}\n"
    for data in (text, epoch):
        found = parsed(FORMATS["tradingview_csv"], data.encode())
        assert [from_us(us) for us in found.rows["time_us"]] == [opened]
        assert found.rows["close"].tolist() == [price]


@given(moment=MOMENTS, bid=PRICES, ask=PRICES, last=st.none() | PRICES)
def test_our_indicators_rows_come_back_as_they_were_written(
    moment: datetime, bid: float, ask: float, last: float | None
) -> None:
    stamp = moment.isoformat(timespec="milliseconds")
    traded = "," if last is None else f"{last!r},2"
    row = f"time_utc,bid,ask,last,volume\n{stamp}Z,{bid!r},{ask!r},{traded}\n"
    found = parsed(FORMATS["indicator_csv"], row.encode())
    expected = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    assert [from_us(us) for us in found.rows["time_us"]] == [expected]
    assert found.rows[0].tolist()[2:] == (bid, ask, last or 0.0, 0.0 if last is None else 2.0)


@given(
    version=st.sampled_from([400, 401]),
    rows=st.lists(
        st.tuples(st.integers(1, 4_000_000_000 // 2), *[PRICES] * 4, st.integers(0, 10**9)),
        max_size=20,
    ),
    cut=st.integers(0, 43),
)
def test_history_files_of_both_versions_come_back_as_they_were_written(
    version: int, rows: list[tuple[int, float, float, float, float, int]], cut: int
) -> None:
    found = parsed(FORMATS["mt4_hst"], hst(version, rows) + b"x" * cut)
    written = [(time * 1_000_000, *prices) for time, *prices in rows]
    assert [row.tolist()[1:] for row in found.rows] == written
    codes = [(refusal.line, refusal.code) for refusal in found.refusals]
    assert codes == ([(len(rows) + 1, Code.CUT_OFF)] if cut else [])


SIDES = st.lists(
    st.tuples(st.none() | PRICES, st.none() | PRICES).filter(lambda sides: sides != (None, None)),
    max_size=30,
)


@given(sides=SIDES, cut=st.integers(0, 30))
def test_a_side_that_did_not_change_goes_on_as_it_was_over_the_border_of_blocks(
    sides: list[tuple[float | None, float | None]], cut: int
) -> None:
    def shown(price: float | None) -> str:
        return "" if price is None else repr(price)

    rows = [f"2014.05.07\t03:00:07.135\t{shown(b)}\t{shown(a)}\t\t\t6\r\n" for b, a in sides]
    form = FORMATS["mt5_ticks"]
    layout = layout_of(form, SAMPLES["mt5_ticks"])
    carry: dict[str, float] = {}
    got: list[tuple[float, float]] = []
    refused = 0
    for part in (rows[:cut], rows[cut:]):
        found = form.parse(Block("".join(part).encode(), 2), layout, carry)
        got += zip(found.rows["bid"].tolist(), found.rows["ask"].tolist(), strict=True)
        refused += len(found.refusals)
    assert (got, refused) == _carried_on(sides)


def _carried_on(
    sides: list[tuple[float | None, float | None]],
) -> tuple[list[tuple[float, float]], int]:
    bid = ask = None
    both: list[tuple[float, float]] = []
    for new_bid, new_ask in sides:
        bid, ask = new_bid or bid, new_ask or ask
        if bid is not None and ask is not None:
            both.append((bid, ask))
    return both, len(sides) - len(both)


def test_the_exchanges_volume_goes_before_the_count_of_ticks() -> None:
    assert parsed(FORMATS["mt5_bars"], SAMPLES["mt5_bars"]).rows["volume"].tolist() == [105, 104, 9]


def test_days_of_metatrader_5_have_no_time_of_day() -> None:
    data = (
        b"<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        b"2022.08.15\t1\t2\t1\t2\t5\t0\t3\n2022.08.16\t1\t2\t1\t2\t5\t0\t3\n"
    )
    known = reading.know(data)
    assert (known.format.code, known.period_s) == ("mt5_bars", 86_400)


@pytest.mark.parametrize(
    ("minutes", "period_s"), [(1, 60), (1440, 86_400), (10080, 604_800), (43_200, None)]
)
def test_a_history_file_states_its_period(minutes: int, period_s: int | None) -> None:
    data = bytearray(SAMPLES["mt4_hst"])
    data[80:84] = minutes.to_bytes(4, "little")
    layout = FORMATS["mt4_hst"].recognise(bytes(data))
    assert layout is not None
    assert (layout.period_s, layout.symbol) == (period_s, "EURUSD")


@pytest.mark.parametrize(
    "data", [b"", b"hello\nworld\n", b"<html>", b"\x90\x01\0\0", b"time,price\n1,2\n", b"\n" * 99]
)
def test_another_file_is_refused_and_the_formats_are_named(data: bytes) -> None:
    with pytest.raises(FileRefused, match="NinjaTrader minute export") as refused:
        reading.know(data)
    assert refused.value.code == "unknown_format"


# Whatever comes.


def accounted(found: Parsed, first: int, lines: int) -> bool:
    """Every row is either there or refused, once, on a line of the block."""
    numbers = [*found.rows["line"].tolist(), *(refusal.line for refusal in found.refusals)]
    return len(set(numbers)) == len(numbers) and all(first <= n < first + lines for n in numbers)


@pytest.mark.parametrize("code", FORMATS)
@settings(max_examples=60)
@given(data=st.data())
def test_no_bytes_break_a_parser_and_no_line_is_lost(code: str, data: st.DataObject) -> None:
    form, sample = FORMATS[code], SAMPLES[code]
    layout = layout_of(form, sample)
    body = sample[layout.header_bytes :]
    at = data.draw(st.integers(0, len(body)))
    until = data.draw(st.integers(at, len(body)))
    mutated = body[:at] + data.draw(st.binary(max_size=60)) + body[until:]
    found = form.parse(Block(mutated, 2), layout, {})
    if layout.record_bytes:
        assert len(found.rows) + len(found.refusals) == math.ceil(
            len(mutated) / layout.record_bytes
        )
    else:
        lines = mutated.split(b"\n")
        assert accounted(found, 2, len(lines))
        held = {*found.rows["line"].tolist(), *(refusal.line for refusal in found.refusals)}
        assert held == {n for n, line in enumerate(lines, 2) if line.strip()}


@settings(max_examples=200)
@given(head=st.binary(max_size=300), code=st.sampled_from(sorted(SAMPLES)))
def test_no_head_breaks_recognition(head: bytes, code: str) -> None:
    formats.recognise(head)
    formats.recognise(SAMPLES[code][:40] + head)
