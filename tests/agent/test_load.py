"""The load generator counts right; how fast it is, is for the bench to say."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from agent.errors import LinkError, RefusedError
from agent.load import latency, throughput
from agent.load.payload import VARIANTS, Payload, symbols
from agent.protocol import MAX_LINE_BYTES, Identity
from tests.agent.command_line import agent
from tests.agent.fake_bridge import Connection, FakeBridge, Manners, listening

HOST = "127.0.0.1"
NOW_MS = 1_795_000_000_000


def load_of(
    rate: float, seconds: float = 1.0, wires: int = 4, ahead: int = 20_000
) -> throughput.Load:
    identities = [Identity(f"L{number}", "key") for number in range(wires)]
    return throughput.Load(identities, 10, 100, rate, seconds, ahead)


def whole(bridge: FakeBridge) -> int:
    """How many items the bridge has, when every stream is whole."""
    for stream in bridge.streams.values():
        assert list(stream.items) == list(range(1, stream.through + 1))
        assert (stream.duplicates, stream.gaps) == (0, [])
    return sum(len(stream.items) for stream in bridge.streams.values())


def test_batches_are_valid_and_numbered_on() -> None:
    lines = Payload(symbols(5), 100).messages(501, 3, 4, NOW_MS).splitlines()
    messages = [json.loads(line) for line in lines]
    assert [message["seq"] for message in messages] == [501, 601, 701, 801]
    names = symbols(5)
    assert [m["symbol"] for m in messages] == [names[3], names[4], names[0], names[1]]
    for message in messages:
        assert {row[0] for row in message["ticks"]} == {NOW_MS}
        assert all(row[1] < row[2] for row in message["ticks"])
        assert len(message["ticks"]) == 100


def test_the_price_walks_without_jumps_so_that_feeds_agree() -> None:
    payload = Payload(["EURUSD"], 20)
    seconds = [NOW_MS + 1000 * number for number in range(VARIANTS + 1)]
    bids = [json.loads(payload.messages(1, 0, 1, at))["ticks"][0][1] for at in seconds]
    assert max(abs(b - a) for a, b in pairwise(bids)) < 0.9e-4
    assert max(bids) - min(bids) > 6e-4


def test_the_largest_batch_fits_a_line() -> None:
    assert len(Payload(["USDJPY"], 1000).messages(10**12, 0, 1, NOW_MS)) < MAX_LINE_BYTES


@pytest.mark.parametrize("count", [1, 28, 55, 200])
def test_symbols_are_distinct(count: int) -> None:
    assert len(set(symbols(count))) == count


async def test_a_paced_load_is_sent_and_acknowledged() -> None:
    reports: list[dict[str, Any]] = []
    async with listening() as bridge:
        total = await throughput.measure(load_of(20_000), HOST, bridge.port, reports.append)
        assert total["settled"]
        assert total["sent"] == total["acked"] == whole(bridge) == bridge.count
        # As many as are due by the clock, and never more; a machine under load may stop early.
        assert 10_000 <= total["sent"] <= 20_000
        assert (total["connections"], total["rejected"], total["resends"]) == (4, 0, 0)
        assert len({name for name, _ in bridge.streams}) == 4


async def test_an_unpaced_load_waits_for_the_bridge() -> None:
    async with listening(Manners(pause_s=0.002)) as bridge:
        total = await throughput.measure(load_of(0, 0.5, 1), HOST, bridge.port, lambda _: None)
        assert total["settled"]
        assert total["sent"] == whole(bridge) <= 20_000 + 100 * 500


async def test_after_cuts_the_load_goes_on_where_the_bridge_stands() -> None:
    manners = Manners(cut_after=[3000, 9000], cut_before_ack=True)
    async with listening(manners) as bridge:
        total = await throughput.measure(load_of(20_000), HOST, bridge.port, lambda _: None)
        assert total["settled"]
        assert total["connections"] == 6
        assert total["sent"] == whole(bridge)


async def test_a_number_asked_for_again_is_made_again() -> None:
    async with listening() as bridge:

        def lose_one(connection: Connection, _: Any) -> None:
            if bridge.count == 1000:
                connection.stream.through -= 1
                del connection.stream.items[connection.stream.through + 1]

        bridge.on_item = lose_one
        total = await throughput.measure(load_of(5000, 1, 1), HOST, bridge.port, lambda _: None)
        assert total["settled"]
        assert total["resends"] == 1
        assert list(bridge.stream.items) == list(range(1, bridge.stream.through + 1))


async def test_no_bridge_and_a_wrong_key_are_errors(free_port: int) -> None:
    with pytest.raises(LinkError, match="no bridge at"):
        await throughput.measure(load_of(100), HOST, free_port, lambda _: None)
    async with listening(Manners(refuse=("auth", "unknown key"))) as bridge:
        with pytest.raises(RefusedError, match="auth: unknown key"):
            await throughput.measure(load_of(100), HOST, bridge.port, lambda _: None)


def probe_of(**changes: Any) -> latency.Probe:
    probe = latency.Probe(Identity("L0", "key"), symbols(5), 100, 1.0)
    return replace(probe, **changes)


async def test_every_tick_sent_alone_is_timed_until_its_acknowledgement() -> None:
    async with listening() as bridge:
        figures = await latency.measure(probe_of(), HOST, bridge.port)
        assert (figures["sent"], figures["acked"]) == (100, 100)
        assert 0 < figures["ack_p50_ms"] <= figures["ack_p99_ms"] <= figures["ack_max_ms"]
        assert bridge.kinds()["tick"] == bridge.count == 100


async def test_a_slow_acknowledgement_is_seen_in_the_figures() -> None:
    async with listening(Manners(ack_every=20)) as bridge:
        figures = await latency.measure(probe_of(), HOST, bridge.port)
        # At 100 a second the first of 20 waits 190 ms for the last.
        assert figures["ack_max_ms"] > 150
        assert figures["ack_p50_ms"] > 60


async def test_a_tight_spread_after_a_climb_is_timed_until_its_signal() -> None:
    async with listening() as bridge:
        mids: list[float] = []

        def strategy(connection: Connection, tick: dict[str, Any]) -> None:
            """As the built-in one: five rising moves in a row and a narrow spread."""
            if tick["symbol"] != "GBPUSD":
                return
            mids.append((tick["ask"] + tick["bid"]) / 2)
            rising = len(mids) > 5 and all(a < b for a, b in pairwise(mids[-6:]))
            if rising and tick["ask"] - tick["bid"] < 1e-4:
                signal = {"type": "signal", "id": str(tick["seq"]), "action": "BUY"}
                connection.say({**signal, "symbol": tick["symbol"]})

        bridge.on_item = strategy
        probe = probe_of(seconds=2.0, signal_symbol="GBPUSD", signal_every_s=0.5)
        figures = await latency.measure(probe, HOST, bridge.port)
        assert figures["triggers"] == figures["signals"] >= 2
        assert 0 < figures["signal_p50_ms"] <= figures["signal_max_ms"]
        assert len(bridge.signal_acks) == figures["signals"]
        assert len(mids) == 100


def test_percentiles_are_by_nearest_rank() -> None:
    times = [number * 1_000_000 for number in range(1, 101)]
    assert latency.percentiles(times) == {"p50": 50.0, "p99": 99.0, "max": 100.0}
    assert latency.percentiles([2_000_000]) == {"p50": 2.0, "p99": 2.0, "max": 2.0}
    assert latency.percentiles([]) == {"p50": None, "p99": None, "max": None}


async def test_the_command_prints_json_and_says_what_is_wrong() -> None:
    async with listening() as bridge:
        words = ["load", "--port", bridge.port, "--key", "L1=K", "--symbols", 3]
        run = await agent(*words, "--connections", 2, "--rate", 5000, "--seconds", 1)
        total = json.loads(run.out.splitlines()[-1])
        assert (run.code, total["total"], total["connections"]) == (0, True, 2)
        run = await agent(*words, "--one-at-a-time", "--rate", 50, "--seconds", 1)
        assert json.loads(run.out)["acked"] == 50
        assert (await agent(*words, "--batch", 5000)).code == 2
        assert (await agent("load", "--port", bridge.port, "--key", "L1")).code == 2
