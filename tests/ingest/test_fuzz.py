"""Each parser of the doors under mutated input for MINUTES: `make fuzz MINUTES=10`.

Nothing but a session's own end may be raised, every refusal has a known code, and every number is
used up by an item or by a refusal that names it.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from agent import binary as wire
from bridge_ingest.dialects.mapping import PLAIN, Mapping
from bridge_ingest.gateway import posts
from bridge_ingest.gateway.http import Post
from bridge_ingest.gateway.proof import _check_header
from bridge_ingest.journal.layout import pack_events
from bridge_ingest.protocol.digests import CORRUPTION_ONLY
from bridge_ingest.protocol.errors import Refused, SessionError
from bridge_ingest.protocol.session import Session
from bridge_ingest.webhooks.reading import NO_RULES, Rules, judge_all
from tests.ingest.door import tick
from tests.ingest.spoken import NOW_US, PEER, PlainlySpoken, Spoken
from tests.ingest.test_refusals import (
    CODES,
    GOOD,
    account,
    bar,
    fresh_journal,
    indicator,
    journalled,
    order,
    position,
    ticks,
)
from tests.mutation import fuzz

pytestmark = pytest.mark.fuzz
KNOWN = CODES | {"digest", "binary", "inflated", "rate"}
FEATURES = frozenset({"binary", "deflate"})


def lines(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in messages)


_OTHERS = (
    {"type": "gap", "from": 9, "to": 12},
    {"type": "status", "produced": 8, "dropped": 0},
    {"type": "signal_ack", "id": "x", "state": "shown", "price": 1.1},
    {"type": "ping", "t": [1, "two"]},
    {"type": "symbols", "map": {"1": "EURUSD"}},
)
_LINES = lines(
    tick(1), ticks(2, GOOD, GOOD), bar(4), indicator(5), order(6), position(7), account(8), *_OTHERS
)
_NAMES = lines({"type": "symbols", "map": {"1": "EURUSD", "2": "GBPUSD"}})
_RECORDS = b"".join(wire.RECORD.pack(NOW_US, 1.1, 1.2, n) for n in range(5))
_BATCH = wire.header(1, 1, 5) + _RECORDS
_DEFLATED = zlib.compress(lines(tick(1), ticks(2, GOOD, GOOD)))
PLAIN_TEXTS = [
    b'{"symbol":"EURUSD","bid":1.08123,"ask":1.08125,"time":1700000000,"volume":12}\0{"symbol":"A"}',
    b'{"symbol":"ES 12-26","time":"11/20/2026 9:30:00 AM","close":5120.25,"sma":5118.5}',
    b'{"symbol":"B","time":1700000000000,"open":1,"high":2,"low":1,"close":2,"rsi":5}',
]
ALERTS = [
    (
        b'{"symbol":"EURUSD","exchange":"OANDA","interval":"1","time":"2026-11-20T09:30:00Z",'
        b'"open":1,"high":2,"low":1,"close":2,"volume":3,"rsi":61.5,"sl":"1.05"}'
    ),
    b'[{"symbol":"EURUSD","price":1.085},{"ticker":"GBPUSD","price":"1.27","action":"sell"}]',
    b"EURUSD Crossing 1.0850",
    b"RSI Strategy (14, 30, 70): order buy @ 1 filled on BTCUSDT. New strategy position is 1",
    b"SYMBOL=BTCUSDT;PRICE=30000;SIGNAL=BUY;TIME=1700000000",
    b"symbol,price,action\nEURUSD,1.085,buy",
    b"id7|long|EURUSD|1.085",
    b"message=%7B%22symbol%22%3A%22EURUSD%22%2C%22price%22%3A1.085%7D",
]


def _spoken(say: Callable[[Spoken, bytes, random.Random], None], features: frozenset[str]) -> Any:
    def check(data: bytes, chance: random.Random) -> None:
        journal = fresh_journal()
        session = Spoken(journal, 7, features=features)
        try:
            say(session, data, chance)
        except SessionError as error:
            assert error.code in ("protocol", "limit")  # noqa: PT017 - what follows is checked too
        assert {code for code, _, _ in session.rejects} <= KNOWN
        assert pack_events(journal.pending.events)
        _assert_accounted(session, journal)

    return check


def _assert_accounted(session: Session, journal: Any) -> None:
    """Unless numbers were given up, each is an item or a refusal that names it."""
    events = journal.pending.events
    lost = sum(e["to"] - e["from"] + 1 for e in events if e["kind"] == "gap")
    refused = [e["seq"] for e in events if e["kind"] == "refusal" and e["seq"] is not None]
    tallied = sum(e["numbered"] for e in journal.pending.tallies.values())
    numbered = [seq for seq in journalled_items(journal) if seq]
    assert len(numbered) + len(refused) + tallied + lost == session.next - 1


def journalled_items(journal: Any) -> list[int]:
    kept = [e for e in journal.pending.events if e["kind"] in ("bar", "indicator", "trade")]
    ticks_only = fresh_journal()
    ticks_only.pending.ticks = journal.pending.ticks
    return [*journalled(ticks_only), *(e["seq"] for e in kept)]


def _stream(session: Spoken, data: bytes, chance: random.Random) -> None:
    """In pieces, as TCP may deliver them."""
    at = 0
    while at < len(data):
        size = chance.randrange(1, len(data) + 1)
        session.says_bytes(data[at : at + size])
        at += size


def _frames(session: Spoken, data: bytes, chance: random.Random) -> None:
    session.hears_frame(_NAMES.rstrip())
    if chance.random() < 0.5:
        session.hears_frame(data)
    else:
        for frame in data.split(b"\n"):
            session.hears_frame(frame)


def _plain(data: bytes, chance: random.Random) -> None:
    session = PlainlySpoken(fresh_journal())
    cut = chance.randrange(len(data) + 1)
    try:
        for part in (data[:cut], data[cut:]):
            session.feed(part)
        session.finish()
        session.says(b'{"symbol":"EURUSD","bid":1.1,"ask":1.2,"time":1700000000}')
    except SessionError as error:
        assert error.code in ("protocol", "limit")  # noqa: PT017 - what follows is checked too
    assert {each["code"] for each in session.told} <= KNOWN


def _alert(data: bytes, chance: random.Random) -> None:
    mapping = chance.choice(
        [PLAIN, Mapping("csv", "comma", {"symbol": "1", "price": "2"}), Mapping("pipes", "comma")]
    )
    rules = Rules(mapping) if mapping is not PLAIN else NO_RULES
    for _, verdict in judge_all(data, chance.choice(["", "text/plain"]), NOW_US, rules):
        assert (verdict.alert is None) != (verdict.refused is None)
        if verdict.refused is not None:
            assert verdict.refused.code != "defect", verdict.refused
            told = verdict.refused.field + verdict.refused.reason
            assert "\0" not in told.encode().decode()  # what PostgreSQL takes


def _body(data: bytes, chance: random.Random) -> None:
    header = chance.choice([data.decode("latin-1"), "t=1,hmac=00", ""])
    post = Post(PEER, data, header[:60], "k", header[:9], "s", data, header, 0.0)
    assert all(isinstance(piece, bytes) for piece in posts._pieces(data))
    posts._message_of(post)
    pieces = posts._lines(data)
    try:
        _, rest = posts._hello(post, pieces)
    except SessionError as error:
        assert error.code == "protocol"  # noqa: PT017 - the loop goes on
    else:
        session = Spoken(fresh_journal(), 7)
        for piece in rest:
            session.feed_message(piece)
        try:
            session.works()
        except SessionError as error:
            assert error.code == "protocol"  # noqa: PT017 - a second hello
    try:
        _check_header(CORRUPTION_ONLY, header, data)
    except Refused as refused:
        assert refused.code == "digest"  # noqa: PT017 - the loop goes on


_HELLO = {"type": "hello", "protocol": 1, "client": "A", "key": "k", "platform": "mt5"}
_BODY = lines({**_HELLO, "stream": "s"}, tick(1), order(2))
PARSERS: dict[str, tuple[list[bytes], Callable[[bytes, random.Random], None]]] = {
    "lines": ([_LINES], _spoken(_stream, frozenset())),
    "binary and deflate": (
        [_NAMES + _BATCH, wire.stream_block(_DEFLATED), _NAMES + _BATCH + _LINES],
        _spoken(_stream, FEATURES),
    ),
    "frames": ([_BATCH, _DEFLATED, _LINES], _spoken(_frames, FEATURES)),
    "plain dialect": (PLAIN_TEXTS, _plain),
    "webhooks": (ALERTS, _alert),
    "http bodies": ([_BODY, b"[" + _BODY.replace(b"\n", b",")[:-1] + b"]", *PLAIN_TEXTS], _body),
}


@pytest.mark.parametrize("name", PARSERS)
def test_no_mutated_input_breaks_a_parser(name: str) -> None:
    samples, check = PARSERS[name]
    assert fuzz(name, samples, check) > 0
