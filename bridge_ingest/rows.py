"""Many rows of a model changed by one short statement."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeAlias, cast

from django.db import connection, models

_Field: TypeAlias = "models.Field[Any, Any]"


def change(rows: Iterable[models.Model], names: Iterable[str]) -> None:
    """Store the fields of these names as the rows, all of one model, now have them.

    The ORM's `bulk_update` writes a CASE for each column with an arm for each row, and spends in
    Python many times what PostgreSQL spends: the counters of a thousand sessions alone kept a
    worker busy (`make bench ARGS="sessions"` prints its cores as `worker.default`).

    Raises what PostgreSQL says of a value that does not fit its column.
    """
    held = list(rows)
    if not held:
        return
    model, columns = type(held[0]), ("pk", *names)
    values = [_column(held, each) for each in _fields(model, columns)]
    with connection.cursor() as cursor:
        cursor.execute(_statement(model, columns), values)


def _column(rows: list[models.Model], field: _Field) -> list[Any]:
    return [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows]


@cache
def _statement(model: type[models.Model], names: tuple[str, ...]) -> str:
    """Names of tables and columns are the model's, and no value is written into it."""
    key, *changed = fields = _fields(model, names)
    arrays = ", ".join(f"%s::{_type(each)}[]" for each in fields)
    columns = ", ".join(str(each.column) for each in fields)
    settings = ", ".join(f"{each.column} = new.{each.column}" for each in changed)
    return f"""
UPDATE {model._meta.db_table} AS old SET {settings}
FROM unnest({arrays}) AS new ({columns}) WHERE old.{key.column} = new.{key.column}
"""  # noqa: S608


def _type(field: _Field) -> str:
    """Without its length: cast to it, a longer text would be cut, where storing it is an error."""
    return str(field.rel_db_type(connection)).partition("(")[0]


@cache
def _fields(model: type[models.Model], names: tuple[str, ...]) -> tuple[_Field, ...]:
    meta = model._meta
    return tuple(cast(_Field, meta.pk if each == "pk" else meta.get_field(each)) for each in names)
