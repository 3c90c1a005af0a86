"""`ETHUSD|BUY|1850.5`: columns separated by upright bars."""

from __future__ import annotations

from bridge_ingest.dialects.csv_row import columns
from bridge_ingest.dialects.fields import Fields
from bridge_ingest.protocol.errors import Refused

_MAX_COLUMNS = 100


def recognise(text: str) -> Fields | None:
    """Three columns or more on one line; a sentence may hold a bar or two words around one."""
    return _columns(text) if text.count("|") >= 2 else None


def read(text: str) -> Fields:
    """The same for a client whose mapping says so. Raises Refused."""
    fields = _columns(text)
    if fields is None:
        raise Refused("dialect", "", "This is no single line of values separated by |.")
    return fields


def _columns(text: str) -> Fields | None:
    values = [value.strip() for value in text.strip("|").split("|")]
    if "\n" in text or not 2 <= len(values) <= _MAX_COLUMNS:
        return None
    return columns(values)
