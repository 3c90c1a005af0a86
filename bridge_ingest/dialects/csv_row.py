"""Comma-separated values: one row, or names on the first line and values on the second."""

from __future__ import annotations

import csv

from bridge_ingest.dialects.fields import Fields, add
from bridge_ingest.protocol.errors import Refused

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}
_MAX_COLUMNS = 100


def recognise(text: str) -> Fields | None:
    """Three columns or more, by comma, semicolon or tab; two may be a sentence with a comma."""
    for separator in (",", ";", "\t"):
        rows = _rows(text, separator)
        if rows is not None and len(rows) <= 2 and len(rows[0]) >= 3:
            return _fields(rows)
    return None


def read(text: str, separator: str) -> Fields:
    """The same for a client whose mapping says so. `separator` is a key of SEPARATORS."""
    rows = _rows(text, SEPARATORS.get(separator, ","))
    if rows is None or len(rows) > 2:
        raise Refused("dialect", "", f"This is no row of values separated by {separator}.")
    return _fields(rows)


def columns(values: list[str]) -> Fields:
    """Values under their numbers, from 1."""
    fields: Fields = {}
    for number, value in enumerate(values, 1):
        add(fields, str(number), value or None)
    return fields


def _rows(text: str, separator: str) -> list[list[str]] | None:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
        rows = [[value.strip() for value in row] for row in reader]
    except csv.Error:
        return None
    return rows if rows and max(map(len, rows)) <= _MAX_COLUMNS else None


def _fields(rows: list[list[str]]) -> Fields:
    if len(rows) == 1:
        return columns(rows[0])
    names, values = rows
    if len(names) != len(values):
        reason = f"The first line names {len(names)} columns, the second has {len(values)}."
        raise Refused("columns", "", reason)
    fields: Fields = {}
    for name, value in zip(names, values, strict=True):
        add(fields, name, value or None)
    return fields
