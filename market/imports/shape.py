"""The shape that every format of a file has, so that adding the next one is copying a module.

Pure: bytes in, arrays out. A row that can't be taken becomes a `Refusal`; the rest goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
Rows = npt.NDArray[np.void]
"""A one-dimensional array of dtype BAR_ROW or TICK_ROW, in the order of the file."""
Carry = dict[str, float]
"""What the rows of one block leave for the next; JSON, so that a worker can go on after another."""

HEAD_BYTES = 64 * 1024
"""How much of a file's beginning `recognise` is given."""

_PLACE = [("line", "i8"), ("time_us", "i8")]
BAR_ROW = np.dtype(
    [*_PLACE, *((name, "f8") for name in ("open", "high", "low", "close", "volume"))]
)
TICK_ROW = np.dtype([*_PLACE, *((name, "f8") for name in ("bid", "ask", "last", "volume"))])
"""`time_us`: Unix microseconds of the time as written, or UTC where the rows state their zone.

`last` 0 means that there is none.
"""


class Kind(StrEnum):
    BARS = "bars"
    TICKS = "ticks"


class Code(StrEnum):
    """Why a row was refused."""

    COLUMNS = "columns"
    NUMBER = "number"
    TIME = "time"
    SKIPPED_HOUR = "skipped_hour"
    FUTURE = "future"
    PRICE = "price"
    RANGE = "range"
    VOLUME = "volume"
    ONE_SIDED = "one_sided"
    DIFFERS = "differs"
    LONG_LINE = "long_line"
    CUT_OFF = "cut_off"


REASONS: dict[Code, str] = {
    Code.COLUMNS: "It has not the columns of this format.",
    Code.NUMBER: "A column that must be a number is none.",
    Code.TIME: "Its time does not exist or is not written as this format writes it.",
    Code.SKIPPED_HOUR: "Clocks were put forward over this time: it does not exist in the zone.",
    Code.FUTURE: "Its time lies ahead of now; the zone may be wrong.",
    Code.PRICE: "A price is not finite, or zero or less where prices are above zero.",
    Code.RANGE: "Open or close lies outside of low and high.",
    Code.VOLUME: "Its volume is negative or not finite.",
    Code.ONE_SIDED: "Only one of bid and ask is known so far.",
    Code.DIFFERS: "A bar of the same time was imported before with other prices.",
    Code.LONG_LINE: "The line is far longer than any row.",
    Code.CUT_OFF: "The file ends in the middle of this record.",
}
"""For the operator, in a sentence each."""

_TEXT_KEPT = 160


class Refusal(NamedTuple):
    """`line` counts from 1 with the header; of a binary file it is the record's number."""

    line: int
    code: Code
    text: str

    @classmethod
    def of(cls, line: int, code: Code, row: bytes) -> Refusal:
        """NUL can't be stored in PostgreSQL's text."""
        shown = row[:_TEXT_KEPT].decode("utf-8", "replace").replace("\0", "\ufffd")
        return cls(int(line), code, shown.rstrip("\r\n"))


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file's beginning told. Text has a `pattern` for a row, binary a `record_bytes`.

    `fields` names the columns of a text row in order, "" for one that is not read.
    """

    header_bytes: int = 0
    header_lines: int = 0
    period_s: int | None = None
    symbol: str = ""
    separator: bytes = b","
    fields: tuple[str, ...] = ()
    pattern: re.Pattern[bytes] | None = None
    record_bytes: int = 0


class Block(NamedTuple):
    """Whole rows of a file; the first has the number `line`."""

    data: bytes
    line: int


@dataclass(frozen=True, slots=True)
class Parsed:
    rows: Rows
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    `zone` is the zone of its times where that is known, None where it must be asked for.
    `zone_stated`: each row states its own, so that no other can be chosen. `stamp` says whether a
    bar's time is that of its opening or of its close; "" for ticks.
    """

    code: str
    label: str
    kind: Kind
    zone: str | None
    stamp: str
    recognise: Callable[[bytes], Layout | None]
    parse: Callable[[Block, Layout, Carry], Parsed]
    zone_stated: bool = False

    @property
    def row(self) -> np.dtype[np.void]:
        return BAR_ROW if self.kind is Kind.BARS else TICK_ROW
