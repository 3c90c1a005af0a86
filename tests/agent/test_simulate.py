"""`python -m agent simulate` as the demo runs it: real processes, real sockets."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.errors import InputError
from agent.simulate.config import load
from tests.agent.command_line import agent, finished, start
from tests.agent.fake_bridge import FakeBridge, Manners, eventually, listening

TERMINALS = [
    {"client": "ICM-LIVE", "kind": "mt5", "key": "k1"},
    {"client": "FTMO-DEMO", "kind": "mt5", "key": "k2"},
    {"client": "CQG", "kind": "ninjatrader", "key": "k3"},
    {"client": "MT4-RETAIL", "kind": "mt4", "key": "k4"},
]
ALERTS = {"client": "TV-ALERTS", "kind": "tradingview", "token": "t0ken"}


class AlertDoor:
    """The bridge's HTTP door: keeps what is posted, answers what it was told to."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        self.posts.append((head.split("\r\n")[0], body))
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def alert_door() -> AsyncIterator[AlertDoor]:
    door = AlertDoor()
    server = await asyncio.start_server(door.answer, "127.0.0.1", 0)
    door.port = server.sockets[0].getsockname()[1]
    async with server:
        yield door


def write_config(
    folder: Path,
    bridge: FakeBridge,
    http_port: int = 9,
    terminals: list[dict[str, str]] = TERMINALS,
) -> Path:
    path = folder / "demo.json"
    config = {
        "tcp_port": bridge.port,
        "http_port": http_port,
        "state_dir": str(folder / "state"),
        "terminals": terminals,
    }
    path.write_text(json.dumps(config))
    return path


def by_client(bridge: FakeBridge, client: str) -> list[Any]:
    return [
        item
        for (name, _), stream in bridge.streams.items()
        if name == client
        for item in stream.items.values()
    ]


def tick_times(bridge: FakeBridge, client: str) -> list[int]:
    rows = by_client(bridge, client)
    return [row[1] if isinstance(row, list) else row["time_ms"] for row in rows]


async def test_all_terminals_trade_and_end_at_once_when_told(tmp_path: Path) -> None:
    async with listening() as bridge, alert_door() as door:
        path = write_config(tmp_path, bridge, door.port, [*TERMINALS, ALERTS])
        process = await start("simulate", "--demo", path, "--faults", "none")
        await eventually(lambda: bridge.count > 200, within_s=20)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        run = await finished(process)
        # 0.2 s on a quiet machine; tests share theirs.
        assert time.monotonic() - began < 3
        assert (run.code, run.err) == (0, "")
        hellos = {each.hello["client"]: each.hello for each in bridge.connections}
        assert {name: hello["platform"] for name, hello in hellos.items()} == {
            "ICM-LIVE": "mt5",
            "FTMO-DEMO": "mt5",
            "CQG": "ninjatrader",
            "MT4-RETAIL": "mt4",
        }
        shared = set.intersection(*(set(hello["symbols"]) for hello in hellos.values()))
        assert shared == {"EURUSD", "GBPUSD", "USDJPY", "AUDUSD"}
        for name, hello in hellos.items():
            offset_ms = 1000 * hello.get("utc_offset_s", 0)
            ages = [time.time() * 1000 - (at - offset_ms) for at in tick_times(bridge, name)]
            assert all(-50 < age < 30_000 for age in ages), name
        assert all(at % 1000 == 0 for at in tick_times(bridge, "MT4-RETAIL"))
        assert any(at % 1000 for at in tick_times(bridge, "ICM-LIVE"))
        assert all(stream.gaps == [] for stream in bridge.streams.values())


async def test_alerts_are_posted_for_the_last_bar_at_once(tmp_path: Path) -> None:
    async with listening() as bridge, alert_door() as door:
        path = write_config(tmp_path, bridge, door.port, [TERMINALS[0], ALERTS])
        process = await start("simulate", "--demo", path, "--faults", "none", "--seconds", 3)
        run = await finished(process)
        assert run.code == 0
        assert len(door.posts) in (4, 8)  # 8 when a minute ended meanwhile
        line, body = door.posts[0]
        assert line == "POST /api/bridge/t0ken HTTP/1.1"
        assert set(body) >= {"symbol", "exchange", "time", "open", "high", "low", "close", "rsi"}
        assert body["time"] % 60_000 == 0


async def test_an_alert_door_that_fails_is_told_once(tmp_path: Path) -> None:
    async with listening() as bridge, alert_door() as door:
        door.status = 503
        path = write_config(tmp_path, bridge, door.port, [TERMINALS[0], ALERTS])
        run = await agent("simulate", "--demo", path, "--faults", "none", "--seconds", 2)
        assert run.out.count("TV-ALERTS: the bridge answered 503 to an alert") == 1


