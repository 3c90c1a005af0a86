"""The other programs for MetaTrader 5: web requests, the indicator, ZeroMQ, the self-test."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import zmq

from agent import binary
from tests.e2e.bridge import LiveBridge, wait_for
from tests.terminals.conftest import Launch
from tests.terminals.proxy import Faults, Proxy
from tests.terminals.scripted import scripted_bridge
from tests.terminals.test_mt5_expert import all_acknowledged, is_connected, push, quotes

pytestmark = pytest.mark.requires("g++")

WEB, INDICATOR = "Experts/FKSWebRequest.mq5", "Indicators/FKSBridge.mq5"
ZEROMQ, SELF_TEST = "Experts/FKSBridgeZmq.mq5", "Scripts/FKSBridgeTest.mq5"
_names = itertools.count(1)


@pytest.fixture
def client() -> str:
    return f"MT5-OTHER-{next(_names)}-{time.time_ns() % 1_000_000}"


# Web requests.


def test_web_requests_bring_every_tick_once_and_fetch_signals(
    bridge: LiveBridge, client: str, launch: Launch
) -> None:
    url = f"http://127.0.0.1:{bridge.gateway_http_port}"
    terminal = launch(
        WEB, InpClient=client, InpKey=bridge.issue_key(client), InpUrl=url, InpIntervalMs=100
    )
    terminal.start()
    time.sleep(0.2)
    rows = quotes(3000, terminal.now_ms + 1000)
    terminal.ticks("EURUSD", rows[:1000])
    terminal.wait_for_journal("Allow WebRequest for listed URL")
    terminal.set("allow_url", url)
    terminal.ticks("EURUSD", rows[1000:])
    bridge.wait_for_stats(client, produced=3000, stored=3000, lost=0, refused=0)
    signal = push(bridge, client)
    state = terminal.wait_for(lambda state: len(state["objects"]) == 5, "the drawing")
    assert state["objects"][0]["name"] == f"1/FKS_{signal}_arrow"
    terminal.wait_for(all_acknowledged, "everything to be acknowledged")


def test_a_web_request_with_a_wrong_key_is_refused_for_good(
    bridge: LiveBridge, client: str, launch: Launch
) -> None:
    url = f"http://127.0.0.1:{bridge.gateway_http_port}"
    terminal = launch(WEB, InpClient=client, InpKey="fks_wrong", InpUrl=url)
    terminal.set("allow_url", url)
    terminal.start()
    terminal.wait_for(lambda state: "Issue a key" in str(state["alerts"]), "the alert")


class Answers(HTTPServer):
    """Keeps what was posted and answers from a list, the last one for ever."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.posts: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Answering)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[Answers]:
        thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class Answering(BaseHTTPRequestHandler):
    server: Answers

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), body))
        answers = self.server.answers
        status, content = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name is given
        """Nothing on the test run's screen."""


_GOOD = b'{"status":"success","resume":1,"ack":null,"rejects":[],"resend":[],"signals":[]}'


def test_a_request_is_signed_over_time_and_body(launch: Launch) -> None:
    with Answers((200, _GOOD)).serving() as server:
        terminal = launch(WEB, InpClient="C", InpKey="k", InpSecret="s3cret", InpUrl=server.url)
        terminal.set("allow_url", server.url)
        terminal.start()
        wait_for(lambda: bool(server.posts), 10, "a request")
        headers, body = server.posts[0]
    moment, _, proof = headers["X-Bridge-Signature"].removeprefix("t=").partition(",hmac=")
    assert abs(int(moment) - time.time()) < 30
    signed = moment.encode() + b"." + body
    assert proof == hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert headers["Authorization"] == "Bearer k"
    assert json.loads(body.splitlines()[0])["type"] == "hello"


