"""Is the market of an instrument open at a moment? Weekly hours, exact through daylight saving.

Hours are those of New York, where the trading week of currencies and of CME Group's futures turns.
Holidays are not known here: a rule that depends on an open market must bear a quiet one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bridge_ingest.clock import from_us, to_us
from market.models import TradingSession

NEW_YORK = ZoneInfo("America/New_York")
_FOREVER_US = 2**62


class OpenPeriod(NamedTuple):
    """An unbroken stretch of trading, UTC microseconds; the end lies outside."""

    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class _Hours:
    """One stretch of a week: days from its Sunday, and local times."""

    open_day: int
    opens: time
    close_day: int
    closes: time


_WEEK: dict[str, list[_Hours]] = {
    TradingSession.FX_WEEK: [_Hours(0, time(17), 5, time(17))],
    TradingSession.FUTURES: [_Hours(day, time(18), day + 1, time(17)) for day in range(5)],
    TradingSession.US_STOCKS: [_Hours(day, time(9, 30), day, time(16)) for day in range(1, 6)],
}


def is_open(session: str, moment_us: int) -> bool:
    """`session` is a `TradingSession` value; raises KeyError for any other text."""
    return period_at(session, moment_us) is not None


def period_at(session: str, moment_us: int) -> OpenPeriod | None:
    """The stretch of trading that holds the moment, or None while the market is closed.

    What never closes is one stretch without end.
    """
    if session == TradingSession.ALWAYS:
        return OpenPeriod(-_FOREVER_US, _FOREVER_US)
    periods = _periods_around(session, _sunday(moment_us))
    found = bisect_right(periods, (moment_us, _FOREVER_US)) - 1
    if found < 0 or periods[found].end_us <= moment_us:
        return None
    return periods[found]


def _sunday(moment_us: int) -> datetime:
    """Midnight UTC of the Sunday that begins the moment's week; only a place to look around."""
    moment = from_us(moment_us)
    midnight = datetime.combine(moment.date(), time(0), UTC)
    return midnight - timedelta(days=moment.isoweekday() % 7)


@lru_cache(maxsize=64)
def _periods_around(session: str, sunday: datetime) -> list[OpenPeriod]:
    """All stretches of that week and its neighbours: a local Sunday is not a UTC Sunday."""
    weeks = [sunday + timedelta(days=days) for days in (-7, 0, 7)]
    return [_stretch(week, hours) for week in weeks for hours in _WEEK[session]]


def _stretch(sunday: datetime, hours: _Hours) -> OpenPeriod:
    start = _local(sunday, hours.open_day, hours.opens)
    end = _local(sunday, hours.close_day, hours.closes)
    return OpenPeriod(to_us(start), to_us(end))


def _local(sunday: datetime, day: int, clock: time) -> datetime:
    date = sunday.date() + timedelta(days=day)
    return datetime.combine(date, clock, NEW_YORK)
