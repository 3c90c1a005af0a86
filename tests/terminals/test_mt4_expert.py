"""MetaTrader 4's program in a strict terminal, its DLL, the agent, and the real gateway."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.shm.layout import memory_bytes
from agent.shm.memory import open_memory
from agent.shm.pair import Pair
from tests.e2e.bridge import LiveBridge, wait_for
from tests.terminals import stored
from tests.terminals.agents import CAPACITY, AgentProcess
from tests.terminals.certificates import authority
from tests.terminals.conftest import Launch
from tests.terminals.mql.build import SOURCE4
from tests.terminals.mql.metatrader import REASON_CHARTCHANGE, REASON_PARAMETERS, MetaTrader
from tests.terminals.native import memory_of
from tests.terminals.proxy import Faults, Proxy
from tests.terminals.scripted import ScriptedBridge, scripted_bridge

pytestmark = pytest.mark.requires("g++", "gcc")

EXPERT = str(SOURCE4 / "Experts" / "FKSBridge.mq4")
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def dll(monkeypatch: pytest.MonkeyPatch, library: Path) -> None:
    monkeypatch.setenv("MQL_FKSBRIDGE", str(library))


@pytest.fixture
def client() -> str:
    return f"MT4-{next(_numbers)}-{time.time_ns() % 1_000_000}"


@pytest.fixture
def line(bridge: LiveBridge) -> Iterator[Proxy]:
    with Proxy(bridge.tcp_port) as proxy:
        yield proxy


Serve = Callable[..., AgentProcess]


@pytest.fixture
def serve(tmp_path: Path, client: str, name: str) -> Iterator[Serve]:
    """`serve(port)`: an agent for this test's pair, and for those that are named besides."""
    with ExitStack() as stack:

        def start(port: int, *more: str, key: str = "k") -> AgentProcess:
            process = AgentProcess(tmp_path, port, client, key, name, *more)
            return stack.enter_context(process)

        yield start


def attach(
    launch: Launch, name: str, *, start: bool = True, folder: Path | None = None, **more: object
) -> MetaTrader:
    """A terminal with the program on its chart."""
    given = {"InpName": name, "InpCapacity": CAPACITY, "InpTimerMs": 10, "InpTellTrades": False}
    terminal = launch(EXPERT, folder, **{**given, **more})
    terminal.tick("EURUSD", terminal.now_ms, 1.1, 1.1002)
    if start:
        assert terminal.start() == 0
    return terminal


def prices(count: int) -> list[tuple[float, float]]:
    """Bid and ask of ticks that are all different."""
    return [(round(1.1 + i * 1e-5, 5), round(1.1001 + i * 1e-5, 5)) for i in range(count)]


def quote(terminal: MetaTrader, symbol: str, rows: list[tuple[float, float]]) -> None:
    """Ticks of this moment."""
    now = terminal.now_ms
    terminal.ticks(symbol, [(now, bid, ask) for bid, ask in rows])


def is_connected(state: dict[str, Any]) -> bool:
    return str(state["comment"]).startswith("FKS Bridge connected")


def push(bridge: LiveBridge, client: str, *more: str) -> str:
    pushed = bridge.manage(
        "push_signal", "--client", client, "--symbol", "EURUSD", "--action", "BUY",
        "--entry", "1.1", "--stop-loss", "1.09", "--take-profit", "1.12",
        "--confidence", "0.7", "--note", "breakout", *more,
    )  # fmt: skip
    return str(pushed["id"])


@dataclass(frozen=True)
class Told:
    """A scripted bridge behind the agent, and a terminal whose program is connected to it."""

    bridge: ScriptedBridge
    terminal: MetaTrader
    agent: AgentProcess


@pytest.fixture
def told(launch: Launch, name: str, serve: Serve) -> Iterator[Callable[..., Told]]:
    with ExitStack() as stack:

        def start(config: dict[str, Any] | None = None, **inputs: Any) -> Told:
            bridge = stack.enter_context(scripted_bridge(config=config))
            agent = serve(bridge.port)
            terminal = attach(launch, name, **inputs)
            terminal.wait_for(is_connected, "a session")
            return Told(bridge, terminal, agent)

        yield start


# Ticks.


