"""PostgreSQL's binary forms of numpy columns: rows for COPY, arrays as parameters and results.

Going through Python objects, one for each number, costs more than PostgreSQL's own work. Formats:
"Binary Format" on the COPY page of PostgreSQL's manual; `array_send` and `array_recv` in its source
(src/backend/utils/adt/arrayfuncs.c). Everything is big-endian, a timestamp counts microseconds from
2000-01-01. NULL never occurs in what is written here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import Cursor, sql
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format

Column = npt.NDArray[Any]

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
COPY_TRAILER = struct.pack(">h", -1)
EPOCH_US = 946_684_800_000_000
"""PostgreSQL's year 2000 in Unix microseconds."""

_ARRAY_HEADER = struct.Struct(">iiIii")  # dimensions, has nulls, element type, length, first index


class PackedArray:
    """A column as a parameter: `%s` stands for an array of this type."""

    oid: ClassVar[int]
    element_oid: ClassVar[int]
    dtype: ClassVar[str]
    __slots__ = ("data",)

    def __init__(self, column: Column) -> None:
        self.data = pack_array(self.outgoing(column), self.dtype, self.element_oid)

    @classmethod
    def unpack(cls, data: bytes | None) -> Column:
        return cls.incoming(unpack_array(data, cls.dtype))

    @staticmethod
    def outgoing(column: Column) -> Column:
        """Our values as PostgreSQL's."""
        return column

    @staticmethod
    def incoming(column: Column) -> Column:
        """PostgreSQL's values as ours."""
        return column


class Int2Array(PackedArray):
    oid, element_oid, dtype = 1005, 21, ">i2"


class Int4Array(PackedArray):
    oid, element_oid, dtype = 1007, 23, ">i4"


class Int8Array(PackedArray):
    oid, element_oid, dtype = 1016, 20, ">i8"


class Float8Array(PackedArray):
    oid, element_oid, dtype = 1022, 701, ">f8"


class BoolArray(PackedArray):
    oid, element_oid, dtype = 1000, 16, "u1"


class TimestampArray(PackedArray):
    """Unix microseconds as timestamptz."""

    oid, element_oid, dtype = 1185, 1184, ">i8"

    @staticmethod
    def outgoing(column: Column) -> Column:
        shifted: Column = column - EPOCH_US
        return shifted

    @staticmethod
    def incoming(column: Column) -> Column:
        shifted: Column = column + EPOCH_US
        return shifted


_ARRAYS = (Int2Array, Int4Array, Int8Array, Float8Array, BoolArray, TimestampArray)


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: PackedArray) -> Buffer:
        return obj.data


class _BytesLoader(Loader):
    """Leaves an array as the bytes that came, for `unpack_array`."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


def _dumper_of(kind: type[PackedArray]) -> type[Dumper]:
    return type(f"{kind.__name__}Dumper", (_PackedDumper,), {"oid": kind.oid})


_DUMPERS = {kind: _dumper_of(kind) for kind in _ARRAYS}


@contextmanager
def column_cursor() -> Iterator[Cursor[tuple[Any, ...]]]:
    """A cursor on Django's connection that binds on the server and moves whole columns.

    It takes `PackedArray` parameters and gives arrays as bytes. Errors are Django's own.
    """
    with connection.cursor() as ordinary, connection.wrap_database_errors:
        cursor = Cursor(ordinary.connection)
        for kind, dumper in _DUMPERS.items():
            cursor.adapters.register_dumper(kind, dumper)
            cursor.adapters.register_loader(kind.oid, _BytesLoader)
        yield cursor


def pack_rows(columns: Sequence[tuple[type[PackedArray], Column]], count: int) -> memoryview:
    """`count` rows for `COPY ... (FORMAT binary)`, to be framed by COPY_HEADER and COPY_TRAILER."""
    row = _row_type(tuple(kind.dtype for kind, _ in columns))
    rows = np.frombuffer(bytearray(row.frame * count), row.dtype)
    for number, (kind, values) in enumerate(columns):
        rows[f"value{number}"] = kind.outgoing(values)
    return rows.data.cast("B")


def read_rows(
    cursor: Cursor[Any], query: sql.Composable, kinds: Sequence[type[PackedArray]], chunk: int
) -> Iterator[list[Column]]:
    """The rows of a SELECT as columns, at most `chunk` rows at a time. There must be no NULL."""
    row = _row_type(tuple(kind.dtype for kind in kinds))
    copied = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    with cursor.copy(copied) as copy:
        messages = iter(copy)
        while data := b"".join(islice(messages, chunk)):
            data = data.removeprefix(COPY_HEADER)
            count = len(data) // row.dtype.itemsize  # what is left over is the trailer
            rows = np.frombuffer(data, row.dtype, count)
            yield [
                kind.incoming(rows[f"value{number}"].astype(_native(kind.dtype)))
                for number, kind in enumerate(kinds)
            ]


def _native(dtype: str) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("=")


@dataclass(frozen=True, slots=True)
class _RowType:
    """The layout of a row, and an empty one with its counts and lengths filled in."""

    dtype: np.dtype[np.void]
    frame: bytes


@cache
def _row_type(fields: tuple[str, ...]) -> _RowType:
    layout = [("fields", ">i2")]
    for number, field in enumerate(fields):
        layout += [(f"length{number}", ">i4"), (f"value{number}", field)]
    row = np.zeros(1, np.dtype(layout))
    row["fields"] = len(fields)
    for number, field in enumerate(fields):
        row[f"length{number}"] = np.dtype(field).itemsize
    return _RowType(row.dtype, row.tobytes())


def pack_array(column: Column, dtype: str, element_oid: int) -> bytes:
    elements = np.empty(len(column), np.dtype([("length", ">i4"), ("value", dtype)]))
    elements["length"] = elements.dtype["value"].itemsize
    elements["value"] = column
    return _ARRAY_HEADER.pack(1, 0, element_oid, len(column), 1) + elements.tobytes()


def unpack_array(data: bytes | None, dtype: str) -> Column:
    """A one-dimensional array without NULLs; `array_agg` of no rows is NULL: no elements."""
    if data is None or len(data) < _ARRAY_HEADER.size:  # an empty array has no dimension
        return np.empty(0, _native(dtype))
    layout = np.dtype([("length", ">i4"), ("value", dtype)])
    elements = np.frombuffer(data, layout, offset=_ARRAY_HEADER.size)
    return elements["value"].astype(_native(dtype))
