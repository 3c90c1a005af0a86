"""What each kind of terminal makes of a quote, and how TradingView repeats an alert."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.simulate import tradingview
from agent.simulate.config import DemoConfig, TerminalConfig
from agent.simulate.faults import Fault, FaultBoard
from agent.simulate.quotes import Quote
from agent.simulate.terminals import Terminal
from tests.agent.fake_bridge import FakeBridge, listening

MINUTE_S = 1_795_000_020  # the start of a minute


def terminal_of(bridge: FakeBridge, kind: str, board: FaultBoard | None = None) -> Terminal:
    demo = DemoConfig("127.0.0.1", bridge.port, 9, 7, None, ())
    config = TerminalConfig("T", kind, "key")
    return Terminal(config, demo, board or FaultBoard(), lambda _: None, rate=0.001)


async def sent(kind: str, *quotes: Quote, board: FaultBoard | None = None) -> list[Any]:
    """The items that the bridge has after these quotes of EURUSD, without the account's."""
    async with listening() as bridge:
        terminal = terminal_of(bridge, kind, board)
        for quote in quotes:
            terminal.pass_on("EURUSD", quote)
        running = asyncio.create_task(terminal.run())
        await terminal_done(terminal)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        told = bridge.stream.items.values()
        return [each for each in told if isinstance(each, list) or each["type"] != "account"]


async def terminal_done(terminal: Terminal) -> None:
    await asyncio.sleep(0)
    await terminal.client.all_acked(patience_s=5)


def quote(at_s: float, bid: float = 1.1, ask: float = 1.1002) -> Quote:
    return Quote(bid, ask, None, 3, at_s)


async def test_metatrader_5_stamps_with_its_servers_clock_to_the_millisecond() -> None:
    (row,) = await sent("mt5", quote(MINUTE_S + 0.123))
    assert row == ["EURUSD", (MINUTE_S + 7200) * 1000 + 123, 1.1, 1.1002, 3]


async def test_metatrader_4_stamps_to_the_second_and_adds_the_local_clock() -> None:
    (tick,) = await sent("mt4", quote(MINUTE_S + 0.923))
    assert tick["time_ms"] == (MINUTE_S + 10_800) * 1000
    assert tick["local_ms"] > 1_700_000_000_000
    assert tick["type"] == "tick"


async def test_ninjatrader_stamps_a_bar_at_its_close() -> None:
    prices = [(1.1, 1.1002, 1.0), (1.1004, 1.1006, 30.0), (1.0998, 1.1, 59.5)]
    quotes = [quote(MINUTE_S + at, bid, ask) for bid, ask, at in prices]
    items = await sent("ninjatrader", *quotes, quote(MINUTE_S + 60.2))
    bar, indicator = items[-2:]
    assert [item[0] for item in items[:4]] == ["EURUSD"] * 4
    assert (bar["type"], bar["period"], bar["stamp"], bar["closed"]) == ("bar", "M1", "close", True)
    assert bar["time_ms"] == (MINUTE_S + 60) * 1000
    prices_of_bar = (bar["open"], bar["high"], bar["low"], bar["close"])
    assert prices_of_bar == (1.1001, 1.1005, 1.0999, 1.0999)
    assert bar["volume"] == 9
    assert (indicator["name"], indicator["time_ms"]) == ("sma_14", bar["time_ms"])


@pytest.mark.parametrize("kind", ["mt5", "mt4", "ninjatrader"])
async def test_a_clock_that_is_off_moves_every_time_by_two_hours(kind: str) -> None:
    board = FaultBoard()
    (right,) = await sent(kind, quote(MINUTE_S))
    board.switch(Fault("clock", 0, "T", ""), on=True)
    (wrong,) = await sent(kind, quote(MINUTE_S), board=board)
    times = [item[1] if isinstance(item, list) else item["time_ms"] for item in (right, wrong)]
    assert times[1] - times[0] == 7_200_000


class Door:
    """Answers posts with the statuses it was given, one after another, the last for good."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.posts = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status = self.statuses[min(self.posts, len(self.statuses) - 1)]
        self.posts += 1
        if status:
            writer.write(f"HTTP/1.1 {status} X\r\n\r\n".encode())
        writer.close()


@pytest.mark.parametrize(
    ("statuses", "posts"),
    [((200,), 1), ((503, 503, 200), 3), ((503,), 4), ((400,), 1), ((0,), 1)],
)
async def test_an_alert_is_repeated_after_a_failure_of_the_bridge_and_three_times_at_most(
    monkeypatch: pytest.MonkeyPatch, statuses: tuple[int, ...], posts: int
) -> None:
    monkeypatch.setattr(tradingview, "RETRY_S", 0.01)
    door = Door(*statuses)
    server = await asyncio.start_server(door.answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        demo = DemoConfig("127.0.0.1", 9, port, 7, None, ())
        source = tradingview.AlertSource(
            TerminalConfig("TV", "tradingview", "t"), demo, lambda _: None
        )
        await source.deliver(source.truths[0], MINUTE_S)
    assert door.posts == posts


async def test_a_bridge_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tradingview, "TIMEOUT_S", 0.1)
    silence = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    server = await asyncio.start_server(wait, "127.0.0.1", 0)
    async with server:
        address = ("127.0.0.1", server.sockets[0].getsockname()[1])
        assert await tradingview.post(address, "/", b"{}") == 0
        silence.set()
        await asyncio.sleep(0.01)