def test_five_thousand_ticks_arrive_once_and_in_order_though_bridge_and_line_fail(
    bridge: LiveBridge, client: str, launch: Launch, name: str, serve: Serve
) -> None:
    faults = Faults(refuse_connections=2, cut_at_ticks=[1500], piece_bytes=7)
    with Proxy(bridge.tcp_port, faults) as line:
        serve(line.port, key=bridge.issue_key(client, "mt4"))
        terminal = attach(launch, name)
        rows = prices(5000)
        quote(terminal, "EURUSD", rows)
        bridge.wait_for_stats(client, produced=5000, stored=5000, lost=0, refused=0, gaps=0)
        assert [(bid, ask) for *_, bid, ask, _, _ in stored.ticks(bridge, client)] == rows
        assert line.connections == 4  # two refused, one cut, one that lasted
    assert bridge.stats(client)["sessions"] == 2


def test_an_agent_killed_at_any_moment_loses_and_repeats_nothing(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy, name: str, serve: Serve
) -> None:
    agent = serve(line.port, key=bridge.issue_key(client, "mt4"))
    terminal = attach(launch, name)
    rows = prices(3000)
    for start in range(0, 3000, 1000):
        quote(terminal, "EURUSD", rows[start : start + 1000])
        agent.kill()
        agent.start()
    bridge.wait_for_stats(client, produced=3000, stored=3000, lost=0, refused=0, gaps=0)
    assert [(bid, ask) for *_, bid, ask, _, _ in stored.ticks(bridge, client)] == rows
    assert len({hello["stream"] for hello in line.of_type("hello")}) == 1


def test_a_terminal_that_crashes_begins_a_new_numbering_and_what_it_wrote_is_not_lost(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy, name: str, serve: Serve
) -> None:
    line.faults.refuse_connections = 10**6
    serve(line.port, key=bridge.issue_key(client, "mt4"))
    rows = prices(300)
    terminal = attach(launch, name)
    quote(terminal, "EURUSD", rows[:100])
    terminal.kill()
    terminal = attach(launch, name)
    quote(terminal, "EURUSD", rows[100:200])
    terminal.restart(REASON_CHARTCHANGE)
    quote(terminal, "EURUSD", rows[200:])
    line.faults.refuse_connections = 0
    bridge.wait_for_stats(client, produced=300, stored=300, lost=0, refused=0, gaps=0)
    streams = [hello["stream"] for hello in line.of_type("hello")]
    assert len(streams) == len(set(streams)) == 3
    told = [(tick["bid"], tick["ask"]) for tick in line.of_type("tick")]
    assert told == rows


def test_what_a_full_memory_refuses_becomes_a_recorded_gap(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy, name: str, tmp_path: Path
) -> None:
    terminal = attach(launch, name, InpCapacity=256)
    quote(terminal, "EURUSD", prices(1000))
    terminal.wait_for(lambda state: "256 waiting" in state["comment"], "the memory to fill")
    assert "the agent is not running" in terminal.state["comment"]
    key = bridge.issue_key(client, "mt4")
    with AgentProcess(tmp_path, line.port, client, key, name, capacity=256):
        terminal.wait_for(is_connected, "a session")
        terminal.set("clock_ms", 5000)
        # The program's first words and its ping had their room, the ticks the rest.
        bridge.wait_for_stats(client, produced=1000, stored=253, lost=747, gaps=1)
        quote(terminal, "EURUSD", prices(3))
        bridge.wait_for_stats(client, produced=1003, stored=256, lost=747, gaps=1)


