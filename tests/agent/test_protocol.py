"""The words of the protocol, one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.errors import ProtocolError
from agent.protocol import (
    Ack,
    Command,
    Config,
    Ended,
    Identity,
    Incoming,
    Ping,
    Pong,
    Reject,
    Resend,
    Signal,
    Welcome,
    decode,
    encode,
    gap,
    price_text,
    signal_ack,
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"type":"welcome","session":"s","resume":7,"server_time_ms":9,"config":{"batch":5}}',
            Welcome("s", 7, 9, {"batch": 5}),
        ),
        ('{"type":"welcome","session":"s","resume":1}', Welcome("s", 1, 0, {})),
        ('{"type":"ack","seq":12}', Ack(12)),
        ('{"seq":12,"type":"ack","more":true}', Ack(12)),
        ('{"type":"resend","from":3}', Resend(3)),
        (
            '{"type":"reject","seq":3,"code":"price","field":"bid","reason":"below zero"}',
            Reject(3, "price", "bid", "below zero"),
        ),
        ('{"type":"reject","code":"json"}', Reject(None, "json", "", "")),
        ('{"type":"error","code":"auth","reason":"who?"}', Ended("auth", "who?")),
        ('{"type":"config","symbols":["EURUSD"]}', Config(None, {"symbols": ["EURUSD"]})),
        ('{"type":"config","id":4,"settings":{"batch":5}}', Config("4", {"batch": 5})),
        (
            '{"type":"command","id":"k","name":"backfill","args":{"symbol":"EURUSD"}}',
            Command("k", "backfill", {"symbol": "EURUSD"}),
        ),
        ('{"type":"ping","t":1.5}', Ping(1.5)),
        ('{"type":"pong"}', Pong(None)),
        ('{"type":"rainbow"}', None),
    ],
)
def test_what_the_bridge_says_is_understood(line: str, message: Incoming | None) -> None:
    assert decode(line.encode()) == message


def test_a_signal_is_read_in_full() -> None:
    line = encode(
        {
            "type": "signal",
            "id": "a",
            "symbol": "EURUSD.£",
            "action": "BUY",
            "entry": 1.1,
            "stop_loss": 1.09,
            "take_profit": 1.12,
            "confidence": 0.7,
            "note": "by hand",
            "source": "operator",
            "expires_ms": 1000,
            "execute": True,
        }
    )
    assert decode(line) == Signal(
        "a", "EURUSD.£", "BUY", 1.1, 1.09, 1.12, 0.7, "by hand", "operator", 1000, True
    )


def test_a_signal_that_says_little_is_only_drawn() -> None:
    signal = decode(b'{"type":"signal","id":"a","symbol":"EURUSD","action":"CLOSE"}')
    assert signal == Signal("a", "EURUSD", "CLOSE")
    assert isinstance(signal, Signal)
    assert not signal.execute
    assert not signal.expired(10**15)


@pytest.mark.parametrize("flag", ["1", '"yes"', "null", "false"])
def test_only_a_true_true_lets_a_signal_be_executed(flag: str) -> None:
    line = f'{{"type":"signal","id":"a","symbol":"X","action":"BUY","execute":{flag}}}'
    signal = decode(line.encode())
    assert isinstance(signal, Signal)
    assert not signal.execute


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "7",
        "[]",
        "{",
        "{}",
        '{"type":[]}',
        '{"type":"ack"}',
        '{"type":"ack","seq":"many"}',
        '{"type":"ack","seq":null}',
        '{"type":"welcome","session":"s"}',
        '{"type":"signal","id":"a"}',
        '{"type":"signal","id":"a","symbol":"X","action":"BUY","entry":"high"}',
        '{"type":"command","id":"k"}',
    ],
)
def test_what_cannot_be_read_is_a_fault_that_shows_the_line(line: str) -> None:
    with pytest.raises(ProtocolError) as fault:
        decode(line.encode())
    assert repr(line) in str(fault.value)


def test_a_hello_leaves_out_what_is_not_known() -> None:
    hello: dict[str, Any] = json.loads(Identity("CQG", "key", "ninjatrader").hello("s-1"))
    assert set(hello) == {"type", "protocol", "client", "key", "platform", "stream"}


def test_a_hello_says_all_that_is_known() -> None:
    identity = Identity(
        "ICM-LIVE",
        "key",
        "mt5",
        mode="replay",
        version="5.00",
        instance="chart 1",
        account="4711",
        utc_offset_s=0,
        symbols=("EURUSD", "USDJPY"),
    )
    hello = json.loads(identity.hello("s-1"))
    assert hello["mode"] == "replay"
    assert hello["utc_offset_s"] == 0
    assert hello["symbols"] == ["EURUSD", "USDJPY"]
    assert (hello["version"], hello["instance"], hello["account"]) == ("5.00", "chart 1", "4711")


def test_words_without_a_number_are_compact_json() -> None:
    assert gap(3, 9) == b'{"type":"gap","from":3,"to":9}'
    details = {"ticket": "7", "price": 1.1}
    assert signal_ack("a", "executed", details) == (
        b'{"type":"signal_ack","id":"a","state":"executed","ticket":"7","price":1.1}'
    )


@pytest.mark.parametrize("price", [1.08123, 0.1 + 0.2, 1e-7, 64214.3, 5, 1e22])
def test_a_price_reads_back_as_itself(price: float) -> None:
    assert json.loads(price_text(price)) == price


@pytest.mark.parametrize("price", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_no_price(price: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        price_text(price)
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"bid": price})
