"""What is refused, by which code and naming which field; and that nothing else can happen."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from django.conf import settings
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bridge_ingest.journal.layout import pack_events, unpack_records
from bridge_ingest.journal.writer import Journal
from bridge_ingest.protocol import plain
from bridge_ingest.protocol.errors import Refused, SessionError
from bridge_ingest.protocol.framing import LineFramer, ObjectFramer, split
from bridge_ingest.protocol.salvage import BadLine, decode
from bridge_ingest.store import async_redis
from tests.ingest.door import NOW_MS, tick
from tests.ingest.spoken import PlainlySpoken, Spoken

CODES = {
    "json", "too_long", "missing", "type", "range", "not_finite", "price", "time", "ohlc", "symbol",
    "scope", "unsupported",
}  # fmt: skip
NAN, INF = math.nan, math.inf
HOUR_MS = 3_600_000


@pytest.fixture
def journal() -> Journal:
    """What is written stays pending: nothing here waits for a commit."""
    return fresh_journal()


def fresh_journal() -> Journal:
    return Journal(async_redis(), "w", settings.FKS.shards, lambda _: None)


def journalled(journal: Journal) -> list[int]:
    """Numbers of the ticks, and of bars and indicator values, that would be committed."""
    entries = [b"".join(parts) for parts in journal.pending.ticks]
    ticks = unpack_records(entries)["seq"].tolist()
    others = [event["seq"] for event in journal.pending.events if event["kind"] != "refusal"]
    return sorted([*ticks, *others])


def bar(seq: int, **changes: Any) -> dict[str, Any]:
    prices = {"open": 1.1, "high": 1.3, "low": 1.0, "close": 1.2, "volume": 3}
    about = {"symbol": "EURUSD", "period": "M1", "time_ms": NOW_MS, "stamp": "open", "closed": True}
    return {"type": "bar", "seq": seq, **about, **prices, **changes}


def indicator(seq: int, **changes: Any) -> dict[str, Any]:
    about = {"symbol": "EURUSD", "name": "rsi", "value": 55.0, "time_ms": NOW_MS}
    return {"type": "indicator", "seq": seq, **about, **changes}


def ticks(seq: int, *rows: Any, **changes: Any) -> dict[str, Any]:
    return {"type": "ticks", "seq": seq, "symbol": "EURUSD", "ticks": list(rows), **changes}


def order(seq: int, **changes: Any) -> dict[str, Any]:
    about = {"ticket": 11, "symbol": "EURUSD", "side": "buy", "kind": "limit", "volume": 2}
    return {"type": "order", "seq": seq, **about, "time_ms": NOW_MS, **changes}


def position(seq: int, **changes: Any) -> dict[str, Any]:
    about = {"ticket": 12, "symbol": "EURUSD", "side": "buy", "volume": 2}
    return {"type": "position", "seq": seq, **about, "time_ms": NOW_MS, **changes}


def account(seq: int, **changes: Any) -> dict[str, Any]:
    return {"type": "account", "seq": seq, "login": 1, "time_ms": NOW_MS, **changes}


def without(message: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != field}


GOOD = [NOW_MS, 1.1, 1.2]
NUMBERED: list[tuple[dict[str, Any], str, str]] = [
    *((without(tick(1), name), "missing", name) for name in ("symbol", "bid", "ask", "time_ms")),
    (tick(1, bid="1.1"), "type", "bid"),
    (tick(1, bid=True), "type", "bid"),
    (tick(1, ask=None), "type", "ask"),
    (tick(1, last="x"), "type", "last"),
    (tick(1, symbol=7), "type", "symbol"),
    (tick(1, backfill=[]), "type", "backfill"),
    (tick(1, time_ms="now"), "type", "time_ms"),
    (tick(1, symbol=""), "range", "symbol"),
    (tick(1, symbol="x" * 65), "range", "symbol"),
    (tick(1, symbol=" "), "symbol", "symbol"),
    (tick(1, symbol="EUR\0USD"), "symbol", "symbol"),
    (tick(1, symbol="EUR\nUSD"), "symbol", "symbol"),
    (tick(1, bid=NAN), "not_finite", "bid"),
    (tick(1, ask=INF), "not_finite", "ask"),
    (tick(1, last=-INF), "not_finite", "last"),
    (tick(1, bid=0), "price", "bid"),
    (tick(1, ask=-1.1), "price", "ask"),
    (tick(1, bid=1.1e12), "price", "bid"),
    (tick(1, last=-1), "price", "last"),
    (tick(1, volume=-1), "range", "volume"),
    (tick(1, volume=1e13), "range", "volume"),
    (tick(1, time_ms=5), "time", "time_ms"),
    (tick(1, time_ms=946_684_799_999), "time", "time_ms"),
    (tick(1, time_ms=NOW_MS + 15 * HOUR_MS + 1), "time", "time_ms"),
    (tick(1, time_ms=1e15), "time", "time_ms"),
    (tick(1, time_ms=-1e300), "time", "time_ms"),
    (ticks(1), "range", "ticks"),
    (ticks(1, [NOW_MS, 1.1]), "range", "ticks"),
    (ticks(1, [*GOOD, 1, NOW_MS, 6]), "range", "ticks"),
    (ticks(1, 5), "range", "ticks"),
    (ticks(1, ticks={}), "type", "ticks"),
    (ticks(1, [NOW_MS, "1.1", 1.2]), "type", "bid"),
    (ticks(1, [NOW_MS, 1.1, NAN]), "not_finite", "ask"),
    (ticks(1, [NOW_MS, 0, 1.2]), "price", "bid"),
    (ticks(1, [NOW_MS, 1.1, 1.2, -1]), "range", "volume"),
    (ticks(1, [5, 1.1, 1.2]), "time", "time_ms"),
    (ticks(1, [*GOOD, 1, "\ud800"]), "type", "received_ms"),
    (tick(1, half="\ud800", bid=NAN), "not_finite", "bid"),
    (bar(1, high=0.9), "ohlc", "high"),
    (bar(1, open=1.4), "ohlc", "open"),
    (bar(1, close=0.99), "ohlc", "close"),
    (bar(1, low=0), "price", "low"),
    (bar(1, close=NAN), "not_finite", "close"),
    (bar(1, volume=-1), "range", "volume"),
    (bar(1, period="M2"), "range", "period"),
    (bar(1, stamp="middle"), "range", "stamp"),
    (bar(1, closed=1), "type", "closed"),
    (without(bar(1), "closed"), "missing", "closed"),
    (bar(1, time_ms=NOW_MS + 16 * HOUR_MS), "time", "time_ms"),
    (indicator(1, value=NAN), "not_finite", "value"),
    (indicator(1, value="x"), "type", "value"),
    (indicator(1, name=""), "range", "name"),
    (indicator(1, name="r\0si"), "range", "name"),
    (indicator(1, period="\0"), "range", "period"),
    (indicator(1, period="x" * 9), "range", "period"),
    (indicator(1, time_ms=5), "time", "time_ms"),
    *((without(order(1), name), "missing", name) for name in ("ticket", "symbol", "side")),
    (order(1, side="up"), "range", "side"),
    (order(1, volume=-1), "range", "volume"),
    (order(1, volume="2"), "type", "volume"),
    (order(1, price=1.1e12), "range", "price"),
    (order(1, ticket=""), "range", "ticket"),
    (order(1, ticket=2**63), "range", "ticket"),
    (order(1, event="flown"), "range", "event"),
    (order(1, time_ms=5), "time", "time_ms"),
    (without(position(1), "volume"), "missing", "volume"),
    (position(1, ticket="", symbol=""), "missing", "ticket"),
    (position(1, side=""), "missing", "side"),
    (position(1, symbol=""), "missing", "symbol"),
    (account(1, balance=NAN), "not_finite", "balance"),
    (account(1, equity=1e16), "range", "equity"),
    (account(1, orders=[{}]), "type", "orders[0]"),
    (account(1, time_ms=NOW_MS + 16 * HOUR_MS), "time", "time_ms"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "code", "field"), NUMBERED)
def test_a_bad_item_is_refused_by_code_and_field_and_uses_up_its_number(
    journal: Journal, message: dict[str, Any], code: str, field: str
) -> None:
    session = Spoken(journal, 7)
    session.says(message, tick(2))
    assert session.rejects == [(code, field, 1)]
    assert journalled(journal) == [2]
    assert (session.counters.items, session.counters.refused, session.next) == (2, 1, 3)
    [refusal] = [event for event in journal.pending.events if event["kind"] == "refusal"]
    assert (refusal["code"], refusal["field"], refusal["seq"]) == (code, field, 1)
    assert refusal["reason"]


UNNUMBERED: list[tuple[bytes, str, str]] = [
    (b"nonsense", "json", ""),
    (b'{"type":"tick","seq":1', "json", ""),
    (b"\xff\xfe", "json", ""),
    (b"[1]", "json", ""),
    (b"null", "json", ""),
    (b"7", "json", ""),
    (b"{}", "missing", "type"),
    (b'{"type":7}', "type", "type"),
    (b'{"type":["tick"],"seq":1}', "type", "type"),
    (b'{"type":{"tick":1},"seq":1}', "type", "type"),
    (b'{"type":"abacus"}', "unsupported", "type"),
    (b'{"type":"tick","symbol":"EURUSD","bid":1,"ask":1,"time_ms":1}', "missing", "seq"),
    (b'{"type":"tick","seq":0}', "range", "seq"),
    (b'{"type":"tick","seq":-1}', "range", "seq"),
    (b'{"type":"tick","seq":1.5}', "type", "seq"),
    (b'{"type":"tick","seq":true}', "type", "seq"),
    (b'{"type":"tick","seq":4611686018427387904}', "range", "seq"),
    (b'{"type":"tick","seq":' + b"9" * 5000 + b"}", "range", "seq"),
    (b'{"type":"gap","from":5}', "missing", "to"),
    (b'{"type":"gap","from":5,"to":4}', "range", "to"),
    (b'{"type":"gap","from":0,"to":4}', "range", "from"),
    (b'{"type":"status","produced":-1}', "range", "produced"),
    (b'{"type":"status"}', "missing", "produced"),
    (b'{"type":"signal_ack","id":"","state":"shown"}', "range", "id"),
    (b'{"type":"signal_ack","id":"x","state":"flown"}', "range", "state"),
    (b'{"type":"ping","t":' + b"[" * 30_000 + b"}", "json", ""),
    (b'{"type":"ping","t":"' + b"x" * 64 * 1024 + b'"}', "too_long", ""),
]


@pytest.mark.parametrize(
    ("line", "code", "field"), UNNUMBERED, ids=[str(at) for at in range(len(UNNUMBERED))]
)
def test_a_line_without_a_sound_number_is_refused_without_one_and_uses_up_none(
    journal: Journal, line: bytes, code: str, field: str
) -> None:
    session = Spoken(journal, 7)
    session.says_bytes(line + b"\n")
    session.says(tick(1))
    assert session.rejects == [(code, field, None)]
    assert (journalled(journal), session.next) == ([1], 2)


@pytest.mark.parametrize(
    "message", [tick(1), ticks(1, GOOD), bar(1), indicator(1), order(1), tick(1, bid=0)]
)
def test_without_the_scope_every_item_is_refused_and_uses_up_its_number(
    journal: Journal, message: dict[str, Any]
) -> None:
    session = Spoken(journal, 7, may_ingest=False)
    session.says(message)
    assert session.rejects == [("scope", "", 1)]
    assert (journalled(journal), session.next) == ([], 2)


def test_beyond_the_bound_of_symbols_new_ones_are_refused_and_known_ones_go_on(
    journal: Journal,
) -> None:
    session = Spoken(journal, 7, symbols=2)
    session.says(
        tick(1, symbol="A"), tick(2, symbol="B"), ticks(3, GOOD, GOOD, symbol="C"), tick(5)
    )
    assert session.rejects == [("symbol", "symbol", seq) for seq in (2, 3, 4)]
    assert journalled(journal) == [1, 5]


@pytest.mark.parametrize(
    ("received_ms", "field"), [(5, "received_ms"), (NOW_MS + 16 * HOUR_MS, "received_ms")]
)
def test_a_replayed_item_needs_a_sound_moment_of_arrival(
    journal: Journal, received_ms: int, field: str
) -> None:
    session = Spoken(journal, 7, replay=True)
    row = [*GOOD, 1, received_ms]
    session.says(tick(1, received_ms=received_ms), ticks(2, row, [*GOOD, 1, NOW_MS]))
    assert session.rejects == [("time", field, 1), ("time", field, 2)]
    assert journalled(journal) == [3]


# Whatever the bytes are.

_words = st.sampled_from(
    ["ticket", "side", "event", "orders", "comment",
     "type", "seq", "symbol", "bid", "ask", "time_ms", "ticks", "last", "volume", "period", "name",
     "value", "stamp", "closed", "open", "high", "low", "close", "from", "to", "produced", "id",
     "state", "received_ms", "backfill", "time", "t"]
)  # fmt: skip
_texts = st.text(st.characters(), max_size=5)  # halves of surrogate pairs among them
_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(1, 5), st.floats(), _texts,
    st.sampled_from(
        ["tick", "ticks", "bar", "indicator", "gap", "status", "signal_ack", "order", "hello",
         "ping", "EURUSD", "M1", "open", 1.1, NOW_MS, 2**62, 2**62 - 1, 2**63, 10**400]
    ),
)  # fmt: skip
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(_words, _texts), inner)
    ),
    max_leaves=8,
)
_sound = st.sampled_from(
    [tick(1), ticks(1, GOOD, GOOD), bar(1), indicator(1), order(1), position(1), account(1)]
)
_messages = st.one_of(
    _values,
    st.dictionaries(_words, _values, max_size=8),
    st.builds(lambda sound, odd: {**sound, **odd}, _sound, st.dictionaries(_words, _values)),
)


@given(_messages)
@example({"type": ["tick"], "seq": 1})
@example({"type": "tick", "seq": 1, "\ud800": NAN})
@example(ticks(1, GOOD, [*GOOD, 1, "\ud800"]))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_json_value_is_taken_or_refused_by_a_code(message: Any) -> None:
    journal = fresh_journal()
    session = Spoken(journal, 7)
    try:
        session.says_bytes(json.dumps(message).encode() + b"\n")
    except SessionError as error:
        assert (error.code, message.get("type")) == ("protocol", "hello")  # noqa: PT017
        return
    assert {code for code, _, _ in session.rejects} <= CODES
    assert pack_events(journal.pending.events)
    used_up = session.next - 1
    refused = sum(seq is not None for _, _, seq in session.rejects)
    gaps = sum(event["kind"] == "gap" for event in journal.pending.events)
    if not gaps:  # every number that was used up is an item, or a refusal that names it
        items = [seq for seq in journalled(journal) if seq]
        assert len(items) + refused == used_up
        assert set(items) <= set(range(1, used_up + 1))


@given(st.binary(max_size=80))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_line_decodes_to_a_message_or_to_a_coded_refusal(line: bytes) -> None:
    decoded = decode(line)
    if isinstance(decoded, BadLine):
        assert decoded.refused.code in CODES
        assert decoded.refused.reason


@given(_messages)
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_json_value_is_taken_or_refused_in_the_plain_dialect(message: Any) -> None:
    journal = fresh_journal()
    session = PlainlySpoken(journal)
    session.says(json.dumps(message).encode())
    codes = [each["code"] for each in session.told]
    assert set(codes) <= CODES
    assert len(journalled(journal)) == session.numbers.next - 1
    assert session.counters.refused == len(codes)
    assert session.counters.items + len(codes) > 0


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
@hypothesis_settings(max_examples=200, deadline=None)
def test_lines_of_any_bytes_are_the_same_wherever_they_are_cut(data: bytes, at: list[int]) -> None:
    marks = sorted({min(place, len(data)) for place in at} | {0, len(data)})
    framer = LineFramer()
    lines = [
        line for a, b in itertools.pairwise(marks) for line in split(framer.feed(data[a:b]))[0]
    ]
    whole = LineFramer()
    assert (lines, framer.pending) == (split(whole.feed(data))[0], whole.pending)


_bits = st.lists(st.sampled_from([b"{", b"}", b'"', b"\\", b"a", b":1", b"\0", b"\n", b" ", b","]))


@given(st.one_of(st.binary(max_size=60), _bits.map(b"".join)), st.lists(st.integers(0, 60)))
@hypothesis_settings(max_examples=300, deadline=None)
def test_objects_among_any_bytes_are_the_same_wherever_they_are_cut(
    data: bytes, at: list[int]
) -> None:
    marks = sorted({min(place, len(data)) for place in at} | {0, len(data)})
    framer, whole = ObjectFramer(), ObjectFramer()
    pieces = [piece for a, b in itertools.pairwise(marks) for piece in framer.feed(data[a:b])]
    expected = whole.feed(data)
    # Noise is given out as it comes, so a cut may divide it; objects are never divided.
    assert _objects(pieces) == _objects(expected)
    assert _noise(pieces) == _noise(expected)
    assert framer.pending == whole.pending


def _objects(pieces: list[bytes]) -> list[bytes]:
    return [piece for piece in pieces if piece.startswith(b"{")]


def _noise(pieces: list[bytes]) -> bytes:
    noise = b"".join(piece for piece in pieces if not piece.startswith(b"{"))
    return noise.translate(None, b" \t\r\n\0,")


# The plain dialect's table.

QUOTE = {"symbol": "EURUSD", "bid": 1.1, "ask": 1.2, "time": 1_700_000_000}
VALUE = {"symbol": "ES 12-26", "close": 5000.25, "time": "11/20/2026 9:30:00 AM", "sma": 4990}
PINE = {"symbol": "B", "time": 1_700_000_000_000, "open": 1, "high": 2, "low": 1, "close": 2}
PLAIN: list[tuple[dict[str, Any], str, str]] = [
    (without(QUOTE, "symbol"), "missing", "symbol"),
    (QUOTE | {"symbol": 7}, "missing", "symbol"),
    (QUOTE | {"symbol": "x" * 65}, "missing", "symbol"),
    (QUOTE | {"symbol": "\x01"}, "symbol", "symbol"),
    ({"symbol": "EURUSD"}, "missing", "bid"),
    (without(QUOTE, "ask"), "missing", "ask"),
    (without(QUOTE, "time"), "missing", "time"),
    (QUOTE | {"bid": "1.1"}, "type", "bid"),
    (QUOTE | {"bid": True}, "type", "bid"),
    (QUOTE | {"bid": 0}, "price", "bid"),
    (QUOTE | {"ask": 1e13}, "price", "ask"),
    (QUOTE | {"ask": 1e301}, "not_finite", "ask"),
    (QUOTE | {"bid": NAN}, "not_finite", ""),
    (QUOTE | {"volume": -1}, "range", "volume"),
    (QUOTE | {"time": 5}, "time", "time_ms"),
    (QUOTE | {"time": "noon"}, "type", "time"),
    (VALUE | {"time": "noon"}, "time", "time"),
    (VALUE | {"time": "13/45/2026 9:30:00 AM"}, "time", "time"),
    (VALUE | {"time": "01/01/0001 12:00:00 AM"}, "time", "time"),
    (VALUE | {"close": 0}, "price", "open"),
    (PINE | {"high": 0.5}, "ohlc", "high"),
    (PINE | {"volume": -3}, "range", "volume"),
    (without(PINE, "low"), "missing", "low"),
]


@pytest.mark.parametrize(("content", "code", "field"), PLAIN)
def test_a_bad_plain_object_is_refused_by_code_and_field_and_takes_no_number(
    journal: Journal, content: dict[str, Any], code: str, field: str
) -> None:
    session = PlainlySpoken(journal)
    session.says(json.dumps(without(content, "sma")).encode())
    assert [(each["code"], each["field"]) for each in session.told] == [(code, field)]
    session.says(json.dumps(QUOTE).encode())
    assert (journalled(journal), session.numbers.next) == ([1], 2)


@pytest.mark.parametrize("piece", [b"", b"nonsense", b"[1]", b"7", b'"x"', b"\xff", b"[" * 99_999])
def test_what_is_no_object_is_refused_as_such(piece: bytes) -> None:
    with pytest.raises(Refused) as caught:
        plain.parse(piece)
    assert (caught.value.code, caught.value.field) == ("json", "")


@pytest.mark.parametrize(
    ("content", "platform", "kinds"),
    [
        (QUOTE, "mt5", ["Tick"]),
        (QUOTE | {"time": 1_700_000_000_000, "volume": 3}, "mt5", ["Tick"]),
        (VALUE, "ninjatrader", ["Bar", "Indicator"]),
        (VALUE | {"time": 1_700_000_000, "rsi": None}, "ninjatrader", ["Bar", "Indicator"]),
        (PINE | {"exchange": "X", "rsi": 55.5, "up": True}, "tradingview", ["Bar", "Indicator"]),
    ],
)
def test_a_plain_object_is_known_by_its_fields(
    content: dict[str, Any], platform: str, kinds: list[str]
) -> None:
    item = plain.parse(json.dumps(content).encode())
    assert (item.platform, [type(each).__name__ for each in item.items]) == (platform, kinds)
