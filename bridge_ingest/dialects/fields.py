"""A body as named values, whatever form it came in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from bridge_ingest.protocol.errors import Refused

Value = str | int | float | bool | None
Fields = dict[str, Value]
"""By path: `price`, `bar.close`, `legs.0.qty`; a column is named by its number from 1."""

MAX_FIELDS = 500
_NOT_FINITE = frozenset({"NaN", "nan", "Infinity", "inf"})
"""As Pine and JSON writers print them. NAN and INF in capitals may be tickers."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The dialect that a body was recognised as, and its values."""

    dialect: str
    fields: Fields


Recognise = Callable[[str], Fields | None]
"""None when the text is not of this dialect; raises Refused when it is, but broken."""


def add(fields: Fields, path: str, value: Value) -> None:
    """Put one value in. Raises Refused for what no alert can mean: NaN, or a name used twice."""
    if len(fields) >= MAX_FIELDS:
        raise Refused("limit", "", f"The alert has more than {MAX_FIELDS} values.")
    name = clean(path.strip())[:64]
    if not name:
        raise Refused("name", "", "A value has no name.")
    if name in fields and fields[name] != value:
        raise Refused("twice", name, f"{name} stands there twice, with different values.")
    if isinstance(value, str):
        value = clean(value.strip())
    if is_not_finite(value):
        raise not_finite(name, value)
    fields[name] = value


def is_not_finite(value: Value) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, str) and value.lstrip("+-") in _NOT_FINITE


def not_finite(name: str, value: Value) -> Refused:
    advice = "a plot that is still warming up is na; send null until it has a value"
    return Refused("not_finite", name, f"{name} is {value}, which is not a number: {advice}.")


def clean(text: str) -> str:
    """PostgreSQL holds neither zero bytes nor halves of a surrogate pair."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "\ufffd")
