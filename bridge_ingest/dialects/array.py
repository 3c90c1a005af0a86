"""A JSON array of several alerts, cut into the texts of its items."""

from __future__ import annotations

import json
import re

from bridge_ingest.dialects.body import text_of
from bridge_ingest.dialects.mapping import Mapping
from bridge_ingest.protocol.errors import Refused

MAX_ITEMS = 500
_decode = json.JSONDecoder().raw_decode
_BY_PLACE = re.compile(r"\d+(\.|$)")


def items_of(body: bytes, mapping: Mapping, content_type: str = "") -> list[bytes] | None:
    """The items of an array that holds an object and something beside it, each as it was written.

    None for everything else, also for an array that the mapping reads by its places (`0.symbol`).
    Raises Refused for one of too many items.
    """
    if mapping.dialect not in ("", "json") or any(map(_BY_PLACE.match, mapping.paths.values())):
        return None
    try:
        items = cut(text_of(body, content_type))
    except Refused:
        return None
    if len(items) < 2 or not any(item.startswith("{") for item in items):
        return None
    if len(items) > MAX_ITEMS:
        raise Refused("limit", "", f"The list has {len(items):,} items; {MAX_ITEMS} may be sent.")
    return [item.encode("utf-8", "surrogatepass") for item in items]


def cut(text: str) -> list[str]:
    """Texts of an array's items; none when it is no array, or a broken one."""
    if not text.startswith("["):
        return []
    items, at = [], _behind_blanks(text, 1)
    try:
        while text[at] != "]":
            _, end = _decode(text, at)
            items.append(text[at:end])
            at = _behind_blanks(text, end)
            if text[at] == ",":
                at = _behind_blanks(text, at + 1)
                is_broken = text[at] == "]"
            else:
                is_broken = text[at] != "]"
            if is_broken:
                return []
    except (ValueError, IndexError, RecursionError):
        return []
    return items if at == len(text) - 1 else []


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
