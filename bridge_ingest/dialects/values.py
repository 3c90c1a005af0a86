"""One value each: a number, a moment, an action, a period, a symbol. All raise Refused by name."""

from __future__ import annotations

import re
from datetime import datetime

from bridge_ingest.dialects.fields import Value
from bridge_ingest.protocol import rules
from bridge_ingest.protocol.errors import Refused

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?|[0-9]+,[0-9]+")
_NEITHER_LETTER_NOR_DIGIT = re.compile(r"[^a-z0-9]+")
_LARGEST = 1e15
"""Above it a float no longer tells whole numbers apart; no price, size or indicator gets there."""
_SECONDS_BELOW = 1e11
"""A Unix time below this is in seconds (1e11 s is the year 5138), else in milliseconds."""
_SYMBOL_MAX = 64

_ACTIONS = {
    "BUY": "buy long openlong enterlong entrylong golong buylong longentry strongbuy",
    "SELL": "sell short openshort entershort entryshort goshort sellshort shortentry strongsell",
    "CLOSE": "close exit flat flatten closelong closeshort exitlong exitshort closeall",
    "NONE": "none hold neutral wait",
}
_ACTION_OF = {word: action for action, words in _ACTIONS.items() for word in words.split()}
_PERIODS = {
    "S1": "1S 1s S1",
    "M1": "1 1m M1",
    "M5": "5 5m M5",
    "M15": "15 15m M15",
    "M30": "30 30m M30",
    "H1": "60 1h 1H H1",
    "H4": "240 4h 4H H4",
    "D1": "D 1D 1d D1 1440",
    "W1": "W 1W 1w W1 10080",
}
_PERIOD_OF = {word: period for period, words in _PERIODS.items() for word in words.split()}


def number(path: str, value: Value) -> float:
    """A finite number, also when it is written as text. `1,234.5`, `$5` and `5%` are refused."""
    if isinstance(value, bool) or value is None or value == "":
        raise Refused("missing", path, f"{path} is missing: a number is needed.")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise _no_number(path, value)
    try:
        found = float(value)
    except OverflowError:
        found = _LARGEST
    if abs(found) >= _LARGEST:
        raise Refused("range", path, f"{path} is {str(value)[:40]}, which is too large.")
    return found


def is_number(value: Value) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None and abs(float(value)) < _LARGEST
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _no_number(path: str, text: str) -> Refused:
    told = f"{path} is {text[:60]!r}"
    if text.startswith("<") and text.endswith(">"):
        return Refused("placeholder", path, f"{told}: the template's text was not filled in.")
    if _GROUPED.fullmatch(text):
        advice = "write it without a thousands separator, and with a point for the decimals"
        return Refused("type", path, f"{told}: {advice}.")
    if text.endswith("%"):
        return Refused("type", path, f"{told}: a number is needed, not a percentage.")
    return Refused("type", path, f"{told}: a number is needed.")


def moment_us(path: str, value: Value) -> int:
    """Unix seconds or milliseconds, or ISO text that says its zone, in UTC microseconds."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return _iso_us(path, value)
    stated = number(path, value)
    return rules.micros(stated * 1000 if abs(stated) < _SECONDS_BELOW else stated, path)


def _iso_us(path: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            advice = "it does not say its time zone; end it with Z for UTC"
            raise Refused("time", path, f"{path} is {text[:40]!r}: {advice}.")
        return round(moment.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        wanted = "2026-03-24T17:00:00Z, or Unix time"
        raise Refused("time", path, f"{path} is {text[:40]!r}; write {wanted}.") from None


def action(value: Value) -> str | None:
    """BUY, SELL, CLOSE or NONE; None when the word means nothing here."""
    return _ACTION_OF.get(simple(value)) if isinstance(value, str) else None


def period(value: Value) -> str | None:
    """The protocol's name of a chart's period (`5` and `5m` are M5); None for one it has not."""
    return _PERIOD_OF.get(str(value)) if not isinstance(value, float) else None


def symbol(path: str, value: Value) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text:
        raise Refused("missing", path, f"{path} is missing: which symbol is this about?")
    if "," in text or ";" in text:
        raise Refused("symbol", path, f"{path} is {text[:60]!r}: one alert is about one symbol.")
    if text[0] in "=+@-<{" or "\ufffd" in text or len(text) > _SYMBOL_MAX:
        raise Refused("symbol", path, f"{path} is {text[:60]!r}, which is no symbol.")
    rules.check_symbol(text)
    return text


def simple(name: Value) -> str:
    """A name or word for comparing: `order_action` and `Order Action` are alike."""
    return _NEITHER_LETTER_NOR_DIGIT.sub("", str(name).lower())
