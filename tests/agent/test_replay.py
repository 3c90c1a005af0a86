"""`python -m agent replay` as a person runs it, against a bridge on real sockets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.replay.feed import utc_ms
from tests.agent.command_line import FX_TICKS, agent, start
from tests.agent.fake_bridge import FakeBridge, KeptStream, Manners, eventually, listening

NOON = utc_ms("2014-05-02T12:00:00Z")


def write_ticks(path: Path, count: int, every_ms: int = 10, ask: str = "2") -> Path:
    lines = [f"{NOON + every_ms * number},1.{number:05d},{ask}\n" for number in range(count)]
    path.write_text("".join(lines))
    return path


def options(bridge: FakeBridge, path: Path) -> list[object]:
    words = ["replay", "--port", bridge.port, "--client", "OANDA", "--key", "K"]
    return [*words, "--symbol", "EURUSD", path]


def counts(out: str) -> dict[str, Any]:
    (line,) = out.splitlines()
    return dict(json.loads(line))


async def test_a_file_is_sent_and_its_counts_are_printed(tmp_path: Path) -> None:
    path = write_ticks(tmp_path / "ticks.csv", 2500)
    async with listening(Manners(ack_every=7)) as bridge:
        run = await agent(*options(bridge, path), "--batch", 50)
        assert (run.code, run.err) == (0, "")
        figures = counts(run.out)
        assert (figures["sent"], figures["acked"], figures["rejected"]) == (2500, 2500, 0)
        assert figures["ticks_per_s"] > 0
        items = bridge.stream.items
        assert list(items) == list(range(1, 2501))
        assert items[2500] == ["EURUSD", NOON + 24_990, 1.02499, 2, 0, NOON + 24_990]
        assert bridge.connections[0].hello["mode"] == "replay"
        assert max(len(message["ticks"]) for message in bridge.of_type("ticks")) == 50


async def test_cuts_on_the_way_lose_and_repeat_nothing(tmp_path: Path) -> None:
    path = write_ticks(tmp_path / "ticks.csv", 3000)
    manners = Manners(cut_after=[500, 1200, 2900], cut_before_ack=True, ack_every=100)
    async with listening(manners) as bridge:
        run = await agent(*options(bridge, path))
        assert run.code == 0, run.err
        figures = counts(run.out)
        assert (figures["acked"], figures["dropped"], figures["sessions"]) == (3000, 0, 4)
        assert list(bridge.stream.items) == list(range(1, 3001))
        assert (bridge.stream.duplicates, bridge.stream.gaps) == (0, [])


async def test_a_killed_replay_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    path = write_ticks(tmp_path / "ticks.csv", 3000)
    async with listening() as bridge:
        words = [*options(bridge, path), "--stream", "day-1"]
        process = await start(*words, "--speed", 3)
        await eventually(lambda: bridge.count > 200, within_s=10)
        process.kill()
        await process.communicate()
        before = bridge.count
        run = await agent(*words)
        assert run.code == 0, run.err
        figures = counts(run.out)
        assert figures["acked"] == 3000
        assert figures["sent"] <= 3000 - before
        assert list(bridge.stream.items) == list(range(1, 3001))
        assert bridge.stream.duplicates == 0


async def test_a_speed_is_a_factor_of_recorded_time(tmp_path: Path) -> None:
    path = write_ticks(tmp_path / "ticks.csv", 101, every_ms=100)  # ten seconds
    async with listening() as bridge:
        run = await agent(*options(bridge, path), "--speed", 10)
        assert 1.0 <= counts(run.out)["seconds"] < 8.0


async def test_several_feeds_go_out_side_by_side(tmp_path: Path) -> None:
    oanda = write_ticks(tmp_path / "oanda.csv", 400)
    fxcm = write_ticks(tmp_path / "fxcm.csv", 800, every_ms=5, ask="2.5")
    async with listening() as bridge:
        run = await agent(
            *("replay", "--port", bridge.port, "--symbol", "EURUSD", "--speed", 8),
            *("--feed", f"client=OANDA,key=K1,file={oanda}"),
            *("--feed", f"client=FXCM,key=K2,file={fxcm},clock_shift_s=-18000"),
        )
        assert run.code == 0, run.err
        assert set(counts(run.out)["clients"]) == {"OANDA", "FXCM"}
        assert counts(run.out)["acked"] == 1200
        arrivals: dict[float, list[int]] = {2.0: [], 2.5: []}  # places in the bridge's own order
        for place, item in enumerate(bridge.order):
            arrivals[item[3]].append(place)
        assert arrivals[2.0][0] < arrivals[2.5][-1]
        assert arrivals[2.5][0] < arrivals[2.0][-1]
        shifted = next(m for m in bridge.heard if m.get("symbol") and m["ticks"][0][0] < NOON)
        assert shifted["ticks"][0][0] + 18_000_000 == shifted["ticks"][0][4]


async def test_refused_ticks_are_counted_and_the_first_is_told(tmp_path: Path) -> None:
    path = write_ticks(tmp_path / "ticks.csv", 100)
    async with listening(Manners(reject_every=10)) as bridge:
        run = await agent(*options(bridge, path))
        assert (run.code, counts(run.out)["rejected"]) == (0, 10)
        assert run.err == "10 refused, the first: price bid 0\n"


async def test_a_wrong_key_ends_it_with_the_bridges_reason(tmp_path: Path) -> None:
    path = write_ticks(tmp_path / "ticks.csv", 10)
    async with listening(Manners(expected_key="other")) as bridge:
        run = await agent(*options(bridge, path))
        assert (run.code, run.out, run.err) == (1, "", "agent: auth: unknown key.\n")


async def test_a_bridge_that_is_not_there_ends_it_with_one_sentence(
    tmp_path: Path, free_port: int
) -> None:
    path = write_ticks(tmp_path / "ticks.csv", 10)
    bridge = FakeBridge()
    bridge.port = free_port
    run = await agent(*options(bridge, path), "--patience-s", 0.3)
    assert run.code == 1
    assert run.err.count("\n") == 1
    assert f"no bridge at 127.0.0.1:{free_port}" in run.err


async def test_a_bridge_that_stops_acknowledging_ends_it(tmp_path: Path) -> None:
    path = write_ticks(tmp_path / "ticks.csv", 10)
    async with listening(Manners(silent=True)) as bridge:
        run = await agent(*options(bridge, path), "--patience-s", 0.3)
        assert (run.code, run.err) == (1, "agent: no answer of the bridge for 0.3 s.\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.csv"], "nowhere.csv cannot be read"),
        (["nowhere.csv", "--speed", "-1"], "--speed is max or a factor above 0"),
        ([], "a feed needs file"),
    ],
)
async def test_wrong_input_is_one_sentence_and_exit_code_2(words: list[str], sentence: str) -> None:
    async with listening() as bridge:
        common = ["--client", "A", "--key", "K", "--symbol", "EURUSD"]
        run = await agent("replay", "--port", bridge.port, *common, *words)
        assert run.code == 2
        assert sentence in run.err
        assert run.err.count("\n") == 1


@pytest.mark.skipif(not FX_TICKS.is_dir(), reason="needs ../shared/data/fx_ticks")
async def test_a_real_day_of_two_brokers_arrives_whole() -> None:
    async with listening() as bridge:
        feeds = [
            f"client={name.upper()},key=K,symbol=EURUSD,file={FX_TICKS}/eurusd_{name}_20140502.csv.gz"
            for name in ("oanda", "fxcm")
        ]
        run = await agent("replay", "--port", bridge.port, "--feed", feeds[0], "--feed", feeds[1])
        assert run.code == 0, run.err
        assert counts(run.out)["acked"] == 145_747
        kept = {name: stream for (name, _), stream in bridge.streams.items()}
        assert {name: len(stream.items) for name, stream in kept.items()} == {
            "OANDA": 49_341,
            "FXCM": 96_406,
        }
        assert _crossed(kept["OANDA"]) == 0
        assert _crossed(kept["FXCM"]) == 12_061


def _crossed(stream: KeptStream) -> int:
    return sum(item[2] > item[3] for item in stream.items.values())
