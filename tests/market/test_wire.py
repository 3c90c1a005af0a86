"""Numpy columns through PostgreSQL and back: nothing changed on the way."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, OperationalError, connection
from psycopg import sql

from bridge_ingest.clock import from_us
from market import wire

pytestmark = pytest.mark.django_db
COLUMNS: list[tuple[type[wire.PackedArray], str, list[Any]]] = [
    (wire.Int2Array, "smallint", [-(2**15), 0, 2**15 - 1]),
    (wire.Int4Array, "integer", [-(2**31), 0, 2**31 - 1]),
    (wire.Int8Array, "bigint", [-(2**63), 0, 2**63 - 1]),
    (wire.Float8Array, "double precision", [-0.1, 5e-324, 1.7976931348623157e308]),
    (wire.BoolArray, "boolean", [True, False, True]),
    (wire.TimestampArray, "timestamptz", [0, 946_684_800_000_000, 4_102_444_799_999_999]),
]


@pytest.mark.parametrize(("kind", "name", "values"), COLUMNS)
def test_an_array_means_the_same_to_postgresql_and_comes_back_equal(
    kind: type[wire.PackedArray], name: str, values: list[Any]
) -> None:
    column = np.array(values)
    with wire.column_cursor() as cursor:
        cursor.execute("SELECT %s, pg_typeof(%s)::text", [kind(column), kind(column)], binary=True)
        ((data, typed),) = cursor.fetchall()
        cursor.execute("SELECT unnest(%s)", [kind(column)])
        seen = [value for (value,) in cursor.fetchall()]
    assert typed == f"{'timestamp with time zone' if name == 'timestamptz' else name}[]"
    assert kind.unpack(data).tolist() == values
    expected = list(map(from_us, values)) if kind is wire.TimestampArray else values
    assert seen == expected


def test_an_empty_array_and_no_array_have_no_elements() -> None:
    with wire.column_cursor() as cursor:
        cursor.execute("SELECT %s, NULL::float8[]", [wire.Float8Array(np.empty(0))], binary=True)
        ((empty, missing),) = cursor.fetchall()
    assert len(wire.Float8Array.unpack(missing)) == 0
    assert wire.Float8Array.unpack(empty).dtype == np.float64


def test_rows_go_in_and_come_out_in_pieces() -> None:
    kinds = [kind for kind, _, _ in COLUMNS]
    values = [np.array(column) for _, _, column in COLUMNS]
    query = sql.SQL("SELECT * FROM wire_test")
    with wire.column_cursor() as cursor:
        types = ", ".join(f"c{number} {name}" for number, (_, name, _) in enumerate(COLUMNS))
        cursor.execute(f"CREATE TEMP TABLE wire_test ({types}) ON COMMIT DROP")
        with cursor.copy("COPY wire_test FROM STDIN (FORMAT binary)") as copy:
            copy.write(wire.COPY_HEADER)
            copy.write(wire.pack_rows(list(zip(kinds, values, strict=True)), 3))
            copy.write(wire.COPY_TRAILER)
        pieces = list(wire.read_rows(cursor, query, kinds, chunk=2))
    rows = [row for piece in pieces for row in zip(*(c.tolist() for c in piece), strict=True)]
    assert rows == list(zip(*(column for _, _, column in COLUMNS), strict=True))
    assert len(pieces) == 2


def test_a_table_without_rows_gives_none() -> None:
    with wire.column_cursor() as cursor:
        query = sql.SQL("SELECT 1::int WHERE false")
        pieces = list(wire.read_rows(cursor, query, [wire.Int4Array], chunk=10))
    assert sum(len(column) for (column,) in pieces) == 0


def test_errors_are_djangos_own() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE one (a int PRIMARY KEY) ON COMMIT DROP")
    with pytest.raises(IntegrityError), wire.column_cursor() as columns:
        columns.execute("INSERT INTO one SELECT unnest(%s)", [wire.Int4Array(np.array([1, 1]))])


@pytest.mark.django_db(transaction=True)
def test_a_cut_connection_is_an_operational_error() -> None:
    with pytest.raises(OperationalError), wire.column_cursor() as columns:
        columns.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close()
    with wire.column_cursor() as columns:
        columns.execute("SELECT now()")
        ((now,),) = columns.fetchall()
    assert isinstance(now, dt.datetime)
