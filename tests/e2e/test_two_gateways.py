"""Two gateways and one set of workers: a client may be at either, and is never at both."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.bridge import PROJECT, LiveBridge, Terminal, free_ports, wait_for

pytestmark = pytest.mark.timeout(120)
NAME = "gateway.b"


class SecondGateway:
    """A gateway beside the bridge's own, on ports of its own."""

    def __init__(self, bridge: LiveBridge) -> None:
        self.bridge = bridge
        self.port, http_port = free_ports(2)
        ports = {"FKS_TCP_PORT": str(self.port), "FKS_GATEWAY_HTTP_PORT": str(http_port)}
        ports |= dict.fromkeys(("FKS_TLS_PORT", "FKS_ZMQ_PORT", "FKS_ZMQ_SUB_PORT"), "0")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "gateway"],
            cwd=PROJECT,
            env={**bridge.environ, **ports, "FKS_GATEWAY_NAME": NAME},
        )
        wait_for(lambda: self.state() == "ok", 30, "the second gateway")

    def state(self) -> str | None:
        """What the health page says of it; None when it misses nobody."""
        try:
            parts = self.bridge.get_json("/healthz")["parts"]
        except urllib.error.HTTPError as ailing:
            parts = json.load(ailing)["parts"]
        return parts.get(NAME)  # type: ignore[no-any-return]

    def end(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(10)


@pytest.fixture
def second(bridge: LiveBridge) -> Iterator[SecondGateway]:
    gateway = SecondGateway(bridge)
    yield gateway
    gateway.end(signal.SIGTERM)


def ticks(first: int, count: int) -> dict[str, Any]:
    now_ms = int(time.time() * 1000)
    rows = [[now_ms, 1.1, 1.1002] for _ in range(count)]
    return {"type": "ticks", "symbol": "EURUSD", "seq": first, "ticks": rows}


def test_a_client_moves_to_the_other_gateway_and_loses_nothing(
    bridge: LiveBridge, second: SecondGateway
) -> None:
    key = bridge.issue_key("MOVES")
    with Terminal(bridge) as here, Terminal(bridge, second.port) as there:
        here.hello("MOVES", key, "s")
        here.send(ticks(1, 100))
        here.read_until("ack", seq=100)
        assert there.hello("MOVES", key, "s")["resume"] == 101
        assert here.read_until("error")["code"] == "superseded"
        there.send(ticks(51, 150))
        there.read_until("ack", seq=200)
    assert bridge.wait_for_stats("MOVES", stored=200)["stored"] == 200


def test_the_newer_session_wins_even_while_the_older_one_is_sending(
    bridge: LiveBridge, second: SecondGateway
) -> None:
    key = bridge.issue_key("RACES")
    with Terminal(bridge) as here, Terminal(bridge, second.port) as there:
        here.hello("RACES", key, "s")
        stop = threading.Event()
        sender = threading.Thread(target=_send_on, args=(here, stop))
        sender.start()
        try:
            while here.read_until("ack")["seq"] < 5000:  # cumulative: 5000 itself may be skipped
                pass
            resume = there.hello("RACES", key, "s")["resume"]
            there.send(ticks(resume, 500))
            there.read_until("ack", seq=resume + 499)
            assert here.read_until("error")["code"] == "superseded"
        finally:
            stop.set()
            sender.join()
    bridge.wait_for_stats("RACES", stored=resume + 499)


def _send_on(terminal: Terminal, stop: threading.Event) -> None:
    seq = 1
    while not stop.is_set():
        try:
            terminal.send(ticks(seq, 100))
        except OSError:  # the bridge has closed the connection
            return
        seq += 100


def test_a_signal_goes_to_one_session_and_on_to_the_next(
    bridge: LiveBridge, second: SecondGateway
) -> None:
    key = bridge.issue_key("TWOCHARTS")
    with Terminal(bridge, second.port) as there:
        there.hello("TWOCHARTS", key, "chart-1")
        pushed = _push(bridge, "TWOCHARTS")
        assert there.read_until("signal")["id"] == pushed
        with Terminal(bridge) as here:
            here.hello("TWOCHARTS", key, "chart-2")
            here.send({"type": "ping", "t": 1})
            assert here.read()["type"] == "pong"  # and no signal before it
            there.close()
            assert here.read_until("signal")["id"] == pushed
            here.send({"type": "signal_ack", "id": pushed, "state": "shown"})
            here.send({"type": "ping", "t": 2})
            here.read_until("pong", t=2)


def test_a_revoked_key_ends_its_sessions_at_both(bridge: LiveBridge, second: SecondGateway) -> None:
    key = bridge.issue_key("BOTH")
    with Terminal(bridge) as here, Terminal(bridge, second.port) as there:
        here.hello("BOTH", key, "chart-1")
        there.hello("BOTH", key, "chart-2")
        bridge.manage("revoke_key", key[:14])
        started = time.monotonic()
        for terminal in (here, there):
            assert terminal.read_until("error")["code"] == "revoked"
        assert time.monotonic() - started < 1


def test_a_gateway_that_is_stopped_says_so_and_its_clients_go_on_at_the_other(
    bridge: LiveBridge, second: SecondGateway
) -> None:
    key = bridge.issue_key("DRAINED")
    with Terminal(bridge, second.port) as there:
        there.hello("DRAINED", key, "s")
        there.send(ticks(1, 100))
        there.read_until("ack", seq=100)
        second.end(signal.SIGTERM)
        assert there.read_until("error")["code"] == "shutdown"
    assert second.process.returncode == 0
    assert second.state() is None
    with Terminal(bridge) as here:
        assert here.hello("DRAINED", key, "s")["resume"] == 101
    bridge.wait_for_stats("DRAINED", stored=100)


def test_what_a_killed_gateway_had_sent_is_sent_again_by_the_other(bridge: LiveBridge) -> None:
    key = bridge.issue_key("KILLED")
    second = SecondGateway(bridge)
    with Terminal(bridge, second.port) as there, Terminal(bridge) as here:
        there.hello("KILLED", key, "chart-1")
        pushed = _push(bridge, "KILLED")
        assert there.read_until("signal")["id"] == pushed
        here.hello("KILLED", key, "chart-2")
        second.end(signal.SIGKILL)
        assert here.read_until("signal")["id"] == pushed
    wait_for(lambda: "silent" in str(second.state()), 15, "the missing gateway to be named")
    SecondGateway(bridge).end(signal.SIGTERM)  # come back, and stopped in good order
    assert second.state() is None


def _push(bridge: LiveBridge, client: str) -> str:
    what = ("--symbol", "EURUSD", "--action", "BUY", "--entry", "1.1")
    pushed = bridge.manage("push_signal", "--client", client, *what)
    return str(pushed["id"])
