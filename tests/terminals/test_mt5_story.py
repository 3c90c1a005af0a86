"""Each client for MetaTrader 5 through the same troubles, at the bridge's real doors.

Leaving a terminal fails when a socket or file is still open or a sanitizer has something to say.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from tests.e2e import managing
from tests.e2e.bridge import LiveBridge
from tests.terminals import stored
from tests.terminals.certificates import authority
from tests.terminals.conftest import Launch
from tests.terminals.proxy import Faults, Proxy, Wire
from tests.terminals.test_mt5_expert import EXPERT, all_acknowledged, is_connected, quotes
from tests.terminals.webdoor import WebDoor

pytestmark = pytest.mark.requires("g++")

COUNT, CUT_AT = 5000, 1500
CUT_BYTES = CUT_AT * 32  # a record of a binary batch has 32 bytes
INDICATOR, WEB = "Indicators/FKSBridge.mq5", "Experts/FKSWebRequest.mq5"
ZEROMQ = "Experts/FKSBridgeZmq.mq5"
_QUIET = {"InpPeriods": "", "InpTellTrades": False}


@pytest.fixture
def client() -> str:
    return f"MT5-STORY-{time.time_ns()}"


@pytest.fixture
def real_libzmq(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that pyzmq brings, for the program's imports."""
    (library,) = (Path(zmq.__file__).parents[1] / "pyzmq.libs").glob("libzmq*.so*")
    monkeypatch.setenv("MQL_LIBZMQ", str(library))


Way = tuple[str, dict[str, Any], Any]
"""Program, inputs, and what is in between: it has `cuts`."""


@contextlib.contextmanager
def over_sockets(bridge: LiveBridge) -> Iterator[Way]:
    faults = Faults(refuse_connections=2, cut_at_ticks=[CUT_AT], piece_bytes=7)
    with Proxy(bridge.tcp_port, faults) as line:
        yield EXPERT, {"InpPort": line.port, **_QUIET}, line


@contextlib.contextmanager
def over_tls(bridge: LiveBridge) -> Iterator[Way]:
    with Wire(bridge.tls_port, refuse=2, cut_after=CUT_BYTES) as wire:
        yield EXPERT, {"InpPort": wire.port, "InpTls": True, **_QUIET}, wire


@contextlib.contextmanager
def as_indicator(bridge: LiveBridge) -> Iterator[Way]:
    faults = Faults(refuse_connections=2, cut_at_ticks=[CUT_AT], piece_bytes=7)
    with Proxy(bridge.tcp_port, faults) as line:
        yield INDICATOR, {"InpPort": line.port, "InpTimerMs": 10}, line


@contextlib.contextmanager
def by_web_requests(bridge: LiveBridge) -> Iterator[Way]:
    with WebDoor(bridge, refuse=2, cut_at=CUT_AT).serving() as door:
        yield WEB, {"InpUrl": door.url, "InpIntervalMs": 50}, door


@contextlib.contextmanager
def over_zeromq(bridge: LiveBridge) -> Iterator[Way]:
    key = bridge.manage("zmq_key")["server_key"]
    with Wire(bridge.zmq_port, refuse=2, cut_after=CUT_BYTES) as wire:
        endpoint = f"tcp://127.0.0.1:{wire.port}"
        yield ZEROMQ, {"InpEndpoint": endpoint, "InpServerKey": key, **_QUIET}, wire


def assert_stored(bridge: LiveBridge, client: str, rows: list[tuple[int, float, float]]) -> None:
    """Every tick, in order, once, with its exact prices and time."""
    bridge.wait_for_stats(client, 60, produced=len(rows), stored=len(rows), lost=0, refused=0)
    found = [
        (seq, symbol, round(moment.timestamp() * 1000), bid, ask)
        for seq, symbol, moment, bid, ask, *_ in stored.ticks(bridge, client)
    ]
    assert found == [(seq, "EURUSD", *row) for seq, row in enumerate(rows, 1)]


@pytest.mark.usefixtures("real_libzmq")
@pytest.mark.parametrize(
    "way", [over_sockets, over_tls, as_indicator, by_web_requests, over_zeromq]
)
def test_five_thousand_ticks_are_stored_once_after_a_late_start_and_a_cut(
    bridge: LiveBridge, client: str, launch: Launch, way: Any
) -> None:
    with way(bridge) as (program, given, between):
        key = bridge.issue_key(client)
        terminal = launch(program, InpClient=client, InpKey=key, **given)
        terminal.set("ca_file", bridge.folder / "tls" / "ca.pem")
        terminal.set("allow_url", given.get("InpUrl", ""))
        terminal.set("short_sends", 3000)
        assert terminal.start() == 0
        time.sleep(0.2)  # the timer places its cursor
        rows = quotes(COUNT, terminal.now_ms + 1000)
        terminal.ticks("EURUSD", rows)
        assert_stored(bridge, client, rows)
        terminal.wait_for(all_acknowledged, "everything to be acknowledged")
        assert between.cuts == 1
        terminal.close()


@pytest.mark.parametrize(
    ("trusted", "host"), [(False, "127.0.0.1"), (True, "127.0.0.2")], ids=["authority", "name"]
)
def test_at_the_tls_door_a_stranger_as_authority_or_another_name_is_refused(
    bridge: LiveBridge, client: str, launch: Launch, tmp_path: Path, trusted: bool, host: str
) -> None:
    ca = bridge.folder / "tls" / "ca.pem" if trusted else authority(tmp_path, "stranger").file
    with Wire(bridge.tls_port, host=host) as wire:
        terminal = launch(
            EXPERT, InpClient=client, InpKey="k", InpHost=host, InpPort=wire.port, InpTls=True
        )
        terminal.set("allow", host)
        terminal.set("ca_file", ca)
        terminal.start()
        terminal.wait_for(lambda state: "error 5274" in state["comment"], "the refusal")
        assert terminal.state["sockets"] == 0


_DEMAND = """
from bridge_ingest import actions
from bridge_ingest.models import Client
client = Client.objects.get(name={client!r})
secret = actions.issue_signing_secret(client, actor=None, source="command")
actions.update_client(client, actor=None, source="command", must_sign=True)
print("secret", secret)
"""


def test_a_client_that_must_sign_is_heard_with_its_secret_and_refused_without(
    bridge: LiveBridge, client: str, launch: Launch
) -> None:
    given = {"InpClient": client, "InpKey": bridge.issue_key(client), "InpPort": bridge.tcp_port}
    code = _DEMAND.format(client=client)
    done = managing.manage(bridge.environ, "shell", "-c", code)
    assert done.returncode == 0, done.stderr
    (secret,) = (line[7:] for line in done.stdout.splitlines() if line.startswith("secret "))
    unsigned = launch(EXPERT, **given, **_QUIET)
    unsigned.start()
    unsigned.wait_for(lambda state: "(auth)" in str(state["alerts"]), "the refusal")
    unsigned.close()
    signed = launch(EXPERT, InpSecret=secret, **given, **_QUIET)
    signed.start()
    signed.wait_for(is_connected, "a session")
    rows = quotes(900, signed.now_ms + 1000)
    signed.ticks("EURUSD", rows)
    assert_stored(bridge, client, rows)