def test_charts_and_their_symbols_are_served_at_once_by_one_agent(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy, name: str, serve: Serve,
    tmp_path: Path,
) -> None:  # fmt: skip
    serve(line.port, f"{name}-b", key=bridge.issue_key(client, "mt4"))
    first = attach(launch, name, InpSymbols="EURUSD, XAUUSD,NONE", start=False)
    first.symbol("XAUUSD", 2)
    first.start()
    second = attach(launch, f"{name}-b", start=False, folder=tmp_path / "second")
    second.symbol("GBPUSD")
    second.set("chart", "GBPUSD")
    second.start()
    quote(first, "EURUSD", prices(200))
    quote(second, "GBPUSD", prices(300))
    for number in range(5):  # the timer sees the newest only
        quote(first, "XAUUSD", [(2000 + number // 3, 2001 + number)])
        first.wait_for(lambda _: len(line.of_type("tick")) >= 501 + number, "the tick")  # noqa: B023
    bridge.wait_for_stats(client, produced=505, stored=505, lost=0, open_sessions=2)
    assert sorted(hello["instance"] for hello in line.of_type("hello")) == [name, f"{name}-b"]
    seen = Counter(tick["symbol"] for tick in line.of_type("tick"))
    assert seen == {"EURUSD": 200, "GBPUSD": 300, "XAUUSD": 5}
    assert any("no symbol NONE" in entry for entry in first.journal)


def test_a_tick_carries_the_servers_seconds_and_when_this_machine_received_it(
    told: Callable[..., Told],
) -> None:
    it = told()
    before = it.terminal.now_ms
    quote(it.terminal, "EURUSD", [(1.1, 1.1002), (1.1, 1.1002)])
    wait_for(lambda: len(it.bridge.of_type("tick")) == 2, 10, "the same price twice")
    tick = it.bridge.of_type("tick")[1]
    assert (tick["bid"], tick["ask"], tick["symbol"]) == (1.1, 1.1002, "EURUSD")
    assert tick["time_ms"] == before // 1000 * 1000
    assert before <= tick["local_ms"] <= it.terminal.now_ms
    hello = it.bridge.hellos[0]
    assert (hello["platform"], hello["account"], hello["version"]) == ("mt4", "5001", "1.0")
    assert hello["utc_offset_s"] == 0


@pytest.mark.parametrize("jump_s", [3600, -7200])
def test_a_jump_of_the_servers_clock_is_told_by_a_new_hello_and_loses_nothing(
    told: Callable[..., Told], jump_s: int
) -> None:
    it = told()
    quote(it.terminal, "EURUSD", prices(5))
    later = it.terminal.now_ms + jump_s * 1000
    it.terminal.ticks("EURUSD", [(later, bid, ask) for bid, ask in prices(30)])
    wait_for(lambda: len(it.bridge.hellos) == 2, 10, "the second hello")
    wait_for(lambda: len({m["seq"] for m in it.bridge.of_type("tick")}) == 35, 10, "all ticks")
    assert [hello["utc_offset_s"] for hello in it.bridge.hellos] == [0, jump_s]
    assert len({hello["stream"] for hello in it.bridge.hellos}) == 1
    assert len(it.bridge.of_type("tick")) == 35
    assert any(f"now {jump_s} s ahead" in entry for entry in it.terminal.journal)


def test_one_late_tick_moves_no_clock(told: Callable[..., Told]) -> None:
    it = told()
    now = it.terminal.now_ms
    late = [(now - 3_600_000, 1.2, 1.3), (now, 1.1, 1.2)] * 25
    astray = [(now - 3_600_000, 1.2, 1.3), (now + 3_600_000, 1.1, 1.2)] * 25
    it.terminal.ticks("EURUSD", late + astray)
    wait_for(lambda: len(it.bridge.of_type("tick")) == 100, 10, "all ticks")
    assert len(it.bridge.hellos) == 1


def test_a_day_into_a_weekend_keeps_one_session_and_says_when_the_market_closes(
    told: Callable[..., Told],
) -> None:
    it = told()
    to_friday_days = (4 - time.gmtime().tm_wday) % 7
    it.terminal.set("clock_ms", to_friday_days * 86_400_000)
    it.terminal.elapse(24 * 3600, 60_000)
    it.terminal.wait_for(is_connected, "the session still")
    assert len(it.bridge.hellos) == 1
    it.terminal.set("clock_ms", 5000)
    wait_for(lambda: any(not m["market_open"] for m in it.bridge.of_type("status")), 15, "closed")
    assert it.terminal.state["longest_call_us"] < 1_000_000


# Signals.


def test_a_signal_is_drawn_once_however_often_it_comes_and_erased_when_it_has_expired(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy, name: str, serve: Serve
) -> None:
    line.faults.repeat_signals = 2
    serve(line.port, key=bridge.issue_key(client, "mt4"))
    terminal = attach(launch, name)
    terminal.wait_for(is_connected, "a session")
    signal = push(bridge, client, "--expires", "600")
    state = terminal.wait_for(lambda state: bool(state["objects"]), "the drawing")
    drawn = {each["name"]: each for each in state["objects"]}
    assert sorted(drawn) == [
        f"1/FKS_{signal}_{part}" for part in ("arrow", "entry", "stop", "target", "text")
    ]
    assert drawn[f"1/FKS_{signal}_stop"]["price"] == 1.09
    assert drawn[f"1/FKS_{signal}_text"]["text"] == "BUY 70% breakout"
    wait_for(lambda: len(line.of_type("signal_ack")) == 4, 10, "the acknowledgements")
    acks = [message["state"] for message in line.of_type("signal_ack")]
    assert acks == ["received", "shown", "shown", "shown"]
    terminal.set("clock_ms", 601_000)
    terminal.wait_for(lambda state: not state["objects"], "the drawing to expire")
    wait_for(lambda: line.of_type("signal_ack")[-1]["state"] == "expired", 10, "the expiry")
    assert terminal.state["sends"] == 0


def test_a_signal_is_executed_once_also_when_each_side_is_restarted(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy, name: str, serve: Serve
) -> None:
    line.faults.repeat_signals = 1
    agent = serve(line.port, key=bridge.issue_key(client, "mt4"))
    terminal = attach(
        launch, name, InpExecute=True, InpVolume=0.256, InpMagic=77, InpTellTrades=True
    )
    terminal.wait_for(is_connected, "a session")
    signal = push(bridge, client, "--execute")
    terminal.wait_for(lambda state: bool(state["positions"]), "the position")
    wait_for(lambda: len(line.of_type("signal_ack")) >= 3, 10, "the acknowledgements")
    terminal.restart(REASON_PARAMETERS)
    terminal.wait_for(is_connected, "a second session")
    agent.kill()
    agent.start()
    wait_for(lambda: len(line.of_type("hello")) == 3, 10, "the third hello")
    (position,) = terminal.state["positions"]
    assert terminal.state["sends"] == 1
    assert (position["volume"], position["sl"], position["tp"]) == (0.25, 1.09, 1.12)
    assert (position["magic"], position["comment"][3:]) == (77, signal.replace("-", "")[:24])
    done = [m for m in line.of_type("signal_ack") if m["state"] == "executed"]
    assert {(m["ticket"], m["price"]) for m in done} == {(str(position["ticket"]), 1.1002)}
    known = [(str(position["ticket"]), "EURUSD", "buy", 0.25, 1.1002)]
    wait_for(lambda: stored.open_positions(bridge, client) == known, 10, "the position, stored")
    assert bridge.stats(client)["refused"] == 0


def test_a_fate_that_the_bridge_has_heard_is_not_told_again_in_the_next_session(
    told: Callable[..., Told],
) -> None:
    it = told()
    it.bridge.signal("c1", action="SELL")
    it.bridge.await_message("signal_ack", id="c1", state="shown")
    for _ in range(2):
        it.terminal.set("clock_ms", 5000)
        time.sleep(0.2)
    it.agent.kill()
    it.agent.start()
    wait_for(lambda: len(it.bridge.hellos) == 2, 10, "another session")
    it.terminal.wait_for(is_connected, "another session")
    it.bridge.signal("c2", action="NONE")
    it.bridge.await_message("signal_ack", id="c2", state="shown")
    assert it.bridge.states("c1") == ["received", "shown"]


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("trade_allowed", "the button AutoTrading is off"),
        ("expert_trade_allowed", "tick Allow live trading"),
        ("account_trade_allowed", "the account does not allow"),
    ],
)
def test_a_signal_is_not_executed_where_trading_is_not_allowed(
    told: Callable[..., Told], setting: str, reason: str
) -> None:
    it = told(InpExecute=True)
    it.terminal.set(setting, False)
    it.bridge.signal("n1", execute=True)
    ack = it.bridge.await_message("signal_ack", id="n1", state="rejected")
    assert reason in ack["detail"]
    it.terminal.set(setting, True)
    it.bridge.signal("n2", symbol="NONE", execute=True)
    ack = it.bridge.await_message("signal_ack", id="n2", state="rejected")
    assert "no symbol NONE" in ack["detail"]
    assert it.terminal.state["sends"] == 0


def test_a_signal_is_not_executed_without_the_input(told: Callable[..., Told]) -> None:
    it = told()
    it.bridge.signal("i1", execute=True)
    ack = it.bridge.await_message("signal_ack", id="i1", state="rejected")
    assert ack["detail"] == "InpExecute is off"
    assert it.terminal.state["sends"] == 0


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (138, "the price has moved beyond InpSlippage (error 138)"),
        (134, "not enough money (error 134)"),
        (130, "stop or target is on the wrong side, or too close (error 130)"),
        (146, "another program of this terminal was trading (error 146)"),
        (133, "the trade server refused (error 133)"),
        (128, "the trade server did not answer and no order was found; look at the account"),
    ],
)
def test_an_order_that_is_refused_is_told_with_its_reason(
    told: Callable[..., Told], code: int, reason: str
) -> None:
    it = told(InpExecute=True)
    it.terminal.set("retcode", code)
    it.bridge.signal("r1", execute=True)
    ack = it.bridge.await_message("signal_ack", id="r1", state="rejected")
    assert ack["detail"] == reason
    it.bridge.signal("r1", execute=True)
    wait_for(lambda: it.bridge.states("r1").count("rejected") == 2, 10, "the same answer")
    assert it.terminal.state["sends"] == 1
    assert any(f"not done, error {code}" in entry for entry in it.terminal.journal)