def test_no_two_signed_requests_are_alike_though_nothing_happens(launch: Launch) -> None:
    with Answers((200, _GOOD)).serving() as server:
        given = {"InpSecret": "s3cret", "InpUrl": server.url, "InpIntervalMs": 50}
        terminal = launch(WEB, InpClient="C", InpKey="k", **given)
        terminal.set("allow_url", server.url)
        terminal.start()
        wait_for(lambda: len(server.posts) >= 6, 10, "six requests")
        proofs = [headers["X-Bridge-Signature"] for headers, _ in server.posts]
        assert len(set(proofs)) == len(proofs)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((503, b'{"status":"error","code":"busy","message":"Later."}'), "answered 503"),
        ((502, b"<html>Bad Gateway</html>"), "answered 502"),
        ((400, b'{"status":"error","code":"limit","message":"Too long."}'), "Too long. (limit)"),
    ],
)
def test_a_request_that_fails_is_made_again(
    launch: Launch, answer: tuple[int, bytes], problem: str
) -> None:
    with Answers(answer, (200, _GOOD)).serving() as server:
        terminal = launch(WEB, InpClient="C", InpKey="k", InpUrl=server.url, InpIntervalMs=50)
        terminal.set("allow_url", server.url)
        terminal.start()
        terminal.wait_for(is_connected, "a session at the second attempt")
        assert problem in str(terminal.journal)


