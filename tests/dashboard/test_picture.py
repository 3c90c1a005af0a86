"""The board's memory: a row per subject, deltas that follow each other, whole snapshots."""

from __future__ import annotations

import json
from typing import Any

from dashboard.live.messages import HealthMessage, QuotesMessage, VerifyMessage
from dashboard.live.picture import EVENTS_KEPT, Picture


def quote(feed: int, bid: float = 1.0) -> tuple[int, float, float, int, int, int]:
    return (feed, bid, bid + 0.0001, 1000, 1001, 1)


def taken(picture: Picture) -> dict[str, Any]:
    frame = picture.take_delta(at_ms=5)
    assert frame is not None
    read: dict[str, Any] = json.loads(frame)
    return read


def test_a_feed_that_ticked_often_is_in_the_delta_once_with_its_last_quote() -> None:
    picture = Picture()
    for bid in (1.1, 1.2, 1.3):
        picture.apply_quotes(QuotesMessage(at_ms=1, quotes=[quote(7, bid)]))
    assert taken(picture)["quotes"] == [[7, 1.3, 1.3001, 1000, 1001, 1]]


def test_a_delta_holds_only_what_changed_since_the_one_before() -> None:
    picture = Picture()
    picture.apply_quotes(QuotesMessage(at_ms=1, quotes=[quote(1), quote(2)]))
    assert len(taken(picture)["quotes"]) == 2
    picture.apply_quotes(QuotesMessage(at_ms=2, quotes=[quote(2)]))
    delta = taken(picture)
    assert [row[0] for row in delta["quotes"]] == [2]
    assert set(delta) == {"type", "seq", "at_ms", "quotes"}


def test_deltas_are_numbered_without_a_gap_and_nothing_new_takes_no_number() -> None:
    picture = Picture()
    numbers = []
    for feed in (1, 2, 3):
        picture.apply_quotes(QuotesMessage(at_ms=1, quotes=[quote(feed)]))
        numbers.append(taken(picture)["seq"])
        assert picture.take_delta(at_ms=1) is None
    assert numbers == [1, 2, 3]


def test_old_state_and_deltas_make_the_same_picture_as_a_fresh_snapshot() -> None:
    picture = Picture()
    picture.apply_quotes(QuotesMessage(at_ms=1, quotes=[quote(1), quote(2)]))
    seen = {row[0]: row for row in json.loads(picture.snapshot(1, upstream=True))["quotes"]}
    picture.take_delta(1)
    picture.apply_quotes(QuotesMessage(at_ms=2, quotes=[quote(2, 2.0), quote(3)]))
    seen |= {row[0]: row for row in taken(picture)["quotes"]}
    assert seen == {row[0]: row for row in json.loads(picture.snapshot(3, upstream=True))["quotes"]}


def test_stored_quotes_never_replace_what_was_heard_live() -> None:
    picture = Picture()
    picture.apply_quotes(QuotesMessage(at_ms=1, quotes=[quote(1, 9.0)]))
    picture.load_quotes([quote(1, 1.0), quote(2, 1.0)])
    assert picture.quotes[1][1] == 9.0
    assert picture.quotes[2][1] == 1.0


def test_a_process_that_fell_silent_leaves_the_picture() -> None:
    picture = Picture()
    picture.apply_health(HealthMessage(process="gateway", at_ms=1_000, figures={}))
    picture.apply_health(HealthMessage(process="worker.0", at_ms=20_000, figures={}))
    picture.forget_silent(at_ms=21_000, older_than_ms=15_000)
    assert list(picture.health) == ["worker.0"]


def test_feeds_are_counted_by_state() -> None:
    picture = Picture()
    rows = [(1, 0.0, 0.0, "verified"), (2, 0.0, 0.0, "verified"), (3, None, None, "act")]
    picture.apply_verify(VerifyMessage(at_ms=1, feeds=rows))
    assert picture.feeds_by_state() == {"verified": 2, "act": 1}


def test_a_flood_of_events_is_cut_since_pages_fetch_again_anyway() -> None:
    picture = Picture()
    for number in range(3 * EVENTS_KEPT):
        picture.add_event({"kind": "alert", "id": number})
    assert len(taken(picture)["events"]) == EVENTS_KEPT