def test_an_order_whose_answer_is_lost_is_found_by_its_comment(told: Callable[..., Told]) -> None:
    it = told(InpExecute=True, InpMagic=77)
    it.terminal.set("retcode", 1128)
    it.bridge.signal("f1", execute=True)
    ack = it.bridge.await_message("signal_ack", id="f1", state="executed")
    (position,) = it.terminal.state["positions"]
    assert (ack["ticket"], ack["price"]) == (str(position["ticket"]), 1.1002)
    assert ack["detail"] == "found in the account"


@pytest.mark.parametrize("filled", [True, False])
def test_after_a_crash_during_an_order_it_is_looked_up_and_never_sent_again(
    told: Callable[..., Told], launch: Launch, name: str, filled: bool
) -> None:
    it = told(InpExecute=True, InpMagic=77)
    it.terminal.set("die_in_order_send", True)
    it.bridge.signal("d1", execute=True)
    assert it.terminal.await_death() == -9
    # An answer to the dead program's last ping is none to what the next one says.
    it.bridge.say(type="pong", t="2")
    again = attach(launch, name, start=False, InpExecute=True, InpMagic=77)
    if filled:
        again.command("deal", 503, 499, 78, "EURUSD", "FKSd1", 1.2)
        again.command("deal", 501, 500, 77, "EURUSD", "FKSd1[sl]", 1.1003)
        again.command("deal", 502, 501, 77, "EURUSD", "another", 1.3)
    again.start()
    last = "executed" if filled else "rejected"
    ack = it.bridge.await_message("signal_ack", id="d1", state=last)
    found = (ack.get("ticket"), ack.get("price"))
    assert found == (("500", 1.1003) if filled else (None, None))
    it.bridge.signal("d1", execute=True)
    wait_for(lambda: it.bridge.states("d1").count(last) >= 2, 10, "the same answer")
    assert again.state["sends"] == 0


