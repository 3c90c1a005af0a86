"""Reads tick files quickly: one regular expression a line, which also proves it.

Prices are passed on as the text they are, so what is sent is exactly what was recorded.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from decimal import Decimal
from io import TextIOWrapper
from itertools import dropwhile, islice, takewhile
from pathlib import Path
from typing import NamedTuple

from agent.errors import InputError
from agent.replay.feed import Feed, utc_ms

_NUMBER = r"(-?(?:0|[1-9]\d*)(?:\.\d+)?)"
_ISO = r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?"
_LINE = re.compile(rf"(?:{_ISO}|(\d{{12,14}})),{_NUMBER},{_NUMBER}(?:,{_NUMBER})?\s*").fullmatch

# Milliseconds UTC, then bid, ask and volume as the file has them; volume may be absent.
Tick = tuple[int, str, str, str | None]


class Row(NamedTuple):
    """A tick ready to be sent: when it was received, and its `ticks` record."""

    received_ms: int
    record: str


def rows(feed: Feed) -> Iterator[Row]:
    """The ticks of a feed, whose file is in order of time, changed as the feed says.

    Raises InputError naming the file and the line.
    """
    clock_shift_ms = round(feed.clock_shift_s * 1000)
    for received_ms, bid, ask, volume in islice(_window(feed), feed.limit):
        event_ms = received_ms + clock_shift_ms
        if feed.price_shift and _is_shifted(feed, received_ms):
            prices = f"{_plus(bid, feed.price_shift)},{_plus(ask, feed.price_shift)}"
        else:
            prices = f"{bid},{ask}"
        yield Row(received_ms, f"[{event_ms},{prices},{volume or 0},{received_ms}]")


def _window(feed: Feed) -> Iterator[Tick]:
    ticks = _ticks(feed.file)
    if feed.start is not None:
        start = feed.start
        ticks = dropwhile(lambda tick: tick[0] < start, ticks)
    if feed.end is not None:
        end = feed.end
        ticks = takewhile(lambda tick: tick[0] < end, ticks)
    return ticks


def _ticks(path: Path) -> Iterator[Tick]:
    minutes: dict[tuple[str, str | None], int] = {}
    for number, match in _matches(path):
        minute, second, fraction, zone, epoch_ms, bid, ask, volume = match.groups()
        if minute is None:
            yield int(epoch_ms), bid, ask, volume
            continue
        start = minutes.get((minute, zone))
        if start is None:
            start = minutes[minute, zone] = _minute_ms(minute, zone, path, number)
        milliseconds = int((fraction + "00")[:3]) if fraction else 0
        yield start + int(second) * 1000 + milliseconds, bid, ask, volume


def _matches(path: Path) -> Iterator[tuple[int, re.Match[str]]]:
    """Each line that holds a tick, with its number from 1; a first line of names is passed over."""
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, 1):
                match = _LINE(line)
                if match is not None:
                    yield number, match
                elif line.strip() and not (number == 1 and _is_header(line)):
                    shown = line.strip()[:80]
                    raise InputError(f"{path}, line {number} is not time,bid,ask: {shown!r}")
    except (OSError, EOFError, UnicodeDecodeError) as fault:
        raise InputError(f"{path} cannot be read: {fault}") from fault


def _is_header(line: str) -> bool:
    return line.lower().lstrip("\ufeff").startswith(("time", "date"))


def _minute_ms(minute: str, zone: str | None, path: Path, number: int) -> int:
    try:
        return utc_ms(f"{minute}:00{zone or 'Z'}")
    except InputError as fault:
        raise InputError(f"{path}, line {number}: {fault}") from fault


def _opened(path: Path) -> TextIOWrapper:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _is_shifted(feed: Feed, moment_ms: int) -> bool:
    started = feed.shift_from is None or moment_ms >= feed.shift_from
    return started and (feed.shift_to is None or moment_ms < feed.shift_to)


def _plus(price: str, shift: Decimal) -> str:
    return format(Decimal(price) + shift, "f")
