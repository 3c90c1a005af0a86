"""When a market is open: the edges of the week, of the day, and of daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_ingest.clock import from_us, to_us
from market.models import TradingSession
from market.sessions import NEW_YORK, is_open, period_at

HOUR_US = 3_600_000_000
WEEKLY = [
    TradingSession.FX_WEEK, TradingSession.FUTURES, TradingSession.US_STOCKS,
]  # fmt: skip


def utc(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


moments = st.integers(utc("2005-01-01"), utc("2035-01-01")).map(from_us)


@pytest.mark.parametrize(
    ("session", "opens", "closes"),
    [
        # In winter New York is UTC-5. The 18th of January 2026 is a Sunday.
        (TradingSession.FX_WEEK, "2026-01-18 22:00", "2026-01-23 22:00"),
        (TradingSession.FUTURES, "2026-01-18 23:00", "2026-01-19 22:00"),
        (TradingSession.FUTURES, "2026-01-22 23:00", "2026-01-23 22:00"),
        (TradingSession.US_STOCKS, "2026-01-23 14:30", "2026-01-23 21:00"),
        # In summer New York is UTC-4.
        (TradingSession.FX_WEEK, "2026-07-19 21:00", "2026-07-24 21:00"),
        (TradingSession.FUTURES, "2026-07-21 22:00", "2026-07-22 21:00"),
        (TradingSession.US_STOCKS, "2026-07-20 13:30", "2026-07-20 20:00"),
        # The week that follows the change of the 8th of March, and the one before it.
        (TradingSession.FX_WEEK, "2026-03-01 22:00", "2026-03-06 22:00"),
        (TradingSession.FX_WEEK, "2026-03-08 21:00", "2026-03-13 21:00"),
        # Clocks go back on the 1st of November.
        (TradingSession.FX_WEEK, "2026-10-25 21:00", "2026-10-30 21:00"),
        (TradingSession.FX_WEEK, "2026-11-01 22:00", "2026-11-06 22:00"),
    ],
)
def test_the_market_opens_at_the_first_and_closes_at_the_last_microsecond(
    session: str, opens: str, closes: str
) -> None:
    start, end = utc(opens), utc(closes)
    edges = [is_open(session, moment) for moment in (start - 1, start, end - 1, end)]
    assert edges == [False, True, True, False]
    assert period_at(session, (start + end) // 2) == (start, end)


@settings(deadline=None)
@given(moments)
def test_what_never_closes_is_always_open(moment: datetime) -> None:
    assert is_open(TradingSession.ALWAYS, to_us(moment))


@settings(deadline=None)
@given(moments)
def test_currencies_rest_from_friday_to_sunday_17_o_clock_in_new_york(moment: datetime) -> None:
    local = moment.astimezone(NEW_YORK)
    day, hour = local.isoweekday(), local.hour
    rests = day == 6 or (day == 5 and hour >= 17) or (day == 7 and hour < 17)
    assert is_open(TradingSession.FX_WEEK, to_us(moment)) is not rests


@settings(deadline=None)
@given(moments)
def test_futures_rest_with_currencies_and_an_hour_each_day(moment: datetime) -> None:
    local = moment.astimezone(NEW_YORK)
    opens_at_18 = local.isoweekday() == 7 and local.hour == 17
    pause = local.hour == 17 and local.isoweekday() < 5
    expected = is_open(TradingSession.FX_WEEK, to_us(moment)) and not (pause or opens_at_18)
    assert is_open(TradingSession.FUTURES, to_us(moment)) is expected


@settings(deadline=None)
@given(st.sampled_from(WEEKLY), moments)
def test_a_period_is_open_throughout_and_closed_around(session: str, moment: datetime) -> None:
    period = period_at(session, to_us(moment))
    if period is None:
        return
    assert period.start_us <= to_us(moment) < period.end_us
    inside = range(period.start_us, period.end_us, HOUR_US)
    assert {period_at(session, hour) for hour in inside} == {period}
    assert not is_open(session, period.start_us - 1)
    assert not is_open(session, period.end_us)


@settings(deadline=None)
@given(st.sampled_from(WEEKLY), moments)
def test_every_market_opens_within_a_week(session: str, moment: datetime) -> None:
    hours = [to_us(moment + timedelta(hours=n)) for n in range(7 * 24)]
    assert any(is_open(session, hour) for hour in hours)


def test_an_unknown_session_is_an_error() -> None:
    with pytest.raises(KeyError):
        is_open("8x5", 0)
