"""Terminals at the TCP door: what they say, what they are answered, what is stored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.bridge import LiveBridge, Terminal, wait_for


def now_ms() -> int:
    return int(time.time() * 1000)


def tick(seq: int, symbol: str = "EURUSD", **changes: Any) -> dict[str, Any]:
    quote = {"bid": 1.0812, "ask": 1.0814, "time_ms": now_ms()}
    return {"type": "tick", "seq": seq, "symbol": symbol, **quote, **changes}


@pytest.fixture(scope="module")
def key(bridge: LiveBridge) -> str:
    return bridge.issue_key("GATEWAY", scopes="ingest,signals,replay")


@pytest.fixture
def terminal(bridge: LiveBridge) -> Iterator[Terminal]:
    with Terminal(bridge) as connected:
        yield connected


def test_a_first_hello_is_welcomed_at_number_one(terminal: Terminal, key: str) -> None:
    assert terminal.hello("GATEWAY", key, "first")["resume"] == 1


def test_a_tick_is_acknowledged_and_after_a_reconnect_the_next_number_is_wanted(
    bridge: LiveBridge, terminal: Terminal, key: str
) -> None:
    terminal.hello("GATEWAY", key, "resume")
    terminal.send(tick(1), tick(2), tick(3))
    assert terminal.read_until("ack", seq=3)
    terminal.close()
    with Terminal(bridge) as again:
        assert again.hello("GATEWAY", key, "resume")["resume"] == 4


def test_what_was_sent_twice_is_stored_once_and_counted(bridge: LiveBridge) -> None:
    key = bridge.issue_key("TWICE")
    for _ in range(2):
        with Terminal(bridge) as terminal:
            terminal.hello("TWICE", key, "s")
            terminal.send(*(tick(seq) for seq in range(1, 11)))
            terminal.send({"type": "ping", "t": 1})
            terminal.read_until("pong")
    bridge.wait_for_stats("TWICE", produced=10, stored=10, duplicates=10, lost=0, refused=0)


def test_a_crossed_quote_is_kept(bridge: LiveBridge) -> None:
    key = bridge.issue_key("CROSSED")
    with Terminal(bridge) as terminal:
        terminal.hello("CROSSED", key, "s")
        terminal.send(tick(1, bid=1.2, ask=1.1))
        assert terminal.read() == {"type": "ack", "seq": 1}
    bridge.wait_for_stats("CROSSED", stored=1, refused=0)


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        ({"bid": -1}, "price", "bid"),
        ({"ask": 0}, "price", "ask"),
        ({"bid": float("nan")}, "not_finite", "bid"),
        ({"ask": float("inf")}, "not_finite", "ask"),
        ({"bid": "1.08"}, "type", "bid"),
        ({"ask": None}, "type", "ask"),
        ({"bid": True}, "type", "bid"),
        ({"time_ms": 1e15}, "time", "time_ms"),
        ({"time_ms": 4102444800000}, "time", "time_ms"),
        ({"time_ms": 5}, "time", "time_ms"),
        ({"volume": -1}, "range", "volume"),
        ({"symbol": ""}, "range", "symbol"),
        ({"symbol": "EUR\u0000USD"}, "symbol", "symbol"),
        ({"symbol": 7}, "type", "symbol"),
    ],
)
def test_a_bad_tick_is_refused_by_name_and_uses_up_its_number(
    terminal: Terminal, key: str, bad: dict[str, Any], code: str, field: str
) -> None:
    resume = terminal.hello("GATEWAY", key, "bad")["resume"]
    terminal.send(tick(resume, **bad), tick(resume + 1))
    reject = terminal.read_until("reject")
    assert (reject["seq"], reject["code"], reject["field"]) == (resume, code, field)
    assert terminal.read_until("ack", seq=resume + 1)


def test_one_bad_row_of_a_batch_is_refused_and_the_others_are_stored(bridge: LiveBridge) -> None:
    key = bridge.issue_key("ROWS")
    rows: list[list[Any]] = [[now_ms(), 1.1, 1.2, 1] for _ in range(5)]
    rows[1][1] = float("nan")
    rows[3] = [now_ms(), "1.1", 1.2, 1]
    with Terminal(bridge) as terminal:
        terminal.hello("ROWS", key, "s")
        terminal.send({"type": "ticks", "seq": 1, "symbol": "GBPUSD", "ticks": rows})
        assert terminal.read_until("reject")["seq"] == 2
        assert terminal.read_until("reject")["seq"] == 4
        assert terminal.read_until("ack", seq=5)
    bridge.wait_for_stats("ROWS", produced=5, stored=3, refused=2)


def test_missing_numbers_are_asked_for(terminal: Terminal, key: str) -> None:
    terminal.hello("GATEWAY", key, "missing")
    terminal.send(tick(1), tick(4))
    assert terminal.read_until("resend") == {"type": "resend", "from": 2}
    terminal.send(tick(2), tick(3), tick(4))
    assert terminal.read_until("ack", seq=4)


def test_a_gap_that_the_terminal_declares_is_recorded(bridge: LiveBridge) -> None:
    key = bridge.issue_key("GAP")
    with Terminal(bridge) as terminal:
        terminal.hello("GAP", key, "s")
        terminal.send(tick(1), {"type": "gap", "from": 2, "to": 6}, tick(7))
        assert terminal.read_until("ack", seq=7)
    bridge.wait_for_stats("GAP", produced=7, stored=2, lost=5, gaps=1)


def test_the_newer_of_two_sessions_on_a_stream_wins(
    bridge: LiveBridge, terminal: Terminal, key: str
) -> None:
    terminal.hello("GATEWAY", key, "twins")
    terminal.send(tick(1))
    terminal.read_until("ack", seq=1)
    with Terminal(bridge) as newer:
        assert newer.hello("GATEWAY", key, "twins")["resume"] == 2
        assert terminal.read_until("error")["code"] == "superseded"
        newer.send(tick(2))
        assert newer.read_until("ack", seq=2)


def test_a_bar_and_an_indicator_are_stored(bridge: LiveBridge) -> None:
    key = bridge.issue_key("BARS")
    bar = {"symbol": "AUDUSD", "period": "M1", "time_ms": now_ms() // 60_000 * 60_000}
    prices = {"open": 1.1, "high": 1.3, "low": 1.0, "close": 1.2, "volume": 3}
    value = {"type": "indicator", "symbol": "AUDUSD", "name": "sma", "value": 1.15}
    with Terminal(bridge) as terminal:
        terminal.hello("BARS", key, "s")
        terminal.send(
            {"type": "bar", "seq": 1, **bar, **prices, "stamp": "open", "closed": True},
            {**value, "seq": 2, "time_ms": now_ms()},
            {"type": "bar", "seq": 3, **bar, **prices, "low": 2, "stamp": "open", "closed": True},
        )
        reject = terminal.read_until("reject")
        assert (reject["seq"], reject["code"]) == (3, "ohlc")
        assert terminal.read_until("ack", seq=3)
    bridge.wait_for_stats("BARS", produced=3, stored=2, refused=1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": "fks_nonsense"}, "auth"),
        ({"client": "SOMEBODY"}, "auth"),
        ({"protocol": 2}, "protocol"),
        ({"platform": "abacus"}, "protocol"),
        ({"mode": "replay"}, None),
    ],
)
def test_a_hello_that_opens_nothing_is_told_why(
    terminal: Terminal, key: str, change: dict[str, Any], code: str | None
) -> None:
    told = {"type": "hello", "protocol": 1, "client": "GATEWAY", "key": key, "platform": "mt5"}
    terminal.send({**told, "stream": "opens", **change})
    assert terminal.read().get("code") == code


def test_a_revoked_key_ends_its_session_within_a_second(bridge: LiveBridge) -> None:
    key = bridge.issue_key("REVOKED")
    with Terminal(bridge) as terminal:
        terminal.hello("REVOKED", key, "s")
        bridge.manage("revoke_key", key[:14])
        started = time.monotonic()
        assert terminal.read_until("error")["code"] == "revoked"
        assert terminal.read() == {}
        assert time.monotonic() - started < 1
    with Terminal(bridge) as again:
        assert again.hello("REVOKED", key, "s")["code"] == "revoked"


def test_a_long_line_is_skipped_and_the_session_goes_on(terminal: Terminal, key: str) -> None:
    resume = terminal.hello("GATEWAY", key, "long")["resume"]
    terminal.send_bytes(b"x" * 70_000 + b"\n")
    assert terminal.read_until("reject")["code"] == "too_long"
    terminal.send(tick(resume))
    assert terminal.read_until("ack", seq=resume)


def test_a_mebibyte_without_an_end_of_line_ends_the_session(terminal: Terminal, key: str) -> None:
    terminal.hello("GATEWAY", key, "flood")
    terminal.send_bytes(b"x" * 1_100_000)
    assert terminal.read_until("error")["code"] == "limit"


def test_a_message_split_anywhere_is_understood(terminal: Terminal, key: str) -> None:
    import json

    resume = terminal.hello("GATEWAY", key, "split")["resume"]
    for byte in json.dumps(tick(resume)).encode() + b"\r\n":
        terminal.send_bytes(bytes([byte]))
    assert terminal.read_until("ack", seq=resume)


def test_refusals_are_kept_where_the_operator_reads_them(bridge: LiveBridge) -> None:
    key = bridge.issue_key("REFUSED")
    with Terminal(bridge) as terminal:
        terminal.hello("REFUSED", key, "s")
        terminal.send_bytes(b"\xff\xfe noise\n")
        assert terminal.read_until("reject")["code"] == "json"
        terminal.send(tick(1, bid=0))
        assert terminal.read_until("ack", seq=1)
    wait_for(lambda: bridge.stats("REFUSED")["refused"] == 1, 10, "the refusal")