def test_close_closes_what_the_program_has_opened_and_nothing_else(
    told: Callable[..., Told],
) -> None:
    it = told(InpExecute=True, InpMagic=77)
    for ticket, kind, magic, symbol in (
        (31, 0, 77, "EURUSD"), (32, 1, 77, "EURUSD"), (33, 0, 78, "EURUSD"), (34, 0, 77, "XAU"),
    ):  # fmt: skip
        it.terminal.command("position", ticket, symbol, kind, 0.1, magic, "x")
    it.terminal.command("order", 35, "EURUSD", 2, 0.1, 1.05)
    it.bridge.signal("x1", action="CLOSE", execute=True)
    ack = it.bridge.await_message("signal_ack", id="x1", state="executed")
    assert (ack["ticket"], ack["price"]) == ("32", 1.1002)
    assert [each["ticket"] for each in it.terminal.state["positions"]] == [33, 34]
    assert it.terminal.state["sends"] == 2
    it.bridge.signal("x2", action="CLOSE", execute=True)
    ack = it.bridge.await_message("signal_ack", id="x2", state="rejected")
    assert "no position of this program" in ack["detail"]


def test_a_close_that_is_refused_is_told_with_its_reason(told: Callable[..., Told]) -> None:
    it = told(InpExecute=True, InpMagic=77)
    it.terminal.command("position", 31, "EURUSD", 0, 0.1, 77, "x")
    it.terminal.set("retcode", 136)
    it.bridge.signal("x1", action="CLOSE", execute=True)
    ack = it.bridge.await_message("signal_ack", id="x1", state="rejected")
    assert "beyond InpSlippage (error 136)" in ack["detail"]


def test_a_signal_to_do_nothing_is_shown_and_sends_no_order(told: Callable[..., Told]) -> None:
    it = told(InpExecute=True)
    it.bridge.signal("z1", action="NONE", execute=True)
    it.bridge.await_message("signal_ack", id="z1", state="shown")
    assert it.terminal.state["sends"] == 0


