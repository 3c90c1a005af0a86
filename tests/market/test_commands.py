"""`quotes`, `bars` and `rebuild_bars`, as somebody at a terminal or in a script sees them."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bridge_ingest.events import dispatch
from market.models import Bar
from tests.market.conftest import NOON_US, Terminal
from tests.market.test_queries import terminal_bar, write

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def run_json(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


@pytest.fixture
def two_feeds(oanda: Terminal, fxcm: Terminal) -> None:
    write(oanda.ticks("EURUSD", [1.38694, 1.38696], spread=0.00011))
    write(fxcm.ticks("EUR/USD", [1.38699], spread=-0.00002))


def test_quotes_are_a_table_for_people(two_feeds: None) -> None:
    heading, fxcm, oanda = run("quotes", "EURUSD.m").splitlines()
    assert heading.split() == ["client", "bid", "ask", "spread", "age"]
    assert fxcm.split()[:5] == ["FXCM", "1.38699", "1.38697", "-0.2", "pip"]
    assert oanda.split()[:5] == ["OANDA", "1.38696", "1.38707", "1.1", "pip"]


def test_quotes_are_json_for_scripts(two_feeds: None) -> None:
    fxcm, oanda = run_json("quotes", "EURUSD")
    assert (oanda["client"], oanda["bid"], oanda["ticks"]) == ("OANDA", 1.38696, 2)
    assert (fxcm["terminal_symbol"], fxcm["symbol"]) == ("EUR/USD", "EURUSD")
    assert (fxcm["crossed"], fxcm["last"]) == (1, None)
    assert fxcm["event_time"] == "2026-03-04T12:00:00+00:00"


def test_an_instrument_of_bars_has_no_quotes_yet(oanda: Terminal) -> None:
    dispatch([terminal_bar(oanda.source("BTCUSDT"), NOON_US, 5.0)])
    assert run("quotes", "BTCUSDT") == "BTCUSDT has bars, but no quotes yet.\n"
    assert run_json("quotes", "BTCUSDT") == []


HOUR = ("--from", "2026-03-04T12:00", "--to", "2026-03-04T13:00:00+00:00")


def test_bars_are_a_table_for_people(two_feeds: None) -> None:
    heading, bar = run("bars", "EURUSD", "--period", "M1", *HOUR).splitlines()
    assert heading == "EURUSD of OANDA, M1: 1 bars"
    assert bar.split() == [
        "2026-03-04", "12:00:00", "1.386995", "1.387015", "1.386995", "1.387015", "2.00",
    ]  # fmt: skip


def test_bars_are_json_for_scripts(two_feeds: None) -> None:
    (bar,) = run_json("bars", "EURUSD", "--period", "D1", "--from", "2026-03-04", "--to",
                      "2026-03-05", "--feed", "FXCM")  # fmt: skip
    assert bar == {
        "start": "2026-03-04T00:00:00+00:00", "open": 1.38698, "high": 1.38698,
        "low": 1.38698, "close": 1.38698, "volume": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["quotes", "NZDUSD"], "No client has sent anything for NZDUSD."),
        (["bars", "NZDUSD", "--period", "M1", *HOUR], "There is no feed of NZDUSD."),
        (
            ["bars", "EURUSD", "--feed", "IG", "--period", "M1", *HOUR],
            "There is no feed of EURUSD from IG.",
        ),
        (["bars", "EURUSD", "--period", "M2", *HOUR], "invalid choice: 'M2'"),
        (
            ["bars", "EURUSD", "--period", "M1", "--from", "noon", "--to", "2026-03-05"],
            "'noon' is not a time such as 2026-03-04",
        ),
    ],
)
def test_what_can_not_be_answered_is_said(two_feeds: None, words: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        run(*words)


def test_a_rebuild_confirms_bars_that_follow_from_ticks(two_feeds: None) -> None:
    """All but the week's, which began before the first stored day: 8 periods of 2 feeds."""
    assert run("rebuild_bars", "--check") == "16 bars against 3 ticks\n"


def test_a_rebuild_without_ticks_compares_nothing() -> None:
    found = run_json("rebuild_bars", "--check")
    assert found["equal"]
    assert found["bars"] == 0


def test_a_rebuild_fails_loudly_when_a_bar_was_changed(two_feeds: None) -> None:
    Bar.objects.filter(period_s=60).update(low=1.0)
    with pytest.raises(CommandError, match="0 bars are missing, 0 have no ticks, 2 differ"):
        run("rebuild_bars", "--check")
