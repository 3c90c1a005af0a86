"""From times as written in a file's zone to UTC, through daylight saving.

A zone is a name of the IANA database (`Europe/Athens`), `UTC`, a fixed offset (`+02:00`), or
`NY+7`: seven hours ahead of New York, the server clock of most MetaTrader brokers, whose day so
ends with New York's at 17:00. It changes when America does, which no IANA zone at +2/+3 does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from market.imports.shape import Carry, Column

NEW_YORK_PLUS_7 = "NY+7"
_SLOT_US = 900_000_000
"""Zones change on quarters of an hour."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (wall time)
_FIXED = re.compile(r"([+-])(\d{1,2})(?::?([0-5]\d))?")


class ZoneError(ValueError):
    """The text names no zone; it says what would."""


@dataclass(frozen=True, slots=True)
class Zone:
    """`ahead_us` is added to the wall time of `rules` to give that of the file."""

    name: str
    rules: tzinfo
    ahead_us: int = 0


class _Slot(NamedTuple):
    """Offsets from UTC in force in a quarter of an hour of wall time."""

    first_us: int
    second_us: int
    exists: bool


@lru_cache(maxsize=64)
def zone_of(name: str) -> Zone:
    """Raises ZoneError."""
    text = name.strip()
    if text.upper() in ("UTC", "GMT", "Z"):
        return Zone("UTC", UTC)
    if text.upper() == NEW_YORK_PLUS_7:
        return Zone(NEW_YORK_PLUS_7, ZoneInfo("America/New_York"), 7 * 3_600_000_000)
    if fixed := _FIXED.fullmatch(text):
        minutes = int(fixed[2]) * 60 + int(fixed[3] or 0)
        if minutes <= 15 * 60:
            sign = -1 if fixed[1] == "-" else 1
            shown = f"{fixed[1]}{minutes // 60:02d}:{minutes % 60:02d}"
            return Zone(shown, timezone(sign * timedelta(minutes=minutes)))
    else:
        try:
            return Zone(text, ZoneInfo(text))
        except (KeyError, ValueError, OSError):  # no such name; a name that is a path
            pass
    raise ZoneError(f"{text!r} is no time zone; write Europe/Athens, +02:00, UTC or NY+7.")


def to_utc(wall_us: Column, zone: Zone, carry: Carry, *, distinct: bool) -> tuple[Column, Column]:
    """UTC microseconds of wall times in the order of the file, and which of them exist.

    An hour that clocks show twice is its first pass until a time in it runs backwards, then its
    second. `distinct`: no moment comes twice, as with bars; then a time that stands still will do.
    A file that begins within the second pass can't be told from one that begins in the first.
    """
    if isinstance(zone.rules, timezone):
        ahead = zone.rules.utcoffset(None) // timedelta(microseconds=1)
        return wall_us - ahead, np.ones(len(wall_us), dtype=bool)
    if not len(wall_us):
        return wall_us, np.ones(0, dtype=bool)
    local_us = wall_us - zone.ahead_us
    slots, at = np.unique(local_us // _SLOT_US, return_inverse=True)
    known = [_slot(zone.rules, slot) for slot in slots.tolist()]
    first = np.array([slot.first_us for slot in known], "i8")[at]
    second = np.array([slot.second_us for slot in known], "i8")[at]
    exists = np.array([slot.exists for slot in known], bool)[at]
    least_us = 1 if distinct else 0
    repeated = _in_second_pass(local_us, exists & (first != second), carry, least_us)
    return local_us - np.where(repeated, second, first), exists


@lru_cache(maxsize=100_000)
def _slot(rules: tzinfo, number: int) -> _Slot:
    wall = _EPOCH + timedelta(microseconds=number * _SLOT_US)
    both = (wall.replace(tzinfo=rules, fold=fold).utcoffset() for fold in (0, 1))
    offsets = [(offset or timedelta()) // timedelta(microseconds=1) for offset in both]
    back = wall.replace(tzinfo=rules).astimezone(UTC).astimezone(rules).replace(tzinfo=None)
    return _Slot(offsets[0], offsets[1], back == wall)


def _in_second_pass(local_us: Column, twice: Column, carry: Carry, least_us: int) -> Column:
    """Which of the times that clocks show twice belong to the second pass.

    Within a pass each is at least `least_us` after the one before.
    """
    result = np.zeros(len(local_us), dtype=bool)
    highest, second, before = carry.pop("twice_us", -1.0), bool(carry.pop("second_pass", 0)), -1
    places = np.flatnonzero(twice).tolist()
    for at in places:
        moment = float(local_us[at])
        if at != before + 1 or moment - highest >= 3_600_000_000:  # another such hour
            highest, second = -1.0, False
        second = second or moment < highest + least_us
        highest, before = max(highest, moment), at
        result[at] = second
    if places and before == len(local_us) - 1:
        carry["twice_us"], carry["second_pass"] = highest, float(second)
    return result
