"""Which dialect a body is written in."""

from __future__ import annotations

from bridge_ingest.dialects import csv_row, default_text, json_object, key_value, pipes
from bridge_ingest.dialects.array import cut
from bridge_ingest.dialects.body import text_of
from bridge_ingest.dialects.fields import Fields, Reading, Recognise
from bridge_ingest.dialects.mapping import Mapping
from bridge_ingest.protocol.errors import Refused

_BY_LOOKS: tuple[tuple[str, Recognise], ...] = (
    ("json", json_object.recognise),
    ("text", default_text.recognise),
    ("key_value", key_value.recognise),
    ("pipes", pipes.recognise),
    ("csv", csv_row.recognise),
)
_UNKNOWN = (
    "This text is in no form that is known here. Send JSON, or say in the mapping how its parts "
    "are separated and which is which."
)


_WRAPPED = "A list of alerts can't be read inside another text: send the list itself."


def read(body: bytes, mapping: Mapping, content_type: str = "") -> Reading:
    """A body as named values. Raises Refused when it is in no form that is known."""
    text = text_of(body, content_type)
    if mapping.dialect:
        return Reading(mapping.dialect, _as_said(text, mapping))
    reading = _by_looks(text)
    if reading.dialect == "json" and (inner := json_object.text_inside(reading.fields)):
        if len(cut(inner)) > 1:
            raise Refused("json", "", _WRAPPED)
        return _by_looks(inner)
    return reading


def _by_looks(text: str) -> Reading:
    for dialect, recognise in _BY_LOOKS:
        fields = recognise(text)
        if fields is not None:
            return Reading(dialect, fields)
    raise Refused("dialect", "", _UNKNOWN)


def _as_said(text: str, mapping: Mapping) -> Fields:
    match mapping.dialect:
        case "key_value":
            return key_value.read(text)
        case "csv":
            return csv_row.read(text, mapping.separator)
        case "pipes":
            return pipes.read(text)
        case "text":
            found = default_text.recognise(text)
        case _:
            found = json_object.recognise(text)
    if found is None:
        named = "JSON object" if mapping.dialect == "json" else "default text of TradingView"
        raise Refused("dialect", "", f"This is no {named}, which this client's mapping asks for.")
    return found