def test_nothing_is_executed_when_it_can_not_be_written_down(told: Callable[..., Told]) -> None:
    it = told(InpExecute=True)
    it.bridge.signal("w0")
    it.bridge.await_message("signal_ack", id="w0", state="shown")
    it.terminal.set("disk_full", True)
    it.bridge.signal("w1", execute=True)
    ack = it.bridge.await_message("signal_ack", id="w1", state="rejected")
    assert "can't write to the folder" in ack["detail"]
    assert it.terminal.state["sends"] == 0
    assert it.terminal.restart(REASON_PARAMETERS) == 1
    assert "can't write to the folder" in str(it.terminal.state["alerts"])


# What else is told.


def test_orders_positions_and_the_account_are_told_when_they_change(
    told: Callable[..., Told],
) -> None:
    it = told(InpTellTrades=True)
    it.bridge.await_message("account")
    it.terminal.command("order", 11, "EURUSD", 2, 0.5, 1.05)
    it.terminal.command("order", 14, "EURUSD", 5, 0.5, 1.05)
    it.terminal.command("position", 12, "EURUSD", 1, 0.1, 7, "mine")
    order = it.bridge.await_message("order", ticket=11)
    assert (order["event"], order["kind"], order["side"]) == ("placed", "limit", "buy")
    assert (order["volume"], order["volume_left"], order["price"]) == (0.5, 0.5, 1.05)
    stop = it.bridge.await_message("order", ticket=14)
    assert (stop["kind"], stop["side"]) == ("stop", "sell")
    position = it.bridge.await_message("position", ticket=12)
    assert (position["event"], position["side"], position["volume"]) == ("filled", "sell", 0.1)
    assert (position["magic"], position["comment"], position["symbol"]) == (7, "mine", "EURUSD")
    account = it.bridge.await_message("account", login=5001)
    assert (account["currency"], account["balance"]) == ("EUR", 10000)
    it.terminal.command("position", 12, "EURUSD", 1, 0.2, 7, "mine")
    it.bridge.await_message("position", ticket=12, event="modified", volume=0.2)
    it.terminal.command("end_order", 11, 2)
    it.bridge.await_message("order", ticket=11, event="cancelled", volume_left=0.5)
    it.terminal.command("forget_order", 14)
    it.terminal.command("position", 14, "EURUSD", 1, 0.5, 7, "")
    it.bridge.await_message("order", ticket=14, event="filled", volume_left=0)
    it.terminal.command("close_position", 12)
    it.bridge.await_message("position", ticket=12, volume=0)
    it.bridge.await_message("account", orders=[], positions=[14])
    # An account is told again with each change of what stands, of which one look may see several.
    told_of = ("order", "position", "account")
    numbers = [message["seq"] for kind in told_of for message in it.bridge.of_type(kind)]
    assert sorted(numbers) == list(range(1, 9 + len(it.bridge.of_type("account"))))


def test_what_stood_before_is_told_without_an_event_and_what_a_bridge_refused_to_the_next(
    told: Callable[..., Told],
) -> None:
    it = told(InpTellTrades=True)
    it.bridge.await_message("account")
    it.bridge.say(type="reject", seq=1, code="unsupported", field="type", reason="No.")
    it.terminal.wait_for_journal("refused item 1")
    it.terminal.command("position", 12, "EURUSD", 1, 0.1, 7, "mine")
    it.agent.kill()
    it.agent.start()
    wait_for(lambda: len(it.bridge.of_type("account")) == 2, 10, "the account again")
    (position,) = it.bridge.of_type("position")
    assert position["ticket"] == 12
    assert "event" not in position


def test_refusals_are_said_in_the_journal_and_a_bridge_that_takes_no_trades_hears_no_more(
    told: Callable[..., Told],
) -> None:
    it = told(InpTellTrades=True)
    it.bridge.await_message("account")
    for seq in range(1, 31):
        it.bridge.say(type="reject", seq=seq, code="unsupported", field="type", reason="No.")
    it.terminal.wait_for_journal("FKS Bridge refused item 20: No. (unsupported type)")
    it.terminal.command("order", 11, "EURUSD", 2, 0.5, 1.05)
    time.sleep(1.2)
    assert it.bridge.of_type("order") == []
    assert len([entry for entry in it.terminal.journal if "refused item" in entry]) == 20


