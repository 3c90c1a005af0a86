"""Rows of text to columns: one regular expression over a whole block, numpy for the rest.

A block of good rows costs one `findall`; only a block that holds a bad row is looked at line by
line, and then each bad row says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from market.imports.shape import (
    BAR_ROW,
    HEAD_BYTES,
    TICK_ROW,
    Block,
    Code,
    Column,
    Layout,
    Parsed,
    Refusal,
    Rows,
)

NUMBER = rb"-?\d{1,18}(?:\.\d{0,20})?(?:[eE][-+]?\d{1,2})?"
MAYBE = rb"(?:" + NUMBER + rb"|NaN|nan)?"
"""A number, or nothing, as blank or NaN."""
PRICE = rb"(?:" + NUMBER + rb"|NaN|nan|)"
"""A blank or NaN where a price must be is a row of the right shape with a bad price."""
_ANY = rb"""(?:"[^"\r\n]*"|[^"\r\n%s]*)"""
_HEAD_LINES = 20
LAST_YEAR = 2200
"""A later one is noise, and Python's calendars end some time after."""
_TIMES = frozenset({"date", "time", "epoch", "day", "clock", "second", "fraction", "zone"})


@dataclass(frozen=True, slots=True)
class Matched:
    """The rows of the right shape: by group name a column of bytes, and each row's line."""

    columns: dict[str, Column]
    line: Column
    refusals: list[Refusal]


def row_pattern(
    fields: Sequence[str], shapes: Mapping[str, bytes], separator: bytes
) -> re.Pattern[bytes]:
    """A row whose columns are `fields`, of which the nameless are skipped.

    A shape without a group of its own gets one named after its column.
    """
    skipped = _ANY % re.escape(separator)
    parts = [_group(name, shapes[name]) if name else skipped for name in fields]
    return re.compile(rb"^" + re.escape(separator).join(parts) + rb"[ \t]*\r?$", re.MULTILINE)


def _group(name: str, shape: bytes) -> bytes:
    return shape if b"(?P<" in shape else rb"(?P<%s>%s)" % (name.encode(), shape)


def matches(block: Block, layout: Layout) -> Matched:
    """The columns of a block. Blank lines are no rows."""
    pattern = layout.pattern
    if pattern is None:
        raise TypeError("a layout of text has a pattern")
    found: list[tuple[bytes, ...]] = pattern.findall(block.data)
    lines = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
    refusals: list[Refusal] = []
    line: Column = np.arange(block.line, block.line + lines)
    if len(found) != lines:
        found, line, refusals = _one_by_one(block, layout, pattern)
    names = sorted(pattern.groupindex, key=pattern.groupindex.__getitem__)
    if not found:
        return Matched({name: np.empty(0, "S1") for name in names}, line, refusals)
    columns = (np.array(column) for column in zip(*found, strict=True))
    return Matched(dict(zip(names, columns, strict=True)), line, refusals)


def _one_by_one(
    block: Block, layout: Layout, pattern: re.Pattern[bytes]
) -> tuple[list[tuple[bytes, ...]], Column, list[Refusal]]:
    found, lines, refusals = [], [], []
    for number, row in enumerate(block.data.split(b"\n"), block.line):
        match = pattern.fullmatch(row)
        if match is not None:
            found.append(match.groups(b""))
            lines.append(number)
        elif row.strip():
            refusals.append(Refusal.of(number, _what_is_wrong(row, layout), row))
    return found, np.array(lines, "i8"), refusals


def _what_is_wrong(row: bytes, layout: Layout) -> Code:
    values = row.rstrip().split(layout.separator)
    if len(values) != len(layout.fields):
        return Code.COLUMNS
    for name, value in zip(layout.fields, values, strict=True):
        if name and name not in _TIMES and not re.fullmatch(MAYBE, value):
            return Code.NUMBER
    return Code.TIME


def numbers(column: Column) -> Column:
    """Decimal text as f8, exactly rounded; what is blank or NaN is NaN.

    A number too large for f8 is infinite, which the checks refuse.
    """
    blank = column == b""
    if blank.any():
        column = np.where(blank, b"nan", column)
    values: Column = column.astype("f8")
    return values


def volumes(column: Column) -> Column:
    """As `numbers`; where none is stated it is 0."""
    values = numbers(column)
    return np.where(np.isnan(values), 0.0, values)


# Times. A time is digits at fixed places.


def digits(column: Column, start: int, stop: int) -> Column:
    """The whole number that stands at these places of each text; they must be digits."""
    if not len(column):
        return np.empty(0, "i8")
    width = column.dtype.itemsize
    places = np.ascontiguousarray(column).view("u1").reshape(len(column), width)
    value = np.zeros(len(column), "i8")
    for place in range(start, stop):
        value = value * 10 + (places[:, place] - ord("0"))
    return value


