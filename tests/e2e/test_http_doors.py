"""Both HTTP doors, Daphne's and the gateway's: alike in what they answer, and hard to upset."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.bridge import LiveBridge

MIB = 1024 * 1024
QUOTE = {"symbol": "DOORUSD", "bid": 1.08123, "ask": 1.08125, "time": 1_700_000_000}
PINE = {"symbol": "DOORBTC", "time": 1_700_000_000_000, "open": 1, "high": 2, "low": 1, "close": 2}
Answer = tuple[int, dict[str, Any]]


def ask(
    port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def doors(bridge: LiveBridge) -> dict[str, int]:
    return {"daphne": bridge.http_port, "uvicorn": bridge.gateway_http_port}


def tick(seq: int, **changes: Any) -> dict[str, Any]:
    quote = {"symbol": "EURUSD", "bid": 1.1, "ask": 1.2, "time_ms": int(time.time() * 1000)}
    return {"type": "tick", "seq": seq, **quote, **changes}


def encoded(*content: Any) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in content)


FORM = urllib.parse.urlencode({"message": json.dumps(PINE | {"symbol": "DOORFORM"})}).encode()
CASES: dict[str, tuple[str, str, bytes, dict[str, str], int]] = {
    "a quote": ("POST", "/api/data", encoded(QUOTE), {}, 200),
    "lines": ("POST", "/api/data", encoded(QUOTE, QUOTE), {}, 200),
    "an array": ("POST", "/api/data", json.dumps([QUOTE, QUOTE]).encode(), {}, 200),
    "zero bytes": ("POST", "/api/data", encoded(QUOTE) + b"\0", {"content-type": "image/png"}, 200),
    "an alert": ("POST", "/api/bridge", encoded(PINE), {}, 200),
    "a form": (
        "POST", "/api/bridge/", FORM, {"content-type": "application/x-www-form-urlencoded"}, 200,
    ),
    "nothing": ("POST", "/api/data", b"", {}, 400),
    "no JSON": ("POST", "/api/data", b"nonsense", {}, 400),
    "a bad price": ("POST", "/api/data", encoded(QUOTE | {"bid": "x"}), {}, 400),
    "a list as type": ("POST", "/api/data", b'{"type":["tick"],"seq":1}', {}, 400),
    "another method": ("GET", "/api/data", b"", {}, 405),
    "DELETE": ("DELETE", "/api/bridge/x", b"", {}, 405),
    "an unknown key": ("POST", "/api/data", encoded(tick(1)), {"authorization": "Bearer x"}, 400),
    "an unknown key that says hello": (
        "POST", "/api/data", encoded(tick(1)),
        {"authorization": "Bearer x", "x-bridge-client": "A", "x-bridge-stream": "s"}, 401,
    ),
    "an unknown address": ("POST", "/api/bridge/fks_a_b", encoded(PINE), {}, 403),
    "a forwarded one": ("POST", "/api/data", encoded(QUOTE), {"x-forwarded-for": "1.2.3.4"}, 401),
    "half a mebibyte": ("POST", "/api/data", b" " * (MIB // 2) + encoded(QUOTE), {}, 200),
    "too much": ("POST", "/api/data", b"x" * 2 * MIB, {}, 413),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_both_doors_give_the_same_answer(bridge: LiveBridge, case: str) -> None:
    method, path, body, headers, status = CASES[case]
    answers = {name: ask(port, method, path, body, headers) for name, port in doors(bridge).items()}
    assert answers["daphne"] == answers["uvicorn"]
    assert answers["daphne"][0] == status


def test_a_stream_begun_at_one_door_goes_on_at_the_other(bridge: LiveBridge) -> None:
    key = bridge.issue_key("BOTHDOORS")
    about = {
        "authorization": f"Bearer {key}", "x-bridge-client": "BOTHDOORS", "x-bridge-stream": "s",
    }  # fmt: skip
    told = []
    for number, port in enumerate([*doors(bridge).values()] * 2):
        body = encoded(tick(2 * number + 1), tick(2 * number + 2, bid=-(number % 2)))
        status, answer = ask(port, "POST", "/api/data", body, about)
        rejected = [each["seq"] for each in answer["rejects"]]
        told.append((status, answer["resume"], answer["ack"], rejected))
    assert told == [(200, 1, 2, [2]), (200, 3, 4, [4]), (200, 5, 6, [6]), (200, 7, 8, [8])]
    bridge.wait_for_stats("BOTHDOORS", produced=8, stored=4, refused=4, lost=0, open_sessions=0)


# Slow and hostile.

HEAD = b"POST /api/data HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@contextmanager
def dialled(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def first_line(connection: socket.socket) -> bytes:
    """The status line, or nothing when the door closed without a word."""
    data = b""
    while b"\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            break
        data += piece
    return data.partition(b"\r\n")[0]


@pytest.fixture(params=["daphne", "uvicorn"])
def port(bridge: LiveBridge, request: pytest.FixtureRequest) -> Iterator[int]:
    """One door; after the test it must answer as if nothing had happened."""
    number = doors(bridge)[request.param]
    yield number
    assert ask(number, "POST", "/api/data", encoded(QUOTE)) == (200, {"status": "success"})
    assert bridge.is_healthy()


@pytest.mark.parametrize(
    "half",
    [
        b"POST /api/da",
        HEAD,
        HEAD + b"Content-Length: 100\r\n\r\n" + b'{"symbol":"HALFUSD","bid":1,"ask":1,"time":1}',
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"sym',
    ],
    ids=["half a line", "half the headers", "half a body", "half a chunk"],
)
def test_half_a_request_is_not_taken_for_a_whole_one(
    bridge: LiveBridge, port: int, half: bytes
) -> None:
    with dialled(port) as connection:
        connection.sendall(half)
        connection.shutdown(socket.SHUT_WR)
        assert b" 200 " not in first_line(connection)


def test_a_body_that_comes_byte_by_byte_is_taken_and_holds_up_nobody(
    bridge: LiveBridge, port: int
) -> None:
    body = encoded(QUOTE | {"symbol": "SLOWUSD"})
    with dialled(port) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        worst = 0.0
        for at in range(len(body)):
            connection.sendall(body[at : at + 1])
            if at % 20 == 0:
                started = time.monotonic()
                assert ask(port, "POST", "/api/data", encoded(QUOTE))[0] == 200
                worst = max(worst, time.monotonic() - started)
        assert first_line(connection).startswith(b"HTTP/1.1 200 ")
    assert worst < 2


def test_a_chunked_body_is_taken(port: int) -> None:
    body = encoded(QUOTE)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    with dialled(port) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert first_line(connection).startswith(b"HTTP/1.1 200 ")


def test_two_mebibytes_in_chunks_are_refused(port: int) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with dialled(port) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.sendall(chunk * 32 + b"0\r\n\r\n")
        assert b" 413 " in first_line(connection)


@pytest.mark.parametrize("length", [b"-5", b"x", b"1e3", b"5, 6"])
def test_a_content_length_that_is_none_is_refused(port: int, length: bytes) -> None:
    with dialled(port) as connection:
        connection.sendall(HEAD + b"Content-Length: " + length + b"\r\n\r\n" + encoded(QUOTE))
        connection.shutdown(socket.SHUT_WR)
        assert b" 200 " not in first_line(connection)


def test_a_content_length_that_is_too_short_cuts_the_body_and_is_refused(port: int) -> None:
    with dialled(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 10\r\n\r\n" + encoded(QUOTE))
        assert first_line(connection).startswith(b"HTTP/1.1 400 ")


def test_a_thousand_bytes_of_nonsense_are_no_request(port: int) -> None:
    with dialled(port) as connection:
        connection.sendall(b"\x16\x03\x01\x02" + b"\xff\0" * 500 + b"\r\n\r\n")
        assert b" 200 " not in first_line(connection)
