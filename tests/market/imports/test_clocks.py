"""Wall times to UTC: fixed offsets, daylight saving, and the hour that clocks show twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_ingest.clock import from_us, to_us
from market.imports import clocks
from market.imports.clocks import ZoneError, to_utc, zone_of

ATHENS = ZoneInfo("Europe/Athens")
NEW_YORK = ZoneInfo("America/New_York")
HALF_HOUR = timedelta(minutes=30)


def wall_us(*moments: datetime) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([to_us(moment.replace(tzinfo=UTC)) for moment in moments])


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("utc", "UTC"), ("+2", "+02:00"), ("-05:00", "-05:00"), ("+0530", "+05:30"),
        ("ny+7", "NY+7"), (" Europe/Athens ", "Europe/Athens"),
    ],
)  # fmt: skip
def test_a_zone_has_one_name(name: str, known: str) -> None:
    assert zone_of(name).name == known


@pytest.mark.parametrize(
    "name", ["", "Atlantis", "+25", "../../etc/passwd", "Europe", "/etc", "\0"]
)
def test_what_is_no_zone_is_refused_with_examples(name: str) -> None:
    with pytest.raises(ZoneError, match="NY\\+7"):
        zone_of(name)


@pytest.mark.parametrize("zone", ["Europe/Athens", "America/New_York", "Australia/Lord_Howe"])
@given(
    start=st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2030-01-01")),
    cut=st.integers(0, 60),
)
def test_half_hours_in_order_come_back_as_the_moments_they_were(
    zone: str, start: datetime, cut: int
) -> None:
    """Sixty of them, in two blocks; only where the first lies in a repeated hour is it unknown."""
    rules = ZoneInfo(zone)
    opened = start.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
    moments = [opened + HALF_HOUR * n for n in range(60)]
    walls = [moment.astimezone(rules) for moment in moments]
    if walls[0].fold:
        return
    wall = wall_us(*(moment.replace(tzinfo=None) for moment in walls))
    carry: dict[str, float] = {}
    parts = [to_utc(part, zone_of(zone), carry, distinct=True) for part in (wall[:cut], wall[cut:])]
    assert all(exists.all() for _, exists in parts)
    assert [from_us(us) for us in np.concatenate([us for us, _ in parts])] == moments


def test_hours_stamped_alike_are_two_bars_but_ticks_stamped_alike_may_be_of_one_moment() -> None:
    """Clocks in Athens went from 04:00 back to 03:00 that night."""
    times = wall_us(*(datetime.fromisoformat(f"2024-10-27T0{hour}:00") for hour in (2, 3, 3, 4)))
    for distinct, expected in ((True, [23, 0, 1, 2]), (False, [23, 0, 0, 2])):
        found, _ = to_utc(times, zone_of("Europe/Athens"), {}, distinct=distinct)
        assert [from_us(us).hour for us in found] == expected


def test_the_hour_that_is_left_out_does_not_exist() -> None:
    times = [
        datetime.fromisoformat("2024-03-31T02:59"),
        datetime.fromisoformat("2024-03-31T03:00"),
        datetime.fromisoformat("2024-03-31T04:00"),
    ]
    found, exists = to_utc(wall_us(*times), zone_of("Europe/Athens"), {}, distinct=True)
    assert exists.tolist() == [True, False, True]
    assert [f"{from_us(us):%H:%M}" for us in found[exists]] == ["00:59", "01:00"]


@given(
    moment=st.datetimes(datetime.fromisoformat("2007-06-01"), datetime.fromisoformat("2035-01-01"))
)
def test_ny7_is_seven_hours_ahead_of_new_york_in_summer_and_winter(moment: datetime) -> None:
    local = moment.replace(tzinfo=UTC).astimezone(NEW_YORK)
    if local.fold or local.replace(fold=1).utcoffset() != local.utcoffset():
        return
    server = local.replace(tzinfo=None) + timedelta(hours=7)
    found, exists = to_utc(wall_us(server), zone_of("NY+7"), {}, distinct=True)
    assert exists.all()
    assert from_us(found[0]) == moment.replace(tzinfo=UTC)


def test_a_day_of_most_metatrader_servers_ends_when_new_york_closes() -> None:
    """Between the American and the European change too, which is where EET is an hour off."""
    midnight = wall_us(datetime.fromisoformat("2024-03-20"))
    found, _ = to_utc(midnight, zone_of("NY+7"), {}, distinct=True)
    assert from_us(found[0]) == datetime(2024, 3, 19, 21, tzinfo=UTC)
    found, _ = to_utc(midnight, zone_of("EET"), {}, distinct=True)
    assert from_us(found[0]) == datetime(2024, 3, 19, 22, tzinfo=UTC)


def test_nothing_is_done_to_no_times() -> None:
    carry = {"twice_us": 1.0}
    found, exists = clocks.to_utc(
        np.empty(0, "i8"), zone_of("Europe/Athens"), carry, distinct=False
    )
    assert (len(found), len(exists)) == (0, 0)