def test_settings_add_symbols_and_commands_are_answered(told: Callable[..., Told]) -> None:
    it = told(config={"symbols": ["GBPUSD", "NONE"], "interval_ms": 30})
    it.terminal.symbol("XAUUSD", 2)
    wait_for(lambda: it.terminal.state["timer_ms"] == 30, 10, "the interval")
    assert any("no symbol GBPUSD" in entry for entry in it.terminal.journal)
    names = ["XAUUSD", "EURUSD", "", 5, "XAUUSD.OF.A.LONG.NAME"]
    it.bridge.say(type="config", id="c1", symbols=names)
    it.bridge.await_message("config_ack", id="c1")
    it.bridge.say(type="config", settings={"interval_ms": 10})
    wait_for(lambda: len(it.bridge.of_type("config_ack")) == 2, 10, "the second answer")
    assert any("has over 12 bytes" in entry for entry in it.terminal.journal)
    it.bridge.say(type="command", id="s", name="resubscribe")
    assert it.bridge.await_message("command_ack", id="s")["ok"] is True
    it.bridge.say(type="command", id="b", name="backfill")
    answer = it.bridge.await_message("command_ack", id="b")
    assert (answer["ok"], "does not know the command backfill" in answer["detail"]) == (False, True)
    quote(it.terminal, "XAUUSD", [(2000, 2001)])
    it.bridge.await_message("tick", symbol="XAUUSD", bid=2000)


def test_the_state_of_the_terminal_is_told(told: Callable[..., Told]) -> None:
    it = told()
    it.terminal.set("connected", False)
    it.terminal.set("clock_ms", 5000)
    found = {"broker_connected": False, "trade_allowed": True}
    wait_for(lambda: any(found.items() <= m.items() for m in it.bridge.of_type("status")), 15, "it")


# What goes wrong.


def test_a_revoked_key_is_told_on_the_chart_and_ends_the_agent(
    bridge: LiveBridge, client: str, launch: Launch, line: Proxy, name: str, serve: Serve
) -> None:
    key = bridge.issue_key(client, "mt4")
    agent = serve(line.port, key=key)
    terminal = attach(launch, name)
    terminal.wait_for(is_connected, "a session")
    bridge.manage("revoke_key", key[:14])
    state = terminal.wait_for(lambda state: bool(state["alerts"]), "an alert")
    assert "the bridge turned this terminal away: revoked" in state["alerts"][0]
    assert agent.wait() == 1
    assert f"{name} was turned away by the bridge: revoked" in agent.output
    terminal.wait_for(lambda state: "the agent is not running" in state["comment"], "the remedy")


def test_over_tls_ticks_arrive_where_authority_and_name_are_the_right_ones(
    bridge: LiveBridge, client: str, launch: Launch, name: str, tmp_path: Path
) -> None:
    key = bridge.issue_key(client, "mt4")
    options = ["--tls", str(bridge.folder / "tls" / "ca.pem"), "--server-name", "localhost"]
    with AgentProcess(tmp_path, bridge.tls_port, client, key, name, options=options) as agent:
        quote(attach(launch, name), "EURUSD", prices(100))
        bridge.wait_for_stats(client, produced=100, stored=100, lost=0)
        assert agent.stop() == 130


@pytest.mark.parametrize(
    ("trusted", "named", "why"),
    [("other", "localhost", "self-signed certificate"), ("ca", "elsewhere", "mismatch")],
)
def test_over_tls_another_authority_or_name_is_refused_and_told_on_the_chart(
    bridge: LiveBridge,
    launch: Launch,
    name: str,
    tmp_path: Path,
    trusted: str,
    named: str,
    why: str,
) -> None:
    files = {"ca": bridge.folder / "tls" / "ca.pem", "other": authority(tmp_path, "other").file}
    options = ["--tls", str(files[trusted]), "--server-name", named]
    with AgentProcess(tmp_path, bridge.tls_port, "X", "k", name, options=options) as agent:
        terminal = attach(launch, name)
        state = terminal.wait_for(lambda state: "CERTIFICATE_VERIFY" in state["comment"], "it")
        assert why in state["comment"]
        assert "CERTIFICATE_VERIFY_FAILED" in agent.output


