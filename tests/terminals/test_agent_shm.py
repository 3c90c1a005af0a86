"""`agent shm` where a scripted terminal or a scripted bridge shows it what real ones seldom do."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.protocol import Identity
from agent.shm import forwarder as forwarding
from agent.shm.forwarder import Forwarder, Watcher
from agent.shm.items import item_of
from agent.shm.layout import Quote, Text, memory_bytes
from agent.shm.memory import open_memory
from agent.shm.pair import Pair
from agent.transport import TcpEndpoint
from tests.agent.command_line import agent
from tests.terminals.scripted import scripted_bridge
from tests.terminals.test_memory_messages import Terminal

pytestmark = pytest.mark.requires("gcc")

CAPACITY = 64


@asynccontextmanager
async def serving(port: int, name: str) -> AsyncIterator[Forwarder]:
    pair = Pair(open_memory(name, memory_bytes(CAPACITY)), CAPACITY)
    bridge = TcpEndpoint("127.0.0.1", port)
    served = Forwarder(name, pair, bridge, Identity("C", "k", "mt4"), Watcher())
    task = asyncio.create_task(served.run())
    yield served
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.01)


def heard_by(terminal: Terminal) -> list[str]:
    """The types of what the agent has said."""
    found = []
    while isinstance(text := terminal.hear(), bytes):
        found.append(json.loads(text)["type"])
    return found


async def test_a_signal_that_a_terminal_does_not_read_is_rejected(library: Path, name: str) -> None:
    with scripted_bridge() as bridge:
        terminal = Terminal(library, name)
        async with serving(bridge.port, name):
            terminal.tick("EURUSD")
            await until(lambda: len(bridge.of_type("tick")) == 1)
            for number in range(CAPACITY):
                bridge.signal(f"s{number}")
            await until(lambda: bool(bridge.of_type("signal_ack")))
            refused = bridge.of_type("signal_ack")[0]
            bridge.say(type="config", id="c")
        terminal.close()
    assert refused["state"] == "rejected"
    assert "does not read its signals" in refused["detail"]


async def test_a_terminal_that_falls_silent_ends_its_session_and_goes_on_with_its_numbers(
    library: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "_SILENCE_S", 0.1)
    monkeypatch.setattr(forwarding, "_LOOK_MS", 50)
    with scripted_bridge() as bridge:
        terminal = Terminal(library, name)
        async with serving(bridge.port, name):
            terminal.tick("EURUSD")
            await until(lambda: len(bridge.of_type("tick")) == 1)
            await until(lambda: heard_by(terminal)[-1:] == ["away"])
            terminal.tick("EURUSD")
            await until(lambda: len(bridge.of_type("tick")) == 2)
        terminal.close()
    assert [message["seq"] for message in bridge.of_type("tick")] == [1, 2]
    assert len({hello["stream"] for hello in bridge.hellos}) == 1 < len(bridge.hellos)


async def test_words_that_can_not_be_read_are_logged_and_passed_over(
    library: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted_bridge() as bridge, caplog.at_level(logging.WARNING):
        terminal = Terminal(library, name)
        async with serving(bridge.port, name):
            for text in (b"{nonsense", b"[]", b'{"kind":1}'):
                terminal.say(text)
            terminal.tick("EURUSD")
            await until(lambda: len(bridge.of_type("tick")) == 1)
        terminal.close()
    assert sum("can't be read" in record.message for record in caplog.records) == 3


async def test_pongs_to_the_terminals_own_pings_are_passed_back_and_the_agents_are_not(
    library: Path, name: str
) -> None:
    with scripted_bridge() as bridge:
        terminal = Terminal(library, name)
        async with serving(bridge.port, name):
            terminal.tick("EURUSD")
            await until(lambda: len(bridge.of_type("tick")) == 1)
            terminal.say(b'{"type":"ping","t":"7"}')
            await until(lambda: "pong" in heard_by(terminal))
        terminal.close()


async def test_all_records_are_free_once_everything_is_acknowledged(
    library: Path, name: str
) -> None:
    with scripted_bridge() as bridge:
        terminal = Terminal(library, name)
        async with serving(bridge.port, name):
            for _ in range(10):
                terminal.tick("EURUSD")
                terminal.say(b'{"type":"status","trade_allowed":true}')
            await until(lambda: terminal.dll.BrWaiting(terminal.handle) == 0)
            assert bridge.highest == 10
        terminal.close()


def test_a_number_that_makes_no_sense_is_sent_so_that_the_bridge_refuses_it() -> None:
    quote = Quote(0, 0, 1, "EUR", 5, 6, float("nan"), float("inf"))
    assert item_of(quote).text == '"symbol":"EUR","bid":0,"ask":0,"time_ms":5000,"local_ms":6'
    for text in (b"\xff", b"[]", b"{}", b"5"):
        assert item_of(Text(0, 0, 1, text, True)).kind == "unreadable"
    order = item_of(Text(0, 0, 1, '{"type":"order","symbol":"Ä","ticket":5}'.encode(), True))
    assert (order.kind, order.text) == ("order", '"symbol":"Ä","ticket":5')


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--client", "C"], "shm needs --key or FKS_AGENT_KEY"),
        (["--client", "C", "--key", "k", "--capacity", "100"], "a power of two up to 1048576"),
        (["", "--client", "C", "--key", "k"], "a NAME has 1 to 100 characters"),
        (["--client", "C", "--key", "k", "--tls", "/none"], "--tls /none can't be read"),
    ],
)
async def test_options_that_make_no_sense_are_explained(words: list[str], problem: str) -> None:
    done = await agent("shm", *words)
    assert (done.code, problem in done.err) == (2, True), done.err