def test_a_web_door_that_is_closed_or_silent_is_explained(launch: Launch, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    terminal = launch(WEB, InpClient="C", InpKey="k", InpUrl=url, InpTimeoutMs=200)
    terminal.set("allow_url", url)
    terminal.start()
    terminal.wait_for_journal("is the bridge running there")
    with socket.create_server(("127.0.0.1", free_port)):
        terminal.wait_for_journal("did not answer in time")


@pytest.mark.parametrize("program", [WEB, INDICATOR, ZEROMQ])
def test_a_program_without_client_and_key_says_what_to_enter(launch: Launch, program: str) -> None:
    terminal = launch(program)
    assert terminal.start() == 2
    assert "enter InpClient and InpKey" in terminal.state["alerts"][0]


@pytest.mark.usefixtures("real_libzmq")
@pytest.mark.parametrize("program", [WEB, INDICATOR, ZEROMQ])
def test_the_same_instance_on_a_second_chart_is_refused(launch: Launch, program: str) -> None:
    first = launch(program, InpClient="TWICE", InpKey="k")
    second = launch(program, InpClient="TWICE", InpKey="k")
    assert (first.start(), second.start()) == (0, 1)
    assert "another InpInstance" in second.state["alerts"][0]


# The indicator.


def test_the_indicator_brings_ticks_and_values_and_draws_though_the_line_is_cut(
    bridge: LiveBridge, client: str, launch: Launch
) -> None:
    with Proxy(bridge.tcp_port, Faults(cut_at_ticks=[800])) as line:
        key = bridge.issue_key(client)
        terminal = launch(
            INDICATOR, InpClient=client, InpKey=key, InpPort=line.port, InpTimerMs=10,
            InpAverage=3, InpStrength=3, InpVolatility=3,
        )  # fmt: skip
        terminal.set("short_sends", 700)
        closes = [1.1, 1.2, 1.1, 1.3, 1.2]
        start_s = terminal.now_ms // 60000 * 60 - 300
        for minute, close in enumerate(closes):
            terminal.bar("EURUSD", 60, start_s + minute * 60, (close,) * 4)
        assert terminal.start() == 0
        time.sleep(0.2)
        terminal.ticks("EURUSD", quotes(2000, terminal.now_ms + 1000))
        bridge.wait_for_stats(client, produced=2003, stored=2003, lost=0, refused=0)
        values = {m["name"]: m["value"] for m in line.of_type("indicator")}
        changes = [math.log(b / a) for a, b in itertools.pairwise(closes[:4])]
        mean = sum(changes) / 3
        spread = math.sqrt(sum((c - mean) ** 2 for c in changes) / 2)
        expected = {"sma_3": 1.2, "rsi_3": 75.0, "volatility_3": spread}
        assert values == pytest.approx(expected, abs=1e-7)
        push(bridge, client)
        terminal.wait_for(lambda state: len(state["objects"]) == 5, "the drawing")
        assert line.connections == 2


@pytest.mark.parametrize(
    ("given", "why"),
    [({"InpHost": "localhost"}, "an IPv4 address in digits"), ({"InpHost": "1.2.3.256"}, "IPv4")],
)
def test_the_indicator_says_what_is_wrong_with_its_address(
    launch: Launch, given: dict[str, str], why: str
) -> None:
    terminal = launch(INDICATOR, InpClient="C", InpKey="k", **given)
    terminal.start()
    terminal.wait_for_journal(why)


def test_the_indicator_waits_for_a_bridge_that_is_not_there(launch: Launch, free_port: int) -> None:
    terminal = launch(INDICATOR, InpClient="C", InpKey="k", InpPort=free_port)
    terminal.start()
    terminal.wait_for_journal("is the bridge running there")
    assert terminal.state["longest_call_us"] < 500_000


@pytest.mark.parametrize("program", [INDICATOR, ZEROMQ])
def test_without_permission_for_dlls_the_user_is_told_to_tick_it(
    launch: Launch, program: str
) -> None:
    terminal = launch(program, InpClient="C", InpKey="k")
    terminal.set("dlls_allowed", False)
    assert terminal.start() == 1
    assert "Allow DLL imports" in terminal.state["alerts"][0]


def test_a_signal_to_be_executed_is_drawn_and_rejected_where_no_trade_is_possible(
    launch: Launch,
) -> None:
    with scripted_bridge() as told:
        terminal = launch(INDICATOR, InpClient="C", InpKey="k", InpPort=told.port)
        terminal.start()
        told.say(type="signal", id="x1", symbol="EURUSD", action="SELL", execute=True)
        answer = told.await_message("signal_ack", id="x1", state="rejected")
        assert answer["detail"] == "this program does not trade"
        names = [each["name"] for each in terminal.objects]
        assert names == ["1/FKS_x1_arrow", "1/FKS_x1_text"]


# ZeroMQ.


def whole_size(batch: bytes) -> int:
    count: int = binary.HEADER.unpack_from(batch)[3]
    return binary.HEADER.size + count * binary.RECORD.size


class Relay:
    """A ROUTER in front of a scripted bridge: one frame is one line, or one binary batch."""

    def __init__(self, gateway_port: int) -> None:
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self.port = self._router.bind_to_random_port("tcp://127.0.0.1")
        self._gateway_port = gateway_port
        self._lines: dict[bytes, socket.socket] = {}
        self._unread: dict[bytes, bytes] = {}
        self.torn = 0  # batches that were not a frame of their own
        self._stopping = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()
        for line in self._lines.values():
            line.close()
        self._router.close(0)
        self._context.term()

    def _run(self) -> None:
        while not self._stopping:
            if self._router.poll(5):
                name, frame = self._router.recv_multipart()
                is_batch = frame[0] == binary.BATCH_MAGIC
                self.torn += is_batch and len(frame) != whole_size(frame)
                self._line_of(name).sendall(frame if is_batch else frame + b"\n")
            for name, line in self._lines.items():
                self._pass_back(name, line)

    def _line_of(self, name: bytes) -> socket.socket:
        if name not in self._lines:
            self._lines[name] = socket.create_connection(("127.0.0.1", self._gateway_port))
            self._lines[name].settimeout(0.001)
        return self._lines[name]

    def _pass_back(self, name: bytes, line: socket.socket) -> None:
        try:
            data = self._unread.pop(name, b"") + line.recv(65536)
        except TimeoutError:
            return
        *whole, self._unread[name] = data.split(b"\n")
        for each in whole:
            self._router.send_multipart([name, each])


@pytest.fixture
def real_libzmq(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that pyzmq brings, for the program's imports."""
    (library,) = (Path(zmq.__file__).parents[1] / "pyzmq.libs").glob("libzmq*.so*")
    monkeypatch.setenv("MQL_LIBZMQ", str(library))


@pytest.mark.usefixtures("real_libzmq")
def test_over_zeromq_ticks_trades_and_signals_travel_a_frame_each(launch: Launch) -> None:
    with scripted_bridge(features=["binary"]) as told, Relay(told.port) as relay:
        terminal = launch(
            ZEROMQ, InpClient="C", InpKey="k", InpPeriods="", InpTellTrades=True,
            InpEndpoint=f"tcp://127.0.0.1:{relay.port}",
        )  # fmt: skip
        terminal.start()
        terminal.wait_for(is_connected, "a session")
        terminal.ticks("EURUSD", quotes(300, terminal.now_ms + 1000))
        terminal.command("order", 11, "EURUSD", 2, 0.5, 1.05)
        assert told.await_message("order", ticket=11)["event"] == "placed"
        wait_for(lambda: told.highest >= 303, 10, "account, order, account and 300 ticks")
        assert sum(len(m["ticks"]) for m in told.of_type("ticks") if "binary" in m) == 300
        assert relay.torn == 0
        told.signal("z1")
        terminal.wait_for(lambda state: len(state["objects"]) == 5, "the drawing")


@pytest.mark.usefixtures("real_libzmq")
def test_a_full_queue_of_zeromq_is_no_loss(launch: Launch) -> None:
    with scripted_bridge() as told, Relay(told.port) as relay:
        endpoint = f"tcp://127.0.0.1:{relay.port}"
        given = {"InpEndpoint": endpoint, "InpPeriods": "", "InpTellTrades": False}
        terminal = launch(ZEROMQ, InpClient="C", InpKey="k", **given)
        terminal.start()
        terminal.wait_for(is_connected, "a session")
        terminal.set("dll_fails", "zmq_send")
        terminal.ticks("EURUSD", quotes(9, terminal.now_ms + 1000))
        terminal.wait_for(lambda state: " 9 waiting" in state["comment"], "ticks that wait")
        terminal.set("dll_fails", "")
        wait_for(lambda: told.numbers(0) == list(range(1, 10)), 10, "nine ticks")
        assert len(told.hellos) == 1


@pytest.mark.usefixtures("real_libzmq")
@pytest.mark.parametrize(
    ("function", "why"),
    [("zmq_socket", "libzmq gave no socket (error 24)"), ("zmq_recv", "the connection was lost")],
)
def test_a_libzmq_that_fails_is_explained(launch: Launch, function: str, why: str) -> None:
    terminal = launch(ZEROMQ, InpClient="C", InpKey="k")
    terminal.set("dll_error", 24)
    terminal.set("dll_fails", function)
    terminal.start()
    terminal.wait_for_journal(why)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("WSAStartup", "Windows' sockets can't be started"),
        ("socket", "Windows gave no socket (error 10024)"),
    ],
)
def test_winsock_that_fails_is_explained(launch: Launch, function: str, why: str) -> None:
    terminal = launch(INDICATOR, InpClient="C", InpKey="k")
    terminal.set("dll_error", 10024)
    terminal.set("dll_fails", function)
    terminal.start()
    terminal.wait_for_journal(why)