def moments(date: tuple[Column, Column, Column], second: Column) -> tuple[Column, Column]:
    """Unix microseconds of (year, month, day) and a second of that day, and which ones exist.

    `second` is -1 where there is no such time of day.
    """
    year, month, day = date
    exists = (month >= 1) & (month <= 12) & (year >= 1900) & (year <= LAST_YEAR) & (second >= 0)
    months = np.where(exists, (year - 1970) * 12 + month - 1, 0).astype("M8[M]")
    first = months.astype("M8[D]")
    length = ((months + 1).astype("M8[D]") - first).astype("i8")
    exists &= (day >= 1) & (day <= length)
    days = first.astype("i8") + np.where(exists, day, 1) - 1
    return (days * 86_400 + np.where(exists, second, 0)) * 1_000_000, exists


def second_of_day(clock: Column, *places: int) -> Column:
    """Hour, minute and, if given, second begin at these places; -1 where there is no such time."""
    hour, minute, *more = (digits(clock, place, place + 2) for place in places)
    second = more[0] if more else np.zeros_like(hour)
    exists = (hour < 24) & (minute < 60) & (second < 60)
    return np.where(exists, hour * 3600 + minute * 60 + second, -1)


def date_of(column: Column, year: int, month: int, day: int) -> tuple[Column, Column, Column]:
    """(year, month, day), which begin at the given places."""
    return (
        digits(column, year, year + 4),
        digits(column, month, month + 2),
        digits(column, day, day + 2),
    )


def seconds_or_iso(columns: Mapping[str, Column]) -> tuple[Column, Column]:
    """Moments from `epoch` where that is filled, else from `day` and `clock` as ISO writes them.

    A day without a clock is its midnight.
    """
    epoch = columns["epoch"]
    counted = epoch != b""
    seconds = np.where(counted, epoch, b"0").astype("i8")
    day = np.where(columns["day"] == b"", b"1970-01-01", columns["day"])
    clock = np.where(columns["clock"] == b"", b"00:00:00", columns["clock"])
    written, exists = moments(date_of(day, 0, 5, 8), second_of_day(clock, 0, 3, 6))
    return np.where(counted, seconds * 1_000_000, written), exists


# Rows.

OHLC = ("open", "high", "low", "close")


def bars(found: Matched, times: tuple[Column, Column], block: Block) -> Parsed:
    """From columns `open` to `volume` (which may be absent); `times` as of `moments`."""
    rows = _rows(found, BAR_ROW, times)
    for name in OHLC:
        rows[name] = numbers(found.columns[name])
    if "volume" in found.columns:
        rows["volume"] = volumes(found.columns["volume"])
    return _only_existing(Parsed(rows, found.refusals), times[1], block)


def ticks(found: Matched, times: tuple[Column, Column], block: Block) -> Parsed:
    """From columns `bid`, `ask`, `last` and `volume`; a blank bid or ask is NaN."""
    rows = _rows(found, TICK_ROW, times)
    for name in ("bid", "ask"):
        rows[name] = numbers(found.columns[name])
    for name in ("last", "volume"):
        rows[name] = volumes(found.columns[name])
    return _only_existing(Parsed(rows, found.refusals), times[1], block)


def _rows(found: Matched, dtype: np.dtype[np.void], times: tuple[Column, Column]) -> Rows:
    rows = np.zeros(len(found.line), dtype)
    rows["line"] = found.line
    rows["time_us"] = times[0]
    return rows


def _only_existing(parsed: Parsed, exists: Column, block: Block) -> Parsed:
    """Without the rows whose time does not exist; those become refusals."""
    if exists.all():
        return parsed
    lines = block.data.split(b"\n")
    refused = [
        Refusal.of(line, Code.TIME, lines[line - block.line])
        for line in parsed.rows["line"][~exists].tolist()
    ]
    return Parsed(parsed.rows[exists], [*parsed.refusals, *refused])


# Recognising.


def first_lines(head: bytes) -> list[bytes]:
    """The first lines of a file's head; the last one only if it is whole."""
    lines = head.split(b"\n", _HEAD_LINES)
    if len(lines) > _HEAD_LINES or len(head) >= HEAD_BYTES:
        lines = lines[:-1] or lines
    return [line.rstrip(b"\r") for line in lines]


def headless(head: bytes, layout: Layout) -> Layout | None:
    """The layout of a file without a header, if one of its first rows has the shape.

    One is enough: a file may begin with bad rows.
    """
    pattern = layout.pattern
    found = pattern is not None and any(map(pattern.fullmatch, first_lines(head)))
    return layout if found else None


def headed(
    line: bytes, fields: Sequence[str], shapes: Mapping[str, bytes], separator: bytes
) -> Layout:
    """The layout of a file whose first line is `line`."""
    return Layout(
        header_bytes=len(line) + 1,
        header_lines=1,
        separator=separator,
        fields=tuple(fields),
        pattern=row_pattern(fields, shapes, separator),
    )


def header_names(line: bytes, separator: str) -> list[str]:
    """The column names of a header; names may stand in quotes and then hold the separator."""
    text = line.decode("utf-8", "replace").strip()
    names = re.findall(rf'(?:^|{re.escape(separator)})("[^"]*"|[^{re.escape(separator)}]*)', text)
    return [name.strip().strip('"').lower() for name in names]
