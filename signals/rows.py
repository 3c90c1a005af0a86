"""A signal with its deliveries, stored in one statement.

A strategy's signal waits for this: three statements of the ORM took PostgreSQL, and this process,
half of the time from a tick to its signal (`make bench ARGS="signal"`).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection, models

from signals.models import Delivery, Signal


def store(signal: Signal, deliveries: list[Delivery]) -> None:
    """Insert all of them, and the first step of each delivery; gives each delivery its number.

    Raises IntegrityError, for instance when a signal of that id is there already.
    """
    if not deliveries:
        raise ValueError("A signal goes to one client at least.")
    values = [_values(signal), *map(_values, deliveries)]
    with connection.cursor() as cursor:
        cursor.execute(_statement(len(deliveries)), [each for row in values for each in row])
        numbers = dict(cursor.fetchall())
    for delivery in deliveries:
        delivery.pk = numbers[delivery.client_id]
    for row in (signal, *deliveries):
        row._state.adding, row._state.db = False, connection.alias


@cache
def _statement(deliveries: int) -> str:
    """Names of tables and columns are the models', and no value is written into it."""
    rows = ", ".join([_places(Delivery)] * deliveries)
    return f"""
WITH signal AS (
    INSERT INTO signals_signal ({_names(Signal)}) VALUES {_places(Signal)}
), queued AS (
    INSERT INTO signals_delivery ({_names(Delivery)}) VALUES {rows} RETURNING *
), step AS (
    INSERT INTO signals_deliverystep (delivery_id, state, at, detail)
    SELECT id, state, changed_at, detail FROM queued
)
SELECT client_id, id FROM queued
"""  # noqa: S608


def _names(model: type[models.Model]) -> str:
    return ", ".join(each.attname for each in _given(model))


def _places(model: type[models.Model]) -> str:
    return "(" + ", ".join(["%s"] * len(_given(model))) + ")"


def _values(row: models.Model) -> list[Any]:
    return [
        each.get_db_prep_save(getattr(row, each.attname), connection) for each in _given(type(row))
    ]


@cache
def _given(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    """The columns that PostgreSQL does not fill itself."""
    fields = model._meta.local_concrete_fields
    return tuple(each for each in fields if not isinstance(each, models.AutoField))