def test_what_winsock_takes_later_is_sent_later(launch: Launch) -> None:
    with scripted_bridge() as told:
        terminal = launch(INDICATOR, InpClient="C", InpKey="k", InpPort=told.port)
        terminal.start()
        terminal.wait_for(is_connected, "a session")
        terminal.set("dll_error", 10035)
        terminal.set("dll_fails", "send")
        terminal.ticks("EURUSD", quotes(9, terminal.now_ms + 1000))
        terminal.wait_for(lambda state: " 9 waiting" in state["comment"], "ticks that wait")
        terminal.set("dll_fails", "")
        wait_for(lambda: told.numbers(0) == list(range(1, 10)), 10, "nine ticks")
        assert len(told.hellos) == 1


@pytest.mark.usefixtures("real_libzmq")
@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"InpEndpoint": "127.0.0.1:5555"}, "must be like tcp://127.0.0.1:5555"),
        ({"InpServerKey": "short"}, "not a CURVE key of 40 characters"),
    ],
)
def test_a_zeromq_input_that_is_wrong_is_explained(
    launch: Launch, given: dict[str, str], why: str
) -> None:
    terminal = launch(ZEROMQ, InpClient="C", InpKey="k", **given)
    terminal.start()
    terminal.wait_for_journal(why)


# The self-test.


