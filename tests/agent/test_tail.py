"""Following a growing file: nothing lost, nothing twice, whatever happens to the file or to us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent import InputError, TcpEndpoint
from agent.protocol import Identity
from agent.tail.follower import MAX_LINE_BYTES, Follower
from agent.tail.rows import BadRowError, Context, format_of
from agent.tail.tail import Outcome, Plan, Tail
from tests.agent.command_line import agent, start
from tests.agent.fake_bridge import FakeBridge, eventually, listening

HEADER = "time_utc,bid,ask,last,volume\r\n"
MIDNIGHT_MS = 1_795_219_200_000
"""2026-11-21 UTC."""


def row(number: int) -> str:
    """The quote of one millisecond after another."""
    seconds, ms = divmod(number, 1000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}"
    return f"2026-11-21T{clock}Z,{6000 + number},{6001 + number},,\r\n"


def append(path: Path, text: str) -> None:
    with path.open("a", newline="") as out:
        out.write(text)


def has_grown(bridge: FakeBridge, beyond: int) -> bool:
    return len(came(bridge)) > beyond


def rotated(path: Path) -> Path:
    """Where the file is now."""
    return path.rename(path.with_name(f"{path.stem}.20261121T071515123.csv"))


def deleted(path: Path) -> None:
    path.unlink()


def rows(first: int, last: int) -> str:
    return "".join(map(row, range(first, last + 1)))


def came(bridge: FakeBridge) -> list[int]:
    """Numbers of the rows that the bridge has, in the order in which it got them."""
    return [item[1] - MIDNIGHT_MS for item in bridge.order]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ES 12-26 [1].csv"


def plan_of(file: Path, **changes: Any) -> Plan:
    identity = Identity("NT-1", "key", "ninjatrader")
    plan = Plan(file, file.with_suffix(".tail"), identity, "ES 12-26", poll_s=0.01)
    return replace(plan, **changes)


async def once(bridge: FakeBridge, file: Path, **changes: Any) -> Outcome:
    """Read to the end of the file and stop."""
    return await Tail(plan_of(file, once=True, **changes), endpoint(bridge)).run()


def endpoint(bridge: FakeBridge) -> TcpEndpoint:
    return TcpEndpoint("127.0.0.1", bridge.port)


@contextlib.asynccontextmanager
async def following(bridge: FakeBridge, file: Path, **changes: Any) -> AsyncIterator[Tail]:
    """Follow the file for the length of the block."""
    tail = Tail(plan_of(file, **changes), endpoint(bridge))
    task = asyncio.create_task(tail.run())
    try:
        yield tail
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_rows_are_sent_as_they_are_appended(file: Path) -> None:
    async with listening() as bridge, following(bridge, file):
        append(file, HEADER + rows(1, 3))
        await eventually(lambda: came(bridge) == [1, 2, 3])
        append(file, rows(4, 5))
        await eventually(lambda: came(bridge) == [1, 2, 3, 4, 5])
        assert bridge.stream.items[1] == ["ES 12-26", MIDNIGHT_MS + 1, 6001, 6002, 0]


async def test_a_row_that_is_half_written_waits_for_its_other_half(file: Path) -> None:
    append(file, HEADER + row(1))
    async with listening() as bridge, following(bridge, file) as tail:
        for character in row(2):
            append(file, character)
            await asyncio.sleep(0.002)
        append(file, rows(3, 3))
        await eventually(lambda: came(bridge) == [1, 2, 3])
        assert tail.tally.bad == 0


async def test_a_second_start_goes_on_where_the_first_stopped(file: Path) -> None:
    append(file, HEADER + rows(1, 50))
    async with listening() as bridge:
        assert (await once(bridge, file)).tally.sent == 50
        append(file, rows(51, 60))
        again = await once(bridge, file)
        assert (again.tally.sent, again.lost_place) == (10, False)
        assert came(bridge) == list(range(1, 61))
        assert bridge.stream.duplicates == 0


async def test_what_the_bridge_has_beyond_the_last_checkpoint_is_not_sent_twice(
    file: Path,
) -> None:
    """A crash: the state file is older than what the bridge acknowledged."""
    append(file, HEADER + rows(1, 20))
    async with listening() as bridge:
        await once(bridge, file)
        older = file.with_suffix(".tail").read_text()
        append(file, rows(21, 40))
        await once(bridge, file)
        file.with_suffix(".tail").write_text(older)
        append(file, rows(41, 45))
        await once(bridge, file)
        assert came(bridge) == list(range(1, 46))
        assert list(bridge.stream.items) == list(range(1, 46))


@pytest.mark.parametrize("from_end", [False, True])
async def test_a_crash_before_the_first_checkpoint_loses_and_doubles_nothing(
    file: Path, from_end: bool
) -> None:
    append(file, HEADER + rows(1, 5))
    state = file.with_suffix(".tail")
    async with listening() as bridge:
        async with following(bridge, file, from_end=from_end):
            await eventually(lambda: bool(bridge.connections))
            at_start = state.read_text()
            append(file, rows(6, 9))
            await eventually(lambda: 9 in came(bridge))
        state.write_text(at_start)
        append(file, rows(10, 12))
        await once(bridge, file, from_end=from_end)
        assert came(bridge) == list(range(6 if from_end else 1, 13))
        assert len(bridge.streams) == 1


async def test_after_a_rotation_the_old_file_is_read_to_its_end_and_the_new_one_from_its_start(
    file: Path,
) -> None:
    append(file, HEADER + rows(1, 3))
    async with listening() as bridge, following(bridge, file):
        await eventually(lambda: came(bridge) == [1, 2, 3])
        append(rotated(file), row(4))
        append(file, HEADER + rows(5, 6))
        await eventually(lambda: came(bridge) == [1, 2, 3, 4, 5, 6])


async def test_a_rotation_while_nobody_follows_loses_nothing(file: Path) -> None:
    append(file, HEADER + rows(1, 3))
    async with listening() as bridge:
        await once(bridge, file)
        append(file, rows(4, 5))
        rotated(file)
        append(file, HEADER + rows(6, 7))
        assert not (await once(bridge, file)).lost_place
        assert came(bridge) == list(range(1, 8))


@pytest.mark.parametrize("longer", [False, True])
async def test_a_file_that_was_begun_anew_is_read_from_its_start(file: Path, longer: bool) -> None:
    """Also when it has grown beyond where we were before we look again."""
    append(file, HEADER + rows(1, 10))
    async with listening() as bridge, following(bridge, file):
        await eventually(lambda: len(came(bridge)) == 10)
        last = 40 if longer else 13
        os.truncate(file, 0)
        append(file, HEADER + rows(11, last))
        await eventually(lambda: came(bridge) == list(range(1, last + 1)))


async def test_another_file_in_its_place_gets_a_numbering_of_its_own(file: Path) -> None:
    append(file, HEADER + rows(1, 10))
    async with listening() as bridge:
        await once(bridge, file)
        deleted(file)
        append(file, HEADER + rows(11, 15))
        assert (await once(bridge, file)).lost_place
        assert came(bridge) == list(range(1, 16))
        assert sorted(map(len, (stream.items for stream in bridge.streams.values()))) == [5, 10]


async def test_lines_that_are_no_rows_are_passed_over_and_counted(file: Path) -> None:
    append(file, HEADER + row(1) + "rubbish\r\n\r\n" + "x" * 3 * MAX_LINE_BYTES + "\n" + row(2))
    async with listening() as bridge:
        outcome = await once(bridge, file)
        assert came(bridge) == [1, 2]
        assert outcome.tally.first_bad.startswith("'rubbish'")
        assert outcome.tally.bad >= 2


async def test_from_the_end_only_what_is_appended_later_is_sent(file: Path) -> None:
    append(file, HEADER + rows(1, 10))
    async with listening() as bridge, following(bridge, file, from_end=True):
        await eventually(lambda: bool(bridge.connections))
        append(file, rows(11, 12))
        await eventually(lambda: came(bridge) == [11, 12])


async def test_a_cut_connection_loses_and_doubles_nothing(file: Path) -> None:
    append(file, HEADER + rows(1, 400))
    async with listening() as bridge:
        bridge.manners.cut_after = [50, 180, 300]
        bridge.manners.cut_before_ack = True
        await once(bridge, file)
        assert came(bridge) == list(range(1, 401))
        assert bridge.connected == 4


async def test_kill_9_at_any_moment_loses_and_doubles_nothing(file: Path) -> None:
    chance = random.Random(5)
    written = 0
    append(file, HEADER)
    async with listening() as bridge:
        words = ["tail", file, "--client", "NT-1", "--key", "k", "--symbol", "ES 12-26"]
        for _ in range(4):
            process = await start(*words, "--port", bridge.port)
            try:
                before = len(came(bridge))
                for _ in range(20):
                    append(file, rows(written + 1, written + 40))
                    written += 40
                    await asyncio.sleep(0.01)
                await eventually(partial(has_grown, bridge, before + 100))
                await asyncio.sleep(chance.uniform(0, 0.3))
            finally:
                process.kill()
                await process.wait()
        finished = await agent(*words, "--port", bridge.port, "--once")
        assert finished.code == 0, finished.err
        assert json.loads(finished.out)["lost_place"] is False
        assert came(bridge) == list(range(1, written + 1))


async def test_an_unknown_file_is_refused_with_its_first_line(file: Path) -> None:
    append(file, "hello world\n")
    async with listening() as bridge:
        with pytest.raises(InputError, match="hello world"):
            await once(bridge, file)


async def test_bars_need_to_be_told_their_period(file: Path) -> None:
    append(file, "2022.08.15,10:06,1.02340,1.02359,1.02340,1.02348,105\r\n")
    async with listening() as bridge:
        with pytest.raises(InputError, match="--period"):
            await once(bridge, file)
        await once(bridge, file, period="M1")
        bar = bridge.stream.items[1]
        assert {name: bar[name] for name in ("type", "period", "open", "close", "stamp")} == {
            "type": "bar", "period": "M1", "open": 1.0234, "close": 1.02348, "stamp": "open",
        }  # fmt: skip


# Rows.

MT5 = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>"


def texts(first: str, *lines: str, period: str = "") -> list[str]:
    form = format_of(first)
    assert form is not None
    context = Context("EURUSD", period)
    return [form.read(line, context).text for line in lines]


def test_a_side_that_did_not_change_goes_on_as_it_was() -> None:
    first = "2014.05.07\t03:00:07.135\t1.39286\t1.39298\t\t\t6"
    second = "2014.05.07\t03:00:16.860\t\t1.39297\t\t\t4"
    assert texts(MT5, first, second) == [
        "[1399431607135,1.39286,1.39298,0]",
        "[1399431616860,1.39286,1.39297,0]",
    ]


def test_a_first_side_alone_is_no_quote() -> None:
    with pytest.raises(BadRowError, match="only one"):
        texts(MT5, "2014.05.07\t03:00:07.135\t1.39286\t\t\t\t2")


def test_a_trade_is_sent_as_one() -> None:
    header = HEADER.strip()
    (text,) = texts(header, "2026-11-21T00:00:00.001Z,6000.25,6000.5,6000.5,3")
    assert json.loads(f"{{{text}}}") == {
        "symbol": "EURUSD", "bid": 6000.25, "ask": 6000.5, "last": 6000.5,
        "time_ms": MIDNIGHT_MS + 1, "volume": 3,
    }  # fmt: skip


@pytest.mark.parametrize("line", ["2026-13-21T00:00:00.001Z,1,2,,", "2026-11-21T00:00:00Z,1,2,,"])
def test_a_time_that_does_not_exist_is_no_row(line: str) -> None:
    with pytest.raises(BadRowError):
        texts(HEADER.strip(), line)


def test_a_follower_that_waits_for_its_file_gives_nothing(file: Path) -> None:
    follower = Follower(file)
    assert list(follower.lines()) == []
    append(file, "a\nb")
    assert [line.text for line in follower.lines()] == ["a"]
    os.truncate(file, 0)
    append(file, "c\n")
    assert [(line.text, line.is_first) for line in follower.lines()] == [("c", True)]
    follower.close()
