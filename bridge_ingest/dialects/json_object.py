"""JSON, as most alerts are written: any nesting, numbers as text, `NaN` where a plot is na."""

from __future__ import annotations

import json
import re
from typing import Any

from bridge_ingest.dialects.fields import Fields, add, clean
from bridge_ingest.protocol.errors import Refused

MAX_DEPTH = 16
_SEEN = 120
"""Letters before and after a mistake in which its cause is looked for."""
_COMMENT = re.compile(r"(?<!:)//")
_UNQUOTED = re.compile(r":\s*([A-Za-z_][\w:.!/-]*)\s*[,}\r\n]")
_WRAPPERS = ("text", "message", "msg", "content", "alert")


class _Pairs(list[tuple[str, Any]]):
    """An object's members in order, also those whose name comes twice."""


def recognise(text: str) -> Fields | None:
    """Values by dotted path. Raises Refused for broken JSON, saying where and why."""
    if not text.startswith(("{", "[")):
        return None
    try:
        content = json.loads(text, parse_constant=str, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise Refused("json", "", _explain(text, error)) from None
    except (ValueError, RecursionError):
        raise Refused("json", "", "This JSON nests too deep, or holds a number too long.") from None
    # NaN and Infinity, which Python's parser reads though they are not JSON, are refused by `add`.
    fields: Fields = {}
    _flatten(fields, "", content, 0)
    return fields


def text_inside(fields: Fields) -> str | None:
    """The alert's text when the object is only a wrapper around it: `{"text": "..."}`."""
    if len(fields) != 1:
        return None
    ((name, value),) = fields.items()
    return value if name.lower() in _WRAPPERS and isinstance(value, str) else None


def _flatten(fields: Fields, path: str, content: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Refused("json", path[:64], f"This JSON nests deeper than {MAX_DEPTH} levels.")
    if isinstance(content, _Pairs):
        members = list(content)
    elif isinstance(content, list):
        members = [(str(index), each) for index, each in enumerate(content)]
    else:
        add(fields, path or "value", content)
        return
    for name, value in members:
        named = clean(name)
        _flatten(fields, f"{path}.{named}" if path else named, value, depth + 1)


def _explain(text: str, error: json.JSONDecodeError) -> str:
    """Where the JSON breaks, and why it probably does."""
    start = text.rfind("\n", 0, error.pos) + 1
    line = text[max(start, error.pos - _SEEN) : error.pos + _SEEN].partition("\n")[0].strip()
    near = line if len(line) <= 60 else text[max(start, error.pos - 30) : error.pos + 30].strip()
    return f"Not valid JSON at line {error.lineno}, near {near!r}: {_cause(line, error)}"


def _cause(line: str, error: json.JSONDecodeError) -> str:
    if _COMMENT.search(line):
        return "JSON has no comments; remove the text after //."
    if unquoted := _UNQUOTED.search(line):
        return f"put quotes around {unquoted[1]}."
    if "'" in line and '"' not in line:
        return 'JSON wants double quotes (").'
    if error.msg == "Extra data":
        return "something follows after the object's end."
    return f"{error.msg[:1].lower()}{error.msg[1:]}."
