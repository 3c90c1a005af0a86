"""Whatever a stranger posts: an alert that holds together, or a refusal with a reason."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_ingest.dialects import csv_row, default_text, json_object, key_value, pipes
from bridge_ingest.dialects.alert import Alert
from bridge_ingest.dialects.fields import Fields
from bridge_ingest.dialects.mapping import DIALECTS, PLAIN, TARGETS, Mapping
from bridge_ingest.dialects.understand import understand
from bridge_ingest.protocol.errors import Refused

EXAMPLES = int(os.environ.get("FUZZ_PARSER_EXAMPLES", "100"))
"""Of each property; `make fuzz` asks for more."""
often = settings(max_examples=EXAMPLES, deadline=None)

NOW_US = 1_795_235_490_000_000
NAMES = st.sampled_from(
    ["symbol", "ticker", "price", "close", "open", "high", "low", "time", "action", "side", "sl",
     "tp", "volume", "interval", "rsi", "bar", "order", "id", "market_position", "x\0", "\ud800"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["EURUSD", "buy", "sell", "flat", "1.085", "1,085", "NaN", "{{close}}", "<sl>", "60", "", "M5",
     "2026-11-21T06:31:00Z", "1e400", "-0", "9" * 400, "\uff15", "a=b", "x|y", "\0", "\ud800"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=12)
OBJECTS = st.dictionaries(
    NAMES,
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        NAMES, inner, max_size=4), max_leaves=8),
    max_size=8,
)  # fmt: skip
PAIRS = st.lists(st.tuples(NAMES, WORDS | st.text(max_size=8)), min_size=1, max_size=6)
COLUMNS = st.lists(WORDS | st.text(max_size=8), min_size=1, max_size=6)
GLUE = st.sampled_from(
    [
        " ",
        "\n",
        ":",
        "=",
        ";",
        "Crossing",
        "order",
        " @ ",
        "filled on ",
        "|",
        ",",
        "{",
        "}",
        '"',
        "//",
    ]
)
FREE = st.lists(WORDS | NAMES | GLUE, max_size=14).map("".join)
MAPPINGS = st.builds(
    Mapping,
    dialect=st.sampled_from(list(DIALECTS)),
    separator=st.sampled_from(list(csv_row.SEPARATORS)),
    paths=st.dictionaries(
        st.sampled_from(list(TARGETS)), st.sampled_from(["1", "2", "price", "bar.close", "-"])
    ),
    symbol=st.sampled_from(["", "EURUSD"]),
    repeat_path=st.sampled_from(["", "id", "1"]),
)


def holds_together(body: bytes, mapping: Mapping) -> Alert | None:
    """Understood or refused; what is understood can be stored as it is."""
    alert = told(body, mapping)
    if isinstance(alert, Refused):
        assert alert.code
        assert len(alert.reason) > 10
        _storable(alert.reason)
        _storable(alert.field)
        return None
    assert math.isfinite(alert.price)
    assert alert.symbol.strip()
    numbers = [alert.stop_loss, alert.take_profit, alert.quantity, alert.volume, alert.confidence]
    assert all(math.isfinite(each) for each in numbers if each is not None)
    assert all(map(math.isfinite, alert.indicators.values()))
    for text in (alert.symbol, alert.note, alert.exchange, alert.position, *alert.indicators):
        _storable(text)
    if alert.bar is not None:
        assert alert.bar.low <= alert.bar.close <= alert.bar.high
    json.dumps([alert.indicators, alert.unread], allow_nan=False)
    return alert


def told(body: bytes, mapping: Mapping) -> Alert | Refused:
    try:
        return understand(body, mapping, NOW_US)
    except Refused as refused:
        return refused


def _storable(text: str) -> None:
    """PostgreSQL takes it."""
    assert "\0" not in text
    text.encode()


def dumped(content: Any) -> bytes:
    return json.dumps(content).encode()


@often
@given(content=OBJECTS, mapping=MAPPINGS)
def test_any_json_object(content: dict[str, Any], mapping: Mapping) -> None:
    holds_together(dumped(content), mapping)
    holds_together(dumped(content), PLAIN)


@often
@given(pairs=PAIRS, glue=st.sampled_from(["\n", ";", ",", "|", " "]), mapping=MAPPINGS)
def test_any_pairs(pairs: list[tuple[str, str]], glue: str, mapping: Mapping) -> None:
    text = glue.join(f"{name}={value}" for name, value in pairs)
    holds_together(text.encode("utf-8", "surrogatepass"), mapping)
    holds_together(text.encode("utf-8", "replace"), PLAIN)


@often
@given(columns=COLUMNS, glue=st.sampled_from([",", ";", "\t", "|", " "]), mapping=MAPPINGS)
def test_any_columns(columns: list[str], glue: str, mapping: Mapping) -> None:
    holds_together(glue.join(columns).encode("utf-8", "replace"), mapping)


@often
@given(text=FREE, mapping=MAPPINGS)
def test_any_text(text: str, mapping: Mapping) -> None:
    holds_together(text.encode("utf-8", "replace"), mapping)


@often
@given(body=st.binary(max_size=64), mapping=MAPPINGS)
def test_any_bytes(body: bytes, mapping: Mapping) -> None:
    holds_together(body, mapping)


RECOGNISERS: list[Callable[[str], Fields | None]] = [
    json_object.recognise,
    default_text.recognise,
    key_value.recognise,
    pipes.recognise,
    csv_row.recognise,
    key_value.read,
    pipes.read,
    lambda text: csv_row.read(text, "space"),
]


@pytest.mark.parametrize("recognise", RECOGNISERS)
@often
@given(text=FREE | st.text(max_size=40))
def test_a_recogniser_gives_named_finite_values_or_refuses(
    recognise: Callable[[str], Fields | None], text: str
) -> None:
    try:
        fields = recognise(text)
    except Refused:
        return
    for name, value in (fields or {}).items():
        assert name
        _storable(name)
        assert not isinstance(value, float) or math.isfinite(value)


@often
@given(
    price=st.floats(1e-6, 1e9),
    action=st.sampled_from(["buy", "sell"]),
    symbol=st.from_regex(r"[A-Z]{2,5}:[A-Z0-9]{2,10}", fullmatch=True),
)
def test_what_an_alert_says_is_read_back_from_every_form(
    price: float, action: str, symbol: str
) -> None:
    named = {"ticker": symbol, "price": price, "action": action}
    lines = "\n".join(f"{name}={value!r}".replace("'", "") for name, value in named.items())
    row = ",".join(named) + "\n" + ",".join(str(value) for value in named.values())
    for text in (json.dumps(named), json.dumps({"order": named}), lines, row):
        alert = holds_together(text.encode(), PLAIN)
        assert alert is not None
        assert (alert.symbol, alert.price, alert.action) == (symbol, price, action.upper())