def test_a_bridge_that_is_away_is_named_on_the_chart_and_in_the_journal_once(
    launch: Launch, name: str, serve: Serve, free_port: int
) -> None:
    serve(free_port)
    terminal = attach(launch, name)
    terminal.wait_for(lambda state: f"no bridge at 127.0.0.1:{free_port}" in state["comment"], "it")
    time.sleep(1)
    said = [entry for entry in terminal.journal if "no bridge at" in entry]
    assert len(said) == 1


def test_a_program_without_the_permission_for_dlls_says_where_to_tick(
    launch: Launch, name: str
) -> None:
    terminal = attach(launch, name, start=False)
    terminal.set("dlls_allowed", False)
    assert terminal.start() == 1
    assert "tick Allow DLL imports" in terminal.state["alerts"][0]


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"InpCapacity": 1000}, "InpCapacity must be a power of two"),
        ({"InpName": "x" * 101}, "InpName must have 1 to 100 characters"),
    ],
)
def test_inputs_that_make_no_sense_are_explained(
    launch: Launch, name: str, inputs: dict[str, object], problem: str
) -> None:
    terminal = attach(launch, name, start=False)
    terminal.inputs(**inputs)
    assert terminal.start() == 1
    assert problem in terminal.state["alerts"][0]
    assert terminal.state["files"] == 0


def test_a_name_in_use_is_refused_on_another_chart_and_in_another_terminal(
    launch: Launch, name: str, tmp_path: Path
) -> None:
    attach(launch, name)
    chart = attach(launch, name, start=False)
    assert chart.start() == 1
    assert "another chart uses the InpName" in chart.state["alerts"][0]
    terminal = attach(launch, name, start=False, folder=tmp_path / "other")
    assert terminal.start() == 1
    assert "another terminal uses this InpName" in terminal.state["alerts"][0]


def test_another_capacity_than_the_agents_is_refused_on_either_side(
    launch: Launch, name: str, serve: Serve, free_port: int, tmp_path: Path
) -> None:
    serve(free_port)
    wait_for(lambda: memory_of(name).exists(), 10, "the agent's memory")
    terminal = attach(launch, name, start=False, InpCapacity=64)
    assert terminal.start() == 1
    assert "make them the same" in terminal.state["alerts"][0]
    with AgentProcess(tmp_path, free_port, "X", "k", name, capacity=64) as other:
        assert other.wait() == 2
        assert "--capacity must be the program's InpCapacity" in other.output
    with AgentProcess(tmp_path, free_port, "X", "k", name) as twin:
        assert twin.wait() == 2
        assert "another agent has this shared memory; end it first" in twin.output


def test_memory_that_the_system_refuses_is_explained(launch: Launch, name: str) -> None:
    memory_of(name).mkdir()
    try:
        terminal = attach(launch, name, start=False)
        assert terminal.start() == 1
        assert "gave no shared memory (error 22)" in terminal.state["alerts"][0]
    finally:
        memory_of(name).rmdir()


def test_more_programs_than_the_dll_can_serve_are_refused(
    launch: Launch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQL_FKSBRIDGE_OTHERS", "64")
    terminal = attach(launch, name, start=False)
    assert terminal.start() == 1
    assert "over 64 programs use the DLL" in terminal.state["alerts"][0]


def test_words_of_the_agent_that_can_not_be_read_are_named(launch: Launch, name: str) -> None:
    terminal = attach(launch, name)
    pair = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY)
    pair.say(b"{nonsense")
    terminal.wait_for_journal("the agent sent what can't be read: {nonsense")
    pair.close()


def test_the_founding_sketchs_lines_are_printed_on_request(
    client: str, launch: Launch, name: str, tmp_path: Path
) -> None:
    with (
        scripted_bridge() as bridge,
        AgentProcess(tmp_path, bridge.port, client, "k", name, options=["--sketch"]) as agent,
    ):
        terminal = attach(launch, name)
        terminal.wait_for(is_connected, "a session")
        quote(terminal, "EURUSD", [(1.1, 1.1002)])
        bridge.await_message("tick")
        bridge.signal("s1", action="SELL")
        bridge.await_message("signal_ack", id="s1", state="shown")
        quote(terminal, "EURUSD", [(1.0999, 1.1001)])
        wait_for(lambda: agent.output.count("Tick:") == 2, 10, "two ticks")
    assert agent.output.splitlines()[:3] == [
        "Connected to MT4. Waiting for ticks...",
        "Tick: Ask=1.1002, Bid=1.1, Signal=NONE",
        "Tick: Ask=1.1001, Bid=1.0999, Signal=SELL",
    ]
