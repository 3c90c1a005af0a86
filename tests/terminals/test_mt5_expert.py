"""FKSBridgeEA in a strict terminal, against the real gateway."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import binary
from tests.e2e.bridge import LiveBridge, wait_for
from tests.terminals import stored
from tests.terminals.conftest import Launch
from tests.terminals.mql.metatrader import (
    REASON_ACCOUNT,
    REASON_CHARTCHANGE,
    REASON_PARAMETERS,
    MetaTrader,
)
from tests.terminals.proxy import Faults, Proxy
from tests.terminals.scripted import ScriptedBridge, scripted_bridge

pytestmark = pytest.mark.requires("g++")

EXPERT = "Experts/FKSBridgeEA.mq5"
_names = itertools.count(1)


@pytest.fixture
def client() -> str:
    return f"MT5-{next(_names)}-{time.time_ns() % 1_000_000}"


@pytest.fixture
def line(bridge: LiveBridge) -> Iterator[Proxy]:
    with Proxy(bridge.tcp_port) as proxy:
        yield proxy


def inputs(bridge: LiveBridge, client: str, line: Proxy, **more: object) -> dict[str, Any]:
    key = bridge.issue_key(client)
    return {
        "InpClient": client, "InpKey": key, "InpPort": line.port, "InpTellTrades": False,
        "InpPeriods": "", **more,
    }  # fmt: skip


def quotes(count: int, start_ms: int, per_ms: int = 3) -> list[tuple[int, float, float]]:
    """Ticks of which `per_ms` share each millisecond, all different."""
    return [
        (start_ms + i // per_ms, round(1.1 + i * 1e-5, 5), round(1.1001 + i * 1e-5, 5))
        for i in range(count)
    ]


def is_connected(state: dict[str, Any]) -> bool:
    return str(state["comment"]).startswith("FKS Bridge connected")


def all_acknowledged(state: dict[str, Any]) -> bool:
    return is_connected(state) and " 0 waiting" in state["comment"]


def push(bridge: LiveBridge, client: str, *more: str, symbol: str = "EURUSD") -> str:
    pushed = bridge.manage(
        "push_signal", "--client", client, "--symbol", symbol, "--action", "BUY",
        "--entry", "1.1", "--stop-loss", "1.09", "--take-profit", "1.12",
        "--confidence", "0.7", "--note", "breakout", *more,
    )  # fmt: skip
    return str(pushed["id"])


def attach(
    launch: Launch,
    told: ScriptedBridge,
    client: str,
    symbols: Iterable[str] = (),
    server_offset_s: int = 0,
    start: bool = True,
    wait: bool = True,
    **more: object,
) -> MetaTrader:
    """A terminal with the program on its chart, in a session with a scripted bridge."""
    quiet = {"InpPeriods": "", "InpTellTrades": False, "InpTimerMs": 10}
    given = {"InpClient": client, "InpKey": "k", "InpPort": told.port, **quiet, **more}
    terminal: MetaTrader = launch(EXPERT, **given)
    terminal.set("server_offset_s", server_offset_s)
    for name in symbols:
        terminal.symbol(name)
    if start:
        assert terminal.start() == 0
    if start and wait:
        terminal.wait_for(is_connected, "a session")
    return terminal


def test_five_thousand_ticks_of_three_symbols_arrive_once_though_the_line_is_cut(
    bridge: LiveBridge, client: str, launch: Launch
) -> None:
    faults = Faults(refuse_connections=2, cut_at_ticks=[1500], piece_bytes=7)
    with Proxy(bridge.tcp_port, faults) as line:
        terminal = launch(
            EXPERT, **inputs(bridge, client, line, InpSymbols="EURUSD,GBPUSD, XAUUSD")
        )
        for name in ("GBPUSD", "XAUUSD"):
            terminal.symbol(name)
        assert terminal.start() == 0
        start_ms = terminal.now_ms + 1000
        time.sleep(0.1)  # the timer places its cursors
        sent = {"EURUSD": quotes(3000, start_ms), "GBPUSD": quotes(1500, start_ms, 1)}
        sent["XAUUSD"] = quotes(500, start_ms, 500)
        for name, rows in sent.items():
            terminal.ticks(name, rows)
        bridge.wait_for_stats(client, produced=5000, stored=5000, lost=0, refused=0)
        terminal.wait_for(all_acknowledged, "everything to be acknowledged")
        assert line.connections == 4  # two refused, one cut, one that lasted
        assert all("binary" in message for message in line.of_type("ticks"))
        heard: dict[str, dict[int, Any]] = {name: {} for name in sent}
        for message in line.of_type("ticks"):
            for seq, row in enumerate(message["ticks"], message["seq"]):
                heard[message["symbol"]][seq] = (row[0], row[1], row[2])
        for name, rows in sent.items():
            assert [heard[name][seq] for seq in sorted(heard[name])] == rows
    assert bridge.stats(client)["sessions"] == 2


def test_a_binary_batch_is_to_the_byte_what_the_agents_encoder_makes(
    launch: Launch, client: str
) -> None:
    with scripted_bridge(features=["binary"]) as told:
        terminal = attach(launch, told, client, InpSymbols="EURUSD,GBPUSD", symbols=["GBPUSD"])
        told.answer = b"\r"  # no welcome yet, so that both symbols wait side by side
        told.hang_up()
        wait_for(lambda: len(told.hellos) == 2, 10, "the second hello")
        first = terminal.now_ms + 1000
        for name in ("EURUSD", "GBPUSD"):
            for at in range(3):  # a price that no double holds exactly, and a volume
                terminal.tick(name, first + at // 2, 1.08123 + at * 1e-5, 1.0813, 0.25 * at)
        terminal.wait_for(lambda state: " 6 waiting" in state["comment"], "six ticks")
        told.answer = None
        told.hang_up()
        wait_for(lambda: told.highest == 6, 10, "six ticks")
        assert told.hellos[0]["features"] == ["binary"]
        maps = [message["map"] for message in told.of_type("symbols")]
        assert maps == [{"1": "EURUSD"}, {"2": "GBPUSD"}]
        for message in told.of_type("ticks"):
            rows = [(round(ms * 1000), *more) for ms, *more in message["ticks"]]
            number = 1 + (message["symbol"] == "GBPUSD")
            assert message["binary"] == binary.batch(message["seq"], number, rows)
        rows = [tuple(row) for m in told.of_type("ticks") for row in m["ticks"]]
        prices = [1.08123, 1.08124, 1.08125]
        one = [(first + at // 2, bid, 1.0813, 0.25 * at) for at, bid in enumerate(prices)]
        assert sorted(rows) == sorted(one + one)


@pytest.mark.parametrize("secret", ["", "s3cret"])
def test_without_an_agreement_or_with_signed_lines_ticks_go_out_as_json(
    launch: Launch, client: str, secret: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpSecret=secret)
        rows = quotes(7, terminal.now_ms + 1000)
        terminal.ticks("EURUSD", rows)
        wait_for(lambda: told.highest == 7, 10, "seven ticks")
        sent = [tuple(row[:3]) for message in told.of_type("ticks") for row in message["ticks"]]
        assert sent == rows
        assert told.hellos[0].get("features", []) == ([] if secret else ["binary"])
        assert not any("binary" in message for message in told.of_type("ticks"))


def test_ticks_that_fall_out_of_the_ring_become_a_recorded_gap(
    bridge: LiveBridge, client: str, launch: Launch
) -> None:
    with Proxy(bridge.tcp_port, Faults(refuse_connections=10**6)) as line:
        terminal = launch(EXPERT, **inputs(bridge, client, line, InpCapacity=300))
        terminal.start()
        time.sleep(0.1)
        terminal.ticks("EURUSD", quotes(1000, terminal.now_ms + 1000))
        terminal.wait_for(lambda state: "700 dropped" in state["comment"], "the ring to overflow")
        line.faults.refuse_connections = 0
        bridge.wait_for_stats(client, produced=1000, stored=300, lost=700, gaps=1)


def test_a_restart_goes_on_with_the_same_numbers_and_loses_nothing_that_came_meanwhile(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy
) -> None:
    line.faults.refuse_connections = 10**6
    terminal = launch(EXPERT, **inputs(bridge, client, line))
    terminal.start()
    time.sleep(0.1)
    start_ms = terminal.now_ms + 1000
    rows = quotes(900, start_ms)
    terminal.ticks("EURUSD", rows[:400])
    terminal.wait_for(lambda state: "400 waiting" in state["comment"], "the ring to fill")
    for reason in (REASON_CHARTCHANGE, REASON_PARAMETERS):
        assert terminal.restart(reason) == 0
    terminal.command("deinit", REASON_CHARTCHANGE)
    terminal.ticks("EURUSD", rows[400:])
    line.faults.refuse_connections = 0
    assert terminal.start() == 0
    bridge.wait_for_stats(client, produced=900, stored=900, lost=0, duplicates=0)
    sent = {m["seq"] + at: row for m in line.of_type("ticks") for at, row in enumerate(m["ticks"])}
    assert [tuple(sent[seq][:3]) for seq in range(1, 901)] == rows
    assert len({message["stream"] for message in line.of_type("hello")}) == 1


def test_after_a_crash_a_new_numbering_begins_so_that_no_number_is_used_twice(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy, tmp_path: Path
) -> None:
    given = inputs(bridge, client, line)
    terminal = launch(EXPERT, **given)
    terminal.start()
    terminal.restart(REASON_CHARTCHANGE)
    time.sleep(0.1)
    terminal.ticks("EURUSD", quotes(100, terminal.now_ms + 1000))
    bridge.wait_for_stats(client, stored=100)
    before = [message["stream"] for message in line.of_type("hello")]
    terminal.kill()
    again = launch(EXPERT, **given)
    again.start()
    time.sleep(0.1)
    again.ticks("EURUSD", quotes(50, again.now_ms + 1000))
    bridge.wait_for_stats(client, produced=150, stored=150, duplicates=0)
    after = [message["stream"] for message in line.of_type("hello")][len(before) :]
    assert len(after) == 1
    assert after[0] not in before


def test_a_signal_is_drawn_once_however_often_it_comes_and_erased_when_it_has_expired(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy
) -> None:
    line.faults.repeat_signals = 2
    terminal = launch(EXPERT, **inputs(bridge, client, line))
    terminal.start()
    terminal.wait_for(is_connected, "a session")
    signal = push(bridge, client, "--expires", "600")
    state = terminal.wait_for(lambda state: bool(state["objects"]), "the drawing")
    drawn = {each["name"]: each for each in state["objects"]}
    assert sorted(drawn) == [
        f"1/FKS_{signal}_{part}" for part in ("arrow", "entry", "stop", "target", "text")
    ]
    assert drawn[f"1/FKS_{signal}_stop"]["price"] == 1.09
    assert drawn[f"1/FKS_{signal}_target"]["price"] == 1.12
    assert drawn[f"1/FKS_{signal}_text"]["text"] == "BUY 70% breakout"
    wait_for(lambda: len(line.of_type("signal_ack")) == 4, 10, "the acknowledgements")
    acks = [message["state"] for message in line.of_type("signal_ack")]
    assert acks == ["received", "shown", "shown", "shown"]
    terminal.set("clock_ms", 601_000)
    terminal.wait_for(lambda state: not state["objects"], "the drawing to expire")
    wait_for(lambda: line.of_type("signal_ack")[-1]["state"] == "expired", 10, "the expiry")
    assert terminal.state["sends"] == 0


def test_a_signal_is_executed_once_with_its_levels_also_after_restarts(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy
) -> None:
    line.faults.repeat_signals = 1
    trading = {"InpExecute": True, "InpVolume": 0.25, "InpMagic": 77, "InpTellTrades": True}
    terminal = launch(EXPERT, **inputs(bridge, client, line, **trading))
    terminal.tick("EURUSD", terminal.now_ms, 1.1, 1.1002)
    terminal.start()
    terminal.wait_for(is_connected, "a session")
    signal = push(bridge, client, "--execute")
    terminal.wait_for(lambda state: bool(state["positions"]), "the position")
    wait_for(lambda: len(line.of_type("signal_ack")) >= 3, 10, "the acknowledgements")
    terminal.restart(REASON_CHARTCHANGE)
    terminal.wait_for(is_connected, "a second session")
    line.cut()
    wait_for(lambda: len(line.of_type("hello")) == 3, 10, "the third hello")
    terminal.wait_for(is_connected, "a third session")
    (position,) = terminal.state["positions"]
    assert terminal.state["sends"] == 1
    assert (position["volume"], position["sl"], position["tp"]) == (0.25, 1.09, 1.12)
    assert (position["magic"], position["comment"][3:]) == (77, signal.replace("-", "")[:24])
    done = [m for m in line.of_type("signal_ack") if m["state"] == "executed"]
    assert {(m["ticket"], m["price"]) for m in done} == {(str(position["ticket"]), 1.1002)}
    known = [(str(position["ticket"]), "EURUSD", "buy", 0.25, 1.1002)]
    wait_for(lambda: stored.open_positions(bridge, client) == known, 10, "the position, stored")
    assert bridge.stats(client)["refused"] == 0


def test_a_revoked_key_ends_the_session_for_good_and_says_what_to_do(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy
) -> None:
    given = inputs(bridge, client, line)
    terminal = launch(EXPERT, **given)
    terminal.start()
    terminal.wait_for(is_connected, "a session")
    bridge.manage("revoke_key", given["InpKey"][:14])
    terminal.wait_for(lambda state: bool(state["alerts"]), "an alert")
    connections = line.connections
    time.sleep(1)
    assert line.connections == connections
    assert "Issue a key on the bridge's page Clients" in terminal.state["alerts"][0]
    assert terminal.state["sockets"] == 0


def test_a_signed_line_is_signed_over_its_exact_bytes(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(15)
        port = listener.getsockname()[1]
        terminal = launch(
            EXPERT, InpClient="ÄÖ", InpKey="k", InpSecret="geheim", InpPort=port, InpPeriods=""
        )
        terminal.start()
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            text, _, proof = lines.readline().rstrip(b"\n").rpartition(b"\t")
    assert json.loads(text)["client"] == "ÄÖ"
    assert proof == b"hmac:" + hmac.new(b"geheim", text, hashlib.sha256).hexdigest().encode()


def test_history_is_sent_on_command_once_and_marked(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = launch(EXPERT, InpClient=client, InpKey="k", InpPort=told.port, InpPeriods="")
        first = terminal.now_ms - 100_000
        terminal.ticks("EURUSD", quotes(2500, first, 5))
        for minute in range(4):
            terminal.bar("EURUSD", 60, minute * 60, (1.1, 1.2, 1.0, 1.15))
        terminal.start()
        span = {"symbol": "EURUSD", "from_ms": first + 10, "to_ms": first + 400}
        told.say(type="command", id="7", name="backfill", args=span)
        answer = told.await_message("command_ack", id="7")
        assert (answer["ok"], answer["detail"]) == (True, "1955 ticks")
        ticks = told.of_type("tick")
        assert len({message["seq"] for message in ticks}) == len(ticks) == 1955
        assert {message["backfill"] for message in ticks} == {"7"}
        assert (ticks[0]["time_ms"], ticks[-1]["time_ms"]) == (first + 10, first + 400)
        bars = {"symbol": "EURUSD", "period": "M1", "from_ms": 1, "to_ms": 600_000}
        told.say(type="command", id="8", name="backfill", args=bars)
        assert told.await_message("command_ack", id="8")["detail"] == "2 bars"
        sent = told.of_type("bar")
        assert [(each["time_ms"], each["backfill"]) for each in sent] == [
            (60000, "8"),
            (120000, "8"),
        ]


@pytest.mark.parametrize(
    ("name", "args", "detail"),
    [
        ("backfill", {"symbol": "NONE", "from_ms": 1, "to_ms": 2}, "no symbol NONE"),
        ("backfill", {"symbol": "EURUSD"}, "from_ms and to_ms"),
        ("backfill", {"symbol": "EURUSD", "from_ms": 1, "to_ms": 2, "period": "M2"}, "M2"),
        ("dance", {}, "does not know the command dance"),
        ("rotate_key", {}, ""),
        ("rotate_key", None, ""),
        ("backfill", None, "from_ms and to_ms"),
    ],
)
def test_a_command_that_can_not_be_followed_is_answered_with_its_reason(
    launch: Launch, client: str, name: str, args: dict[str, Any] | None, detail: str
) -> None:
    with scripted_bridge() as told:
        launch(EXPERT, InpClient=client, InpKey="k", InpPort=told.port).start()
        told.say(type="command", id="1", name=name, **({} if args is None else {"args": args}))
        answer = told.await_message("command_ack", id="1")
        assert answer["ok"] is False
        assert detail in answer["detail"]


def test_settings_of_the_bridge_add_symbols_and_a_new_key_is_used_from_then_on(
    launch: Launch, client: str
) -> None:
    with scripted_bridge(config={"symbols": ["GBPUSD"], "batch": 2, "interval_ms": 30}) as told:
        terminal = launch(EXPERT, InpClient=client, InpKey="old", InpPort=told.port, InpPeriods="")
        terminal.symbol("GBPUSD", selected=False)
        terminal.symbol("USDJPY", 3, selected=False)
        terminal.start()
        told.say(type="config", id="c1", symbols=["USDJPY", "NONE"], batch=2)
        told.await_message("config_ack", id="c1")
        told.say(type="command", id="r", name="rotate_key", args={"key": "new"})
        assert told.await_message("command_ack", id="r")["ok"] is True
        told.say(type="command", id="s", name="resubscribe")
        assert told.await_message("command_ack", id="s")["ok"] is True
        time.sleep(0.1)
        for name in ("GBPUSD", "USDJPY"):
            terminal.ticks(name, quotes(3, terminal.now_ms + 1000, 1))
        wait_for(lambda: sum(len(m.get("ticks", ())) for m in told.heard) == 6, 10, "six ticks")
        assert {len(m["ticks"]) for m in told.heard if m["type"] == "ticks"} <= {1, 2}
        assert terminal.state["timer_ms"] == 30
        assert any("no symbol NONE" in entry for entry in terminal.journal)
        terminal.restart(REASON_PARAMETERS)
        wait_for(lambda: [m["key"] for m in told.hellos] == ["old", "new"], 10, "the new key")
        terminal.command("deinit", REASON_PARAMETERS)
        terminal.inputs(InpKey="third")
        terminal.start()
        wait_for(lambda: told.hellos[-1]["key"] == "third", 10, "the input's key")


def told_of(told: ScriptedBridge, kind: str, ticket: int) -> list[tuple[Any, ...]]:
    """What happened to an order (and what is left of it), or to a position (and its volume)."""
    figure = "volume_left" if kind == "order" else "volume"
    mine = [message for message in told.of_type(kind) if message["ticket"] == ticket]
    return [(message.get("event"), message[figure]) for message in mine]


def test_orders_positions_and_the_account_are_told_when_they_change(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpTellTrades=True, start=False)
        terminal.command("order", 11, "EURUSD", 2, 0.5, 1.05)
        terminal.command("position", 12, "EURUSD", 1, 0.1, 7, "mine")
        terminal.start()
        account = told.await_message("account", orders=[11], positions=[12])
        assert (account["login"], account["currency"], account["balance"]) == (5001, "EUR", 10000)
        (order,), (position,) = told.of_type("order"), told.of_type("position")
        assert (order["event"], order["kind"], order["side"]) == ("placed", "limit", "buy")
        assert (position["event"], position["side"], position["magic"]) == ("filled", "sell", 7)
        terminal.command("order", 11, "EURUSD", 2, 0.5, 1.06)
        assert told.await_message("order", ticket=11, event="modified")["price"] == 1.06
        terminal.command("fill_part", 11, 0.2)
        told.await_message("order", ticket=11, event="part_filled")
        terminal.command("end_order", 11, 4)
        terminal.command("close_position", 12)
        told.await_message("account", orders=[], positions=[])
        stages = [("placed", 0.5), ("modified", 0.5), ("part_filled", 0.2), ("filled", 0)]
        assert told_of(told, "order", 11) == stages
        assert told_of(told, "position", 12) == [("filled", 0.1), (None, 0)]
        numbers = [message["seq"] for message in told.heard if "seq" in message]
        assert numbers == list(range(1, len(numbers) + 1))


def test_an_order_that_is_filled_at_once_is_told_though_it_never_stood(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpTellTrades=True, InpExecute=True, InpMagic=77)
        terminal.tick("EURUSD", terminal.now_ms, 1.1, 1.1002)
        told.signal("s1", execute=True)
        ticket = int(told.await_message("signal_ack", id="s1", state="executed")["ticket"])
        order = told.await_message("order", ticket=ticket)
        told.await_message("account", orders=[], positions=[ticket])
        assert len(told.of_type("order")) == 1
        assert (order["ticket"], order["event"], order["kind"]) == (ticket, "filled", "market")
        assert (order["price"], order["magic"], order["comment"]) == (1.1002, 77, "FKSs1")
        assert told_of(told, "position", ticket) == [("filled", 0.01)]


def test_the_account_is_told_at_each_session_and_looked_at_every_minute(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpTellTrades=True, start=False)
        for ticket in (12, 13):
            terminal.command("position", ticket, "EURUSD", 1, 0.1, 7, "mine")
        terminal.start()
        told.await_message("account", positions=[12, 13])
        terminal.command("lose_position", 13)  # of which no event tells
        terminal.elapse(65, 5000)
        told.await_message("account", positions=[12])
        assert told_of(told, "position", 13) == [("filled", 0.1), (None, 0)]
        before = len(told.of_type("account"))
        told.hang_up()
        wait_for(lambda: len(told.of_type("account")) == before + 1, 15, "the account again")
        assert len(told.hellos) == 2
        assert told_of(told, "position", 12) == [("filled", 0.1)]


def test_a_bridge_that_takes_no_trades_is_not_sent_them_again(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpTellTrades=True)
        told.await_message("account", seq=1)
        told.say(type="reject", seq=1, code="unsupported", field="type", reason="Not taken.")
        terminal.wait_for_journal("refused item 1")
        terminal.command("order", 11, "EURUSD", 2, 0.5, 1.05)
        terminal.tick("EURUSD", terminal.now_ms + 1000, 1.1, 1.2)
        told.await_message("ticks", seq=2)
        assert told.of_type("order") == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"hello\n", "a line that cannot be read"),
        (b'{"type":"ack","seq":1}\n', "answered hello with ack"),
        (b'{"type":"welcome","resume":0}\n', "makes no sense"),
        (b'{"type":"welcome","resume":9}\n', "numbers that this terminal never gave out"),
        (b'{"type":"welcome","resume":1}\n{"type":"ack","seq":5}\n', "acknowledged number 5"),
        (b"x" * 1_100_000, "over 1 MiB"),
        (b'{"type":"error","code":"busy","reason":"Full."}\n', "Full. (busy)"),
    ],
)
def test_a_bridge_that_talks_nonsense_is_left_with_a_reason_and_tried_again(
    launch: Launch, client: str, answer: bytes, problem: str
) -> None:
    with scripted_bridge(answer=answer) as told:
        terminal = launch(EXPERT, InpClient=client, InpKey="k", InpPort=told.port, InpPeriods="")
        terminal.start()
        terminal.wait_for(lambda state: problem in str(state["journal"]), problem)
        wait_for(lambda: len(told.hellos) >= 2, 10, "another attempt")


# What follows needs no gateway: a scripted bridge says what the case needs.


def test_another_account_is_another_stream(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        terminal.set("login", 6002)
        terminal.restart(REASON_ACCOUNT)
        wait_for(lambda: len(told.hellos) == 2, 10, "the second hello")
    first, second = told.hellos
    assert (first["account"], second["account"]) == ("5001", "6002")
    assert first["stream"] != second["stream"]


def test_a_signal_is_drawn_on_each_chart_of_its_symbol_and_waits_for_one(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpSymbols="GBPUSD", symbols=["GBPUSD"])
        told.signal("g1", symbol="GBPUSD")
        wait_for(lambda: told.states("g1") == ["received"], 10, "the acknowledgement")
        assert terminal.objects == []
        terminal.set("other_chart", "GBPUSD")
        terminal.wait_for(lambda state: len(state["objects"]) == 5, "the drawing")
        assert terminal.objects[0]["name"] == "2/FKS_g1_arrow"


@pytest.mark.parametrize(("action", "arrow"), [("SELL", 1), ("CLOSE", 2), ("NONE", 3)])
def test_each_action_has_an_arrow_of_its_own(
    launch: Launch, client: str, action: str, arrow: int
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        told.signal("a" * 60, action=action, note="n" * 100, source="trend")
        terminal.wait_for(lambda state: len(state["objects"]) == 5, "the drawing")
        names = {each["name"]: each for each in terminal.objects}
        assert names["1/FKS_" + "a" * 48 + "_arrow"]["type"] == arrow
        assert names["1/FKS_" + "a" * 48 + "_text"]["tooltip"] == "trend"


def test_a_signal_that_has_expired_on_its_way_is_neither_drawn_nor_executed(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpExecute=True)
        told.signal("late", expires_ms=terminal.now_ms - 1000, execute=True)
        wait_for(lambda: told.states("late") == ["expired"], 10, "the answer")
        assert (terminal.objects, terminal.state["sends"]) == ([], 0)


@pytest.mark.parametrize(
    ("asked", "switch", "why"),
    [
        (False, "", ""),
        (True, "InpExecute", "InpExecute is off"),
        (True, "trade_allowed", "Algo Trading is off"),
        (True, "expert_trade_allowed", "tick Allow Algo Trading"),
        (True, "account_trade_allowed", "the account does not allow"),
        (True, "symbol", "the broker has no symbol NONE"),
    ],
)
def test_nothing_is_executed_unless_signal_input_terminal_and_account_all_say_so(
    launch: Launch, client: str, asked: bool, switch: str, why: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpExecute=switch != "InpExecute")
        if switch.endswith("_allowed"):
            terminal.set(switch, False)
        told.signal("s1", execute=asked, symbol="NONE" if switch == "symbol" else "EURUSD")
        last = "rejected" if asked else "shown"
        answer = told.await_message("signal_ack", id="s1", state=last)
        assert why in answer.get("detail", "")
        assert terminal.state["sends"] == 0


def test_a_close_closes_only_what_this_program_has_opened(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpExecute=True, InpMagic=77)
        terminal.tick("EURUSD", terminal.now_ms, 1.1, 1.1002)
        for ticket, magic in ((1, 77), (2, 0), (3, 77)):
            terminal.command("position", ticket, "EURUSD", ticket % 2, 0.1, magic, "")
        told.signal("c1", action="CLOSE", execute=True)
        told.await_message("signal_ack", id="c1", state="executed")
        state = terminal.state
        assert [each["ticket"] for each in state["positions"]] == [2]
        assert state["sends"] == 2
        told.signal("c2", action="CLOSE", execute=True)
        answer = told.await_message("signal_ack", id="c2", state="rejected")
        assert answer["detail"] == "there is no position of this program to close"
        told.signal("n1", action="NONE", execute=True)
        wait_for(lambda: told.states("n1") == ["received", "shown"], 10, "the drawing")
        assert terminal.state["sends"] == 2


@pytest.mark.parametrize(
    ("retcode", "detail"),
    [
        (10004, "moved beyond InpDeviation (retcode 10004)"),
        (10019, "not enough money (retcode 10019)"),
        (10006, "the trade server refused (retcode 10006)"),
        (10012, "did not answer and no deal was found"),
    ],
)
def test_an_order_that_the_trade_server_refuses_is_told_with_its_reason(
    launch: Launch, client: str, retcode: int, detail: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpExecute=True)
        terminal.set("retcode", retcode)
        told.signal("r1", action="SELL", execute=True)
        told.signal("r1", action="SELL", execute=True)
        answer = told.await_message("signal_ack", id="r1", state="rejected")
        assert detail in answer["detail"]
        assert terminal.state["sends"] == 1


@pytest.mark.parametrize("filled", [True, False])
def test_an_order_during_which_the_terminal_died_is_looked_up_and_not_sent_again(
    launch: Launch, client: str, filled: bool
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpExecute=True, InpMagic=77)
        terminal.set("die_in_order_send", True)
        told.signal("d1", execute=True)
        assert terminal.await_death() == -9
        again = attach(launch, told, client, InpExecute=True, InpMagic=77, start=False)
        if filled:
            again.command("deal", 500, 499, 78, "EURUSD", "FKSd1", 1.2)
            again.command("deal", 501, 500, 77, "EURUSD", "FKSd1", 1.1003)
            again.command("deal", 502, 501, 77, "EURUSD", "another", 1.3)
        again.start()
        last = "executed" if filled else "rejected"
        ack = told.await_message("signal_ack", id="d1", state=last)
        found = (ack.get("ticket"), ack.get("price"))
        assert found == (("500", 1.1003) if filled else (None, None))
        told.signal("d1", execute=True)
        wait_for(lambda: told.states("d1").count(last) == 2, 10, "the same answer")
        assert again.state["sends"] == 0


def test_two_charts_of_one_instance_are_refused_on_the_second(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        attach(launch, told, client)
        second = attach(launch, told, client, start=False)
        assert second.start() == 1
        assert "give this one another InpInstance" in second.state["alerts"][0]


def test_missing_inputs_and_addresses_not_allowed_are_explained(launch: Launch) -> None:
    terminal = launch(EXPERT, InpClient="X")
    assert terminal.start() == 2
    assert "enter InpClient and InpKey" in terminal.state["alerts"][0]
    terminal.inputs(InpKey="k", InpHost="localhost", InpPeriods="M1,M2", InpSymbols="NONE")
    terminal.start()
    terminal.wait_for(lambda state: "Tools > Options" in state["comment"], "the remedy")
    assert any("look it up in Market Watch" in line for line in terminal.journal)
    assert terminal.state["sockets"] == 0


def test_status_says_what_was_produced_and_how_the_terminal_is(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        terminal.set("weekend", "EURUSD")
        terminal.set("connected", False)
        terminal.ticks("EURUSD", quotes(10, terminal.now_ms + 1000))
        told.await_message("ticks")
        for _ in range(3):
            time.sleep(0.1)
            terminal.set("clock_ms", 5000)
        wait_for(lambda: any("ping_ms" in each for each in told.heard), 10, "a measured ping")
        status = told.await_message("status", produced=10, buffered=0, dropped=0)
        assert (status["broker_connected"], status["trade_allowed"]) == (False, True)
        assert status["market_open"] is True


def test_closed_bars_are_sent_once_and_the_open_one_never(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpPeriods="M1,H1,M2", start=False)
        for minute in range(3):
            terminal.bar("EURUSD", 60, 60 * minute, (1.1, 1.2, 1.0, 1.15), 9)
        terminal.start()
        terminal.wait_for(is_connected, "a session")
        for minute in range(3, 6):
            terminal.bar("EURUSD", 60, 60 * minute, (1.1, 1.2, 1.0, 1.15), 9)
        wait_for(lambda: len(told.of_type("bar")) == 3, 10, "three bars")
        terminal.set("clock_ms", 3000)
        time.sleep(0.3)
        bars = told.of_type("bar")
        assert [bar["time_ms"] for bar in bars] == [120_000, 180_000, 240_000]
        assert (bars[0]["stamp"], bars[0]["closed"], bars[0]["volume"]) == ("open", True, 9)
        assert (bars[0]["open"], bars[0]["high"], bars[0]["close"]) == (1.1, 1.2, 1.15)
        assert any("M2 is no period" in line for line in terminal.journal)


def test_a_trade_price_travels_with_its_volume_and_flags(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        now = terminal.now_ms + 1000
        terminal.command("tick", "EURUSD", now, 1.1, 1.1002, 3, 1.1001)
        tick = told.await_message("tick")
        assert (tick["bid"], tick["ask"], tick["last"], tick["volume"]) == (1.1, 1.1002, 1.1001, 3)
        assert (tick["flags"], tick["time_ms"], tick["symbol"]) == (6, now, "EURUSD")


def test_the_servers_clock_is_stated_and_a_change_of_it_is_told_by_a_new_hello(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, server_offset_s=7203)
        terminal.set("server_offset_s", 10800)
        wait_for(lambda: len(told.hellos) == 2, 10, "the second hello")
        assert [hello["utc_offset_s"] for hello in told.hellos] == [7200, 10800]


def test_a_weekend_is_no_trouble_and_ticks_go_on_in_the_same_session_on_monday(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, start=False)
        now = time.gmtime()
        to_friday_s = (4 - now.tm_wday) % 7 * 86_400 + (20 - now.tm_hour) * 3600
        terminal.set("clock_ms", (to_friday_s + 7 * 86_400) * 1000)
        terminal.start()
        terminal.wait_for(is_connected, "a session")
        terminal.ticks("EURUSD", quotes(300, terminal.now_ms))
        wait_for(lambda: told.highest == 300, 10, "Friday's ticks")
        terminal.elapse(60 * 3600, 30_000)
        assert time.gmtime(terminal.now_ms / 1000).tm_wday == 0
        terminal.ticks("EURUSD", quotes(300, terminal.now_ms))
        wait_for(lambda: told.highest == 600, 10, "Monday's ticks")
        assert told.numbers(0) == list(range(1, 601))
        said = [message["market_open"] for message in told.of_type("status")]
        assert [open_ for open_, _ in itertools.groupby(said)] == [True, False, True]
        assert len(told.hellos) == 1
        assert terminal.journal == ["FKS Bridge: connected"]


def test_a_chart_that_changes_its_symbol_and_comes_back_goes_on_with_the_same_numbers(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, symbols=["GBPUSD"])
        first = terminal.now_ms + 1000
        for part, symbol in enumerate(("EURUSD", "GBPUSD", "EURUSD")):
            if part:
                terminal.set("chart", symbol)
                assert terminal.restart(REASON_CHARTCHANGE) == 0
                terminal.wait_for(is_connected, "another session")
                time.sleep(0.1)  # the timer places its cursor
            terminal.ticks(symbol, quotes(50, first + 1000 * part))
            wait_for(lambda part=part: told.highest == 50 * part + 50, 10, "fifty ticks")  # type: ignore[misc]
        assert told.numbers(0) == list(range(1, 151))
        sent = [(m["symbol"], row[0]) for m in told.of_type("ticks") for row in m["ticks"]]
        symbols = ["EURUSD"] * 50 + ["GBPUSD"] * 50 + ["EURUSD"] * 50
        times = [row[0] for part in range(3) for row in quotes(50, first + 1000 * part)]
        assert sent == list(zip(symbols, times, strict=True))
        assert len({hello["stream"] for hello in told.hellos}) == 1


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_a_machine_whose_clock_is_set_keeps_its_session_and_its_signals(
    launch: Launch, client: str, jump_s: int
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        told.signal("j1", expires_ms=terminal.now_ms + 1_800_000)
        told.await_message("signal_ack", id="j1", state="shown")
        terminal.set("wall_ms", jump_s * 1000)
        calls = terminal.state["timer_calls"]
        terminal.set("clock_ms", 5000)
        terminal.wait_for(lambda state: state["timer_calls"] > calls + 5, "some calls")
        terminal.ticks("EURUSD", quotes(30, terminal.now_ms))
        wait_for(lambda: told.numbers(0) == list(range(1, 31)), 10, "thirty ticks")
        assert (len(told.hellos), told.states("j1")) == (1, ["received", "shown"])
        assert len(terminal.objects) == 5


def test_one_backfill_runs_at_a_time(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, start=False)
        first = terminal.now_ms - 100_000
        terminal.ticks("EURUSD", quotes(3000, first))
        terminal.start()
        terminal.wait_for(is_connected, "a session")
        asked = {"type": "command", "name": "backfill"}
        args = {"symbol": "EURUSD", "from_ms": first, "to_ms": first + 999}
        told.say_all([{**asked, "id": name, "args": args} for name in ("a", "b")])
        assert "another backfill" in told.await_message("command_ack", id="b")["detail"]
        assert told.await_message("command_ack", id="a")["detail"] == "3000 ticks"


def test_a_symbol_that_the_broker_has_withdrawn_is_told_when_all_are_asked_for_again(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        given = "EURUSD,,EURUSD,GBPUSD"
        terminal = attach(launch, told, client, InpSymbols=given, symbols=["GBPUSD"])
        terminal.set("delisted", "GBPUSD")
        told.say(type="command", id="s", name="resubscribe")
        assert told.await_message("command_ack", id="s")["ok"] is False
        terminal.ticks("EURUSD", quotes(9, terminal.now_ms + 1000))
        wait_for(lambda: told.numbers(0) == list(range(1, 10)), 10, "each tick once")


def test_a_state_that_can_not_be_written_is_said(
    launch: Launch, client: str, tmp_path: Path
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        (book,) = tmp_path.rglob("*.signals")
        book.with_suffix(".state.new").mkdir()
        terminal.command("deinit", REASON_PARAMETERS)
        assert "what was not acknowledged is lost" in str(terminal.journal)


def test_a_silent_bridge_is_left_and_tried_again(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        told.mute = True
        time.sleep(0.2)
        terminal.set("clock_ms", 46_000)
        wait_for(lambda: len(told.hellos) == 2, 10, "another attempt")
        terminal.wait_for_journal("silent for 45 s")


def test_a_hello_without_an_answer_ends_after_ten_seconds(launch: Launch, client: str) -> None:
    with scripted_bridge(answer=b"\r") as told:
        terminal = attach(launch, told, client, wait=False)
        wait_for(lambda: len(told.hellos) == 1, 10, "hello")
        terminal.set("clock_ms", 11_000)
        terminal.wait_for_journal("did not answer hello within 10 s")


def test_pings_of_the_bridge_are_answered_with_what_they_carried(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        attach(launch, told, client)
        for mark in (17, "seventeen", None):
            told.say(type="ping", t=mark)
            told.await_message("pong", t=mark)


def test_a_resend_is_followed_and_numbers_no_longer_held_are_declared(
    launch: Launch, client: str
) -> None:
    with scripted_bridge(acks=False) as told:
        terminal = attach(launch, told, client, InpCapacity=5)
        terminal.ticks("EURUSD", quotes(5, terminal.now_ms + 1000))
        wait_for(lambda: told.highest == 5, 10, "five ticks")
        terminal.ticks("EURUSD", quotes(3, terminal.now_ms + 2000))
        wait_for(lambda: told.highest == 8, 10, "eight ticks")
        told.say(type="resend", **{"from": 2})
        gap = told.await_message("gap", to=3)
        assert gap["from"] == 2
        after = told.heard.index(gap)
        wait_for(lambda: told.numbers(after) == [4, 5, 6, 7, 8], 10, "the rest again")
        told.say(type="ack", seq=8)
        terminal.wait_for(lambda state: " 0 waiting, 2 dropped" in state["comment"], "counts")


def test_what_the_bridge_has_not_kept_is_sent_again_after_a_cut_in_the_midst_of_a_line(
    launch: Launch, client: str
) -> None:
    with scripted_bridge(acks=False) as told:
        terminal = attach(launch, told, client)
        terminal.ticks("EURUSD", quotes(5, terminal.now_ms + 1000))
        wait_for(lambda: told.highest == 5, 10, "five ticks")
        before = len(told.heard)
        told.answer = b'{"type":"welcome","resume":3}\n'
        told.say_raw(b'{"type":"ack","seq"')
        told.hang_up()
        wait_for(lambda: told.numbers(before) == [3, 4, 5], 10, "what is missing")
        assert len(told.hellos) == 2


def test_no_call_into_the_terminal_takes_much_longer_than_its_budget(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpBudgetMs=20)
        terminal.ticks("EURUSD", quotes(5000, terminal.now_ms + 1000, 1))
        wait_for(lambda: told.highest == 5000, 20, "five thousand ticks")
        assert terminal.state["longest_call_us"] < 1_000_000


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("auth", "Issue a key"),
        ("tls_required", "Set InpTls to true"),
        ("superseded", "give each chart its own InpInstance"),
        ("ip", "(ip)"),
    ],
)
def test_what_the_bridge_refuses_for_good_is_told_with_its_remedy_and_not_tried_again(
    launch: Launch, client: str, code: str, remedy: str
) -> None:
    refusal = f'{{"type":"error","code":"{code}","reason":"No."}}\n'.encode()
    with scripted_bridge(answer=refusal) as told:
        terminal = attach(launch, told, client, wait=False)
        state = terminal.wait_for(lambda state: bool(state["alerts"]), "an alert")
        assert remedy in state["alerts"][0]
        terminal.set("clock_ms", 60_000)
        time.sleep(0.3)
        assert len(told.hellos) == 1


def test_a_bridge_that_is_not_there_is_named(launch: Launch, client: str, free_port: int) -> None:
    terminal = launch(EXPERT, InpClient=client, InpKey="k", InpPort=free_port)
    terminal.start()
    terminal.wait_for_journal(f"no connection to 127.0.0.1:{free_port} (error 5272)")


def test_what_is_held_goes_out_under_a_new_numbering_when_the_bridge_is_ahead(
    launch: Launch, client: str
) -> None:
    with scripted_bridge(answer=b'{"type":"welcome","resume":9}\n') as told:
        terminal = attach(launch, told, client, wait=False)
        wait_for(lambda: len(told.hellos) >= 1, 10, "hello")
        terminal.ticks("EURUSD", quotes(3, terminal.now_ms + 1000, 1))
        wait_for(lambda: len(told.hellos) >= 3, 10, "more attempts")
        told.answer = None
        wait_for(lambda: told.numbers(0) == [1, 2, 3], 10, "the ticks from number one")
        streams = [hello["stream"] for hello in told.hellos]
        assert len(set(streams)) == len(streams)


def test_refusals_are_said_in_the_journal_and_of_a_flood_only_some(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        for seq in range(1, 31):
            told.say(type="reject", seq=seq, code="price", field="bid", reason="Zero.")
        told.say(type="ping", t=1)
        told.await_message("pong", t=1)
        said = [line for line in terminal.journal if "refused item" in line]
        assert said[0] == "FKS Bridge refused item 1: Zero. (price bid)"
        assert len(said) == 20


def test_a_signal_is_erased_when_it_expires_and_a_repeat_is_only_answered(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        for _ in range(2):
            told.signal("e1", expires_ms=terminal.now_ms + 30_000)
        terminal.wait_for(lambda state: len(state["objects"]) == 5, "the drawing")
        wait_for(lambda: told.states("e1") == ["received", "shown", "shown"], 10, "answers")
        for _ in range(4):  # pings confirm what was said before them
            terminal.set("clock_ms", 5000)
            time.sleep(0.15)
        terminal.restart(REASON_PARAMETERS)
        terminal.wait_for(is_connected, "another session")
        assert told.states("e1") == ["received", "shown", "shown"]
        terminal.set("clock_ms", 31_000)
        told.await_message("signal_ack", id="e1", state="expired")
        assert terminal.objects == []


def test_objects_of_a_signal_that_the_book_has_forgotten_are_left_alone(
    launch: Launch, client: str, tmp_path: Path
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client)
        told.signal("f1")
        terminal.wait_for(lambda state: len(state["objects"]) == 5, "the drawing")
        terminal.command("deinit", REASON_PARAMETERS)
        (book,) = tmp_path.rglob("*.signals")
        book.unlink()
        terminal.start()
        terminal.wait_for(is_connected, "another session")
        told.signal("f1")
        wait_for(lambda: told.states("f1").count("shown") == 2, 10, "the answer")
        assert len(terminal.objects) == 5


def test_the_book_keeps_the_last_thousand_signals(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        attach(launch, told, client)
        for number in range(1001):
            told.signal(f"b{number}", symbol="GBPUSD", action="NONE")
        wait_for(lambda: told.states("b1000") == ["received"], 20, "the last one")
        told.signal("b1", symbol="GBPUSD", action="NONE")
        wait_for(lambda: told.states("b1") == ["received"] * 2, 10, "a repeat")


def test_nothing_is_executed_when_it_can_not_be_written_down(launch: Launch, client: str) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpExecute=True)
        told.signal("w0")
        told.await_message("signal_ack", id="w0", state="shown")
        terminal.set("disk_full", True)
        told.signal("w1", execute=True)
        answer = told.await_message("signal_ack", id="w1", state="rejected")
        assert "can't write to the folder" in answer["detail"]
        assert terminal.state["sends"] == 0
        assert terminal.restart(REASON_PARAMETERS) == 1
        assert "what was not acknowledged is lost" in str(terminal.journal)
        assert "can't write to the folder" in str(terminal.state["alerts"])


def test_a_symbol_whose_history_comes_later_is_sent_from_then_on(
    launch: Launch, client: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, start=False)
        terminal.tick("EURUSD", terminal.now_ms - 5000, 1.0, 1.1)
        terminal.set("loading", "EURUSD")
        terminal.start()
        terminal.wait_for(is_connected, "a session")
        terminal.set("loaded", "EURUSD")
        time.sleep(0.1)
        terminal.ticks("EURUSD", quotes(4, terminal.now_ms, 4))
        wait_for(lambda: told.highest == 4, 10, "four ticks")


@pytest.mark.parametrize(
    ("state", "event"), [(2, "cancelled"), (3, "part_filled"), (5, "rejected"), (None, "cancelled")]
)
def test_how_an_order_ended_is_looked_up(
    launch: Launch, client: str, state: int | None, event: str
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpTellTrades=True)
        for ticket, kind in ((21, 0), (22, 5), (23, 7)):
            terminal.command("order", ticket, "EURUSD", kind, 0.5, 1.05)
        orders = [told.await_message("order", ticket=ticket) for ticket in (21, 22, 23)]
        assert [order["kind"] for order in orders] == ["market", "stop", "stop_limit"]
        assert [order["side"] for order in orders] == ["buy", "sell", "sell"]
        if state is None:
            terminal.command("forget_order", 22)
        else:
            terminal.command("end_order", 22, state)
        assert told.await_message("order", ticket=22, event=event)
        assert len([m for m in told.of_type("order") if m["ticket"] == 23]) == 1


@pytest.mark.parametrize("filling", [0, 1, 2])
def test_an_order_is_filled_in_the_way_that_the_symbol_allows(
    launch: Launch, client: str, filling: int
) -> None:
    with scripted_bridge() as told:
        terminal = attach(launch, told, client, InpExecute=True)
        terminal.set("filling", filling)
        told.signal("o1", execute=True)
        told.await_message("signal_ack", id="o1", state="executed")
        assert terminal.state["filled_how"] == {0: 2, 1: 0, 2: 1}[filling]
