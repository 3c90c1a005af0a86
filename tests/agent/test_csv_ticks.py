from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent.errors import InputError
from agent.replay.csv_ticks import rows
from agent.replay.feed import Feed, parse_feed, utc_ms
from agent.replay.player import merged

NOON = utc_ms("2014-05-02T12:00:00Z")

FeedOf = Callable[..., Feed]


@pytest.fixture
def feed_of(tmp_path: Path) -> FeedOf:
    def build(text: str, name: str = "ticks.csv", **options: Any) -> Feed:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return Feed("OANDA", "key", "EURUSD", path, **options)

    return build


def records(feed: Feed) -> list[list[float]]:
    return [json.loads(row.record) for row in rows(feed)]


@pytest.mark.parametrize(
    ("text", "event_ms"),
    [
        ("2014-05-02T12:00:00.277Z", NOON + 277),
        ("2014-05-02T12:00:00Z", NOON),
        ("2014-05-02T12:00:01.5", NOON + 1500),
        ("2014-05-02 12:00:00.277123+00:00", NOON + 277),
        ("2014-05-02T17:30:00.277+05:30", NOON + 277),
        ("2014-05-02T07:00:59.999-05:00", NOON + 59_999),
        (str(NOON + 277), NOON + 277),
    ],
)
def test_times_are_read_as_utc_milliseconds(feed_of: FeedOf, text: str, event_ms: int) -> None:
    assert records(feed_of(f"{text},1.1,1.2\n")) == [[event_ms, 1.1, 1.2, 0, event_ms]]


@pytest.mark.parametrize("header", ["", "time_utc,bid,ask\n", "\ufefftimestamp,bid,ask\r\n"])
def test_a_line_of_names_may_stand_first(feed_of: FeedOf, header: str) -> None:
    assert records(feed_of(f"{header}{NOON},1.1,1.2,7\r\n")) == [[NOON, 1.1, 1.2, 7, NOON]]


def test_prices_are_sent_as_the_text_they_are(feed_of: FeedOf) -> None:
    (row,) = rows(feed_of(f"{NOON},1.38690,1.3870500000000001\n"))
    assert row.record == f"[{NOON},1.38690,1.3870500000000001,0,{NOON}]"


def test_a_compressed_file_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "ticks.csv.gz"
    path.write_bytes(gzip.compress(f"{NOON},1.1,1.2\n".encode()))
    assert len(list(rows(Feed("OANDA", "key", "EURUSD", path)))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "noon,1.1,1.2",
        f"{NOON},nan,1.2",
        f"{NOON},1.1",
        f"{NOON},1.,1.2",
        f"{NOON},01.1,1.2",
        "2014-13-02T12:00:00Z,1.1,1.2",
        '{"bid":1.1}',
    ],
)
def test_a_line_that_is_no_tick_is_named(feed_of: FeedOf, line: str) -> None:
    with pytest.raises(InputError, match=r"ticks\.csv, line 2"):
        list(rows(feed_of(f"{NOON},1.1,1.2\n{line}\n")))


def test_a_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ticks.csv.gz"
    path.write_bytes(gzip.compress(f"{NOON},1.1,1.2\n".encode() * 100)[:-10])
    with pytest.raises(InputError, match=r"ticks\.csv\.gz cannot be read"):
        list(rows(Feed("OANDA", "key", "EURUSD", path)))


def test_a_wrong_clock_moves_event_times_and_leaves_receipt_times_true(feed_of: FeedOf) -> None:
    feed = feed_of(f"{NOON},1.1,1.2\n", clock_shift_s=-18_000)
    assert records(feed) == [[NOON - 18_000_000, 1.1, 1.2, 0, NOON]]


def test_a_price_shift_is_exact_and_ends_before_its_end(feed_of: FeedOf) -> None:
    text = "".join(f"{NOON + second * 1000},1.38626,1.38630\n" for second in range(4))
    feed = feed_of(
        text,
        price_shift=Decimal("0.0003"),
        shift_from=NOON + 1000,
        shift_to=NOON + 3000,
    )
    assert [row.record.split(",")[1:3] for row in rows(feed)] == [
        ["1.38626", "1.38630"],
        ["1.38656", "1.38660"],
        ["1.38656", "1.38660"],
        ["1.38626", "1.38630"],
    ]


def test_a_window_and_a_limit_cut_out_what_is_sent(feed_of: FeedOf) -> None:
    text = "".join(f"{NOON + second * 1000},1.1,1.2\n" for second in range(10))
    feed = feed_of(text, start=NOON + 2000, end=NOON + 8000, limit=4)
    assert [record[0] - NOON for record in records(feed)] == [2000, 3000, 4000, 5000]
    assert len(records(feed_of(text, start=NOON + 2000, end=NOON + 8000))) == 6


def test_feeds_are_merged_in_order_of_receipt(feed_of: FeedOf) -> None:
    late = feed_of(f"{NOON + 1},1,2\n{NOON + 5},1,2\n", "a.csv", clock_shift_s=-3600)
    early = feed_of(f"{NOON},1,2\n{NOON + 3},1,2\n{NOON + 9},1,2\n", "b.csv")
    assert [(ms - NOON, at) for ms, at, _ in merged([late, early])] == [
        (0, 1),
        (1, 0),
        (3, 1),
        (5, 0),
        (9, 1),
    ]


def test_a_feed_is_described_in_one_word(tmp_path: Path) -> None:
    text = "client=FXCM,key=K,symbol=EURUSD,file=x.csv,clock-shift-s=-18000,price_shift=0.0003"
    feed = parse_feed(text, {"platform": "mt5", "limit": "10", "from": "2014-05-02"})
    assert (feed.client, feed.platform, feed.limit) == ("FXCM", "mt5", 10)
    assert (feed.clock_shift_s, feed.price_shift) == (-18_000.0, Decimal("0.0003"))
    assert feed.start == utc_ms("2014-05-02T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("client=A,key=K,symbol=EURUSD", "a feed needs file"),
        ("client=A,key=K,symbol=EURUSD,file=x,speed=3", "no option 'speed'"),
        ("client=A,key=K,symbol=EURUSD,file=x,limit=many", "limit=many cannot be read"),
        ("client=A,key=K,symbol=EURUSD,file=x,price_shift=nan", "not a finite number"),
        ("client=A,key=K,symbol=EURUSD,file=x,from=noon", "'noon' is not a time"),
        ("EURUSD", "wants name=value"),
    ],
)
def test_what_is_wrong_with_a_feed_is_said(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_feed(text, {})
