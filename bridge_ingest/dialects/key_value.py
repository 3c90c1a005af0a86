"""`key=value` or `key: value`, on lines of their own or separated by `;`, `,`, `|` or spaces."""

from __future__ import annotations

import re
from collections.abc import Callable

from bridge_ingest.dialects.fields import MAX_FIELDS, Fields, add
from bridge_ingest.protocol.errors import Refused

_PAIR = re.compile(r"([A-Za-z_][\w .-]{0,62}?)[ \t]{0,8}([=:])(.*)", re.DOTALL)
_HIDDEN = re.compile(r"\w[ \t]{0,8}=[ \t]{0,8}[^\s=]")
_BRACKETS = {"(": 1, "[": 1, ")": -1, "]": -1}

Separate = Callable[[str], list[str]]


def _at_commas(text: str) -> list[str]:
    """Parts between commas that stand outside of brackets: `params:(84, 12),side:buy` has two."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth = max(0, depth + _BRACKETS.get(letter, 0))
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


_SEPARATIONS: tuple[Separate, ...] = (
    re.compile(r"[\r\n;]+|\\n").split,
    lambda text: text.split("|"),
    _at_commas,
    str.split,
)


def recognise(text: str) -> Fields | None:
    """The coarsest separation under which every part is a pair; None when there is none."""
    for separate in _SEPARATIONS:
        parts = [part.strip() for part in separate(text)]
        parts = [part for part in parts if part]
        if len(parts) > MAX_FIELDS:
            continue
        pairs = [_PAIR.fullmatch(part) for part in parts]
        whole = [pair for pair in pairs if pair is not None]
        if len(whole) == len(parts) and _is_plain(whole):
            return _fields(whole)
    return None


def read(text: str) -> Fields:
    """The same for a client whose mapping says that it sends pairs. Raises Refused."""
    fields = recognise(text)
    if fields is None:
        raise Refused("dialect", "", "This is not key=value: every part must be one pair.")
    return fields


def _is_plain(pairs: list[re.Match[str]]) -> bool:
    """No value hides another pair; one `word: text` alone is a sentence and no pair."""
    if any(_HIDDEN.search(pair[3]) for pair in pairs):
        return False
    return len(pairs) > 1 or any(pair[2] == "=" for pair in pairs)


def _fields(pairs: list[re.Match[str]]) -> Fields:
    fields: Fields = {}
    for pair in pairs:
        add(fields, pair[1], pair[3].strip().strip('"') or None)
    return fields
