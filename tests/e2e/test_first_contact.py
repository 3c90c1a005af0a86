"""The dialect of the founding sketch works exactly as written, from loopback."""

from __future__ import annotations

import json
import socket
import urllib.parse

import pytest

from tests.e2e.bridge import LiveBridge, wait_for

QUOTE = b'{"symbol":"%s","bid":1.08123,"ask":1.08125,"time":1700000000,"volume":12}'
PINE = {
    "exchange": "BINANCE",
    "time": 1700000000000,
    "open": 37000.5,
    "high": 37100,
    "low": 36900,
    "close": 37050,
    "volume": 12.5,
    "sma_14": 37010.25,
    "rsi": 55.1,
}


def send_plain(bridge: LiveBridge, *parts: bytes) -> None:
    with socket.create_connection(("127.0.0.1", bridge.tcp_port), timeout=5) as connection:
        for part in parts:
            connection.sendall(part)


def has_quotes(bridge: LiveBridge, symbol: str) -> bool:
    try:
        return bool(bridge.manage("quotes", symbol))
    except AssertionError:  # not known yet
        return False


@pytest.mark.parametrize("separator", [b"", b"\n", b"\0", b"\r\n", b"\0\n"])
def test_bare_quotes_are_stored_with_or_without_a_separator(
    bridge: LiveBridge, separator: bytes
) -> None:
    before = bridge.stats("local-mt5")["stored"] if _is_known(bridge, "local-mt5") else 0
    data = separator.join([QUOTE % b"EURUSD"] * 5) + separator
    send_plain(bridge, data[:37], data[37:100], data[100:])
    bridge.wait_for_stats("local-mt5", stored=before + 5)


def _is_known(bridge: LiveBridge, client: str) -> bool:
    try:
        bridge.stats(client)
    except AssertionError:
        return False
    return True


def test_one_connection_for_each_message_as_ninjatrader_does(bridge: LiveBridge) -> None:
    for close in (5120.25, 5121.5):
        message = {"symbol": "ES 12-26", "time": "11/20/2026 9:30:00 AM", "close": close}
        send_plain(bridge, json.dumps({**message, "sma": 5118.5}).encode())
    # Each message is a bar value and its indicator.
    bridge.wait_for_stats("local-ninjatrader", stored=4, refused=0)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "image/png", ""])
def test_a_quote_may_be_posted_with_any_content_type(bridge: LiveBridge, content_type: str) -> None:
    body = QUOTE % b"GBPUSD" + b"\0"
    answer = bridge.post("/api/data", body, content_type=content_type)
    assert answer == (200, {"status": "success"})


def test_a_bad_post_is_answered_with_the_reason(bridge: LiveBridge) -> None:
    status, answer = bridge.post("/api/data", b'{"symbol":"EURUSD","bid":"x","ask":1,"time":1}')
    assert status == 400
    assert (answer["status"], "bid" in answer["message"]) == ("error", True)


def test_a_webhook_body_is_taken_as_json_or_as_a_form_field(bridge: LiveBridge) -> None:
    text = json.dumps({"symbol": "FIRSTUSD", **PINE})
    assert bridge.post("/api/bridge", text.encode()) == (200, {"status": "success"})
    before = settled(bridge, "local-tradingview")  # other tests post as the same client
    form = urllib.parse.urlencode({"message": text}).encode()
    kind = "application/x-www-form-urlencoded"
    assert bridge.post("/api/bridge", form, content_type=kind) == (200, {"status": "success"})
    # A bar and two indicators.
    bridge.wait_for_stats("local-tradingview", stored=before + 3)


def settled(bridge: LiveBridge, client: str) -> int:
    """How many items are stored once no more come."""
    seen = [-1, -2]

    def is_settled() -> bool:
        seen[:] = seen[1], bridge.stats(client)["stored"]
        return seen[0] == seen[1] > 0

    wait_for(is_settled, 30, f"the items of {client}")
    return seen[1]


def test_a_forwarded_request_needs_a_key(bridge: LiveBridge) -> None:
    headers = {"x_forwarded_for": "203.0.113.9"}
    status, answer = bridge.post("/api/data", QUOTE % b"EURUSD", **headers)
    assert (status, answer["code"]) == (401, "auth")


def test_the_reading_side_is_open_to_loopback(bridge: LiveBridge) -> None:
    assert bridge.post("/api/data", QUOTE % b"USDJPY")[0] == 200
    wait_for(lambda: has_quotes(bridge, "USDJPY"), 15, "the quote to be stored")
    assert bridge.get_json("/api/v1/config")["supports_search"] is True
    assert bridge.get_json("/api/v1/symbols?symbol=USDJPY")["name"] == "USDJPY"
    history = bridge.get_json("/api/v1/history?symbol=USDJPY&resolution=1&from=0&to=1700000060")
    assert history["s"] == "ok"
    assert history["t"] == [1699999980]
    with bridge.get("/api/v1/time") as response:
        assert response.read().isdigit()