def test_the_self_test_passes_every_step_against_a_bridge_that_is_well(
    bridge: LiveBridge, client: str, launch: Launch
) -> None:
    key = bridge.issue_key(client)
    terminal = launch(
        SELF_TEST, InpClient=client, InpKey=key, InpPort=bridge.tcp_port, InpSignalS=20
    )
    terminal.tick("EURUSD", terminal.now_ms, 1.1, 1.1002)
    pushing = threading.Thread(target=push, args=(bridge, client))
    pushing.start()
    terminal.start()
    pushing.join()
    head = "FKS Bridge test: "
    said = [line.removeprefix(head) for line in terminal.journal if line.startswith(head)]
    assert said[0].startswith("note    DLL imports are allowed")
    assert [line.split(maxsplit=1) for line in said[1:7]] == [
        ["OK", "inputs"],
        ["OK", f"connection to 127.0.0.1:{bridge.tcp_port}"],
        ["OK", f"key of {client}"],
        ["OK", "clock"],
        ["OK", "a quote of EURUSD"],
        ["OK", "one tick acknowledged"],
    ]
    assert said[-2:] == ["OK      a signal", "all is well"]


def test_the_self_test_passes_over_what_is_no_signal(launch: Launch) -> None:
    with scripted_bridge() as told:
        terminal = launch(SELF_TEST, InpClient="C", InpKey="k", InpPort=told.port, InpSignalS=20)
        terminal.tick("EURUSD", terminal.now_ms, 1.1, 1.1002)
        testing = threading.Thread(target=terminal.start)
        testing.start()
        told.await_message("tick", seq=1)
        told.say(type="config", id="c", batch=5)
        told.signal("t1")
        testing.join()
        assert terminal.journal[-1] == "FKS Bridge test: all is well"
        assert told.states("t1") == ["received"]


@pytest.mark.parametrize(
    ("trouble", "remedy"),
    [
        ("no key", "enter InpClient and InpKey"),
        ("not allowed", "Tools > Options > Expert Advisors"),
        ("no bridge", "is the bridge running there"),
        ("wrong key", "Issue a key on the bridge's page Clients"),
        ("no quote", "open Market Watch"),
        ("clock", "let Windows set its time"),
        ("no signal", "did you push one"),
    ],
)
def test_the_self_test_names_the_remedy_of_each_failure(
    bridge: LiveBridge, client: str, launch: Launch, free_port: int, trouble: str, remedy: str
) -> None:
    key = "fks_wrong" if trouble == "wrong key" else bridge.issue_key(client)
    terminal = launch(
        SELF_TEST,
        InpClient=client,
        InpKey="" if trouble == "no key" else key,
        InpHost="localhost" if trouble == "not allowed" else "127.0.0.1",
        InpPort=free_port if trouble == "no bridge" else bridge.tcp_port,
        InpSignalS=1 if trouble == "no signal" else 0,
    )
    if trouble != "no quote":
        terminal.tick("EURUSD", terminal.now_ms, 1.1, 1.1002)
    if trouble == "clock":
        terminal.set("clock_ms", 60_000)
    terminal.start()
    failed = [line for line in terminal.journal if "FAILED" in line]
    assert len(failed) == 1
    assert remedy in failed[0]
    assert terminal.journal[-1] == "FKS Bridge test: 1 failed"