async def test_signals_are_drawn_by_all_and_executed_where_asked(tmp_path: Path) -> None:
    async with listening() as bridge:
        soon_ms = time.time_ns() // 1_000_000 + 60_000
        order = {"type": "signal", "id": "a", "symbol": "EURUSD", "action": "BUY"}
        drawing = {**order, "id": "b", "execute": False, "expires_ms": soon_ms}
        unknown = {**order, "id": "c", "symbol": "NOWHERE", "expires_ms": soon_ms}
        bridge.waiting_signals += [{**order, "execute": True}, drawing, unknown]
        path = write_config(tmp_path, bridge)
        process = await start("simulate", "--demo", path, "--faults", "none")
        await eventually(lambda: bridge.signal_acks.count(("a", "executed")) == 4, within_s=20)
        await eventually(lambda: bridge.signal_acks.count(("b", "shown")) == 4)
        process.terminate()
        run = await finished(process)
        assert run.out.count("has executed BUY EURUSD") == 4
        assert bridge.signal_acks.count(("b", "executed")) == 0
        assert bridge.signal_acks.count(("c", "rejected")) == 4
        tickets = [ack for ack in bridge.of_type("signal_ack") if ack["state"] == "executed"]
        assert all(1.0 < ack["price"] < 1.2 for ack in tickets)
        for each in TERMINALS:
            told = [item for item in by_client(bridge, each["client"]) if isinstance(item, dict)]
            kinds = [item["type"] for item in told if item["type"] in ("account", "order")]
            assert kinds[:3] == ["account", "order", "account"]
            (position,) = (item for item in told if item["type"] == "position")
            assert (position["symbol"], position["volume"]) == ("EURUSD", 0.1)


async def test_faults_show_and_are_printed(tmp_path: Path) -> None:
    async with listening() as bridge:
        path = write_config(tmp_path, bridge)
        words = ["clock@2:ICM-LIVE", "crossed@2:CQG:EURUSD", "mute@2:FTMO-DEMO:GBPUSD"]
        process = await start("simulate", "--demo", path, "--seconds", 6, "--faults", *words)
        run = await finished(process)
        assert run.out.count("fault ") == 3
        assert "fault clock: ICM-LIVE: clock 2 h ahead for 60 s" in run.out
        times = tick_times(bridge, "ICM-LIVE")
        assert 7_195_000 < max(times) - min(times) < 7_210_000
        crossed = [r for r in by_client(bridge, "CQG") if isinstance(r, list) and r[2] > r[3]]
        assert crossed
        assert {row[0] for row in crossed} == {"EURUSD"}
        before, after = (
            [row for row in by_client(bridge, "FTMO-DEMO") if symbol in row][-1][1]
            for symbol in ("GBPUSD", "EURUSD")
        )
        assert after - before > 2500


async def test_a_cut_loses_the_numbers_that_it_says(tmp_path: Path) -> None:
    async with listening() as bridge:
        path = write_config(tmp_path, bridge, terminals=TERMINALS[:1])
        words = ["--seconds", 8, "--rate", 10, "--faults", "gap@1"]
        run = await finished(await start("simulate", "--demo", path, *words))
        (gap,) = bridge.stream.gaps
        lost = gap[1] - gap[0] + 1
        assert lost >= 5
        said = re.search(r"ICM-LIVE has lost (\d+) numbers for good", run.out)
        assert said is not None
        # Of what it gave up the bridge may have some, whose acknowledgement the cut took.
        assert int(said[1]) >= lost
        assert len(bridge.stream.items) + lost == bridge.stream.through
        assert f"lost {lost}" in run.out.splitlines()[-1]


async def test_a_demo_started_again_goes_on_with_its_streams(tmp_path: Path) -> None:
    async with listening() as bridge:
        path = write_config(tmp_path, bridge)
        for _ in range(2):
            words = ["--seconds", 2, "--faults", "none"]
            assert (await agent("simulate", "--demo", path, *words)).code == 0
        assert len(bridge.streams) == 4
        assert all(stream.duplicates == 0 for stream in bridge.streams.values())
        for stream in bridge.streams.values():
            assert list(stream.items) == list(range(1, stream.through + 1))


async def test_a_terminal_turned_away_leaves_the_others_alone(tmp_path: Path) -> None:
    terminals = [{**TERMINALS[0], "key": "wrong"}, {**TERMINALS[1], "key": "right"}]
    async with listening(Manners(expected_key="right")) as bridge:
        path = write_config(tmp_path, bridge, terminals=terminals)
        run = await agent("simulate", "--demo", path, "--seconds", 2, "--faults", "none")
        assert run.code == 0
        assert "ICM-LIVE was turned away by the bridge: auth: unknown key" in run.out
        assert len(by_client(bridge, "FTMO-DEMO")) > 10


async def test_a_demo_that_the_bridge_does_not_want_ends_with_code_1(tmp_path: Path) -> None:
    async with listening(Manners(expected_key="other")) as bridge:
        path = write_config(tmp_path, bridge)
        run = await agent("simulate", "--demo", path, "--faults", "none")
        assert run.code == 1
        assert run.out.count("was turned away") == 4


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not a demo configuration"),
        ('{"http_port": 1, "terminals": []}', "lacks 'tcp_port'"),
        ('{"tcp_port": 1, "http_port": 2, "terminals": [{"kind": "mt5"}]}', "lacks"),
        (
            '{"tcp_port": 1, "http_port": 2, "terminals": [{"client": "A", "kind": "mt9"}]}',
            "kind 'mt9' is not one of",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "demo.json"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        load(path)
