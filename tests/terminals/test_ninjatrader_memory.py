"""What NinjaTrader's client must keep: items over a restart, its place in time, and its secrets."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.e2e.bridge import PROJECT, LiveBridge, free_ports, wait_for
from tests.terminals import stored
from tests.terminals.certificates import authority
from tests.terminals.ninja import NinjaTrader
from tests.terminals.ninja_story import (
    ES,
    ScriptedBridge,
    configured,
    connected,
    drained,
    expected_ticks,
    market,
    now_ms,
    rounded,
    write_market,
)
from tests.terminals.proxy import Faults, Proxy

pytestmark = pytest.mark.requires("mcs", "mono")

Launch = Callable[..., NinjaTrader]


@pytest.fixture
def launch(launch_ninjatrader: Launch) -> Launch:
    return launch_ninjatrader


def unsent(platform: NinjaTrader) -> Path:
    """The file in which items outlive the platform."""
    return platform.settings_file.with_name("FKSBridge.unsent")


def started(launch: Launch, **settings: object) -> NinjaTrader:
    """A platform with a chart of ES and the settings that stand in its folder, or these."""
    platform = launch()
    if settings:
        configured(platform, **settings)  # type: ignore[arg-type]
    else:
        platform.start()
    platform.chart("c1", ES)
    return platform


def play(platform: NinjaTrader, changes: list[tuple[int, str, float, int]], pause: int = 0) -> None:
    platform.do("play", "c1", write_market(platform.folder / "market.csv", changes), pause)


def test_a_session_begins_with_the_number_that_the_bridge_wants(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = started(launch, port=scripted.port)
        scripted.meet()
        platform.do("values", "v", 5)
        assert [scripted.hear("indicator")["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]
        scripted.hang_up()
        scripted.meet(resume=3)
        assert [scripted.hear("indicator")["seq"] for _ in range(3)] == [3, 4, 5]


# A restart.


@pytest.mark.parametrize("ending", ["killed", "closed"])
def test_what_was_not_acknowledged_survives_the_end_of_the_platform(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str], ending: str
) -> None:
    name, key = ninja_client
    changes = market(4001)
    with Proxy(bridge.tcp_port, Faults(cut_at_ticks=[1500])) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.chart("c1", ES)
        connected(platform)
        line.faults.refuse_connections = 10**9  # but for this one, nobody answers any more
        play(platform, changes[:3001], pause=20)
        if ending == "killed":
            wait_for(lambda: line.ticks >= 1500, 20, "the line to be cut")
            platform.kill()
        else:
            platform.do("played")
            platform.do("stop")
        line.faults.refuse_connections = 0
        platform = started(launch)
        # What had been made before the end: after a kill, as much as the file tells.
        before = platform.status()["produced"]
        assert before == 3000 if ending == "closed" else 1500 <= before <= 3000
        play(platform, changes[3001:])
        platform.do("played")
        drained(platform)
        produced = platform.status()["produced"]
    bridge.wait_for_stats(name, produced=produced, stored=produced, lost=0, refused=0)
    hellos = line.of_type("hello")
    assert len({hello["stream"] for hello in hellos}) == 1
    ticks = rounded(stored.ticks(bridge, name))
    assert ticks[:before] == rounded(expected_ticks(changes[:3001]))[:before]
    later = rounded(expected_ticks(changes[3001:]))
    assert ticks[before:] == [(seq + before, *rest) for seq, *rest in later]


def test_what_was_acknowledged_is_not_sent_again_after_a_restart(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    platform = launch()
    platform.configure(bridge, name, key)
    with Proxy(bridge.tcp_port) as line:
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.do("values", "v", 10)
        drained(platform)
        platform.kill()
        platform = started(launch)
        connected(platform)
        platform.do("values", "v", 1)
        drained(platform)
        assert [message["seq"] for message in line.of_type("indicator")] == list(range(1, 12))
    bridge.wait_for_stats(name, produced=11, stored=11, duplicates=0, lost=0)


@pytest.mark.parametrize("acknowledged", [15, 25])
def test_a_gap_is_told_once_and_the_counts_outlive_a_restart(
    launch: Launch, acknowledged: int
) -> None:
    with ScriptedBridge() as scripted:
        platform = started(launch, port=scripted.port, buffer=10)
        scripted.accept()
        platform.do("values", "v", 30)
        scripted.welcome(resume=1)
        assert scripted.hear("gap") == {"type": "gap", "from": 1, "to": 20}
        assert [scripted.hear("indicator")["seq"] for _ in range(10)] == list(range(21, 31))
        scripted.say(type="ack", seq=acknowledged)
        scripted.say(type="ping", t=1)
        scripted.hear("pong")  # so it has heard the ack, too
        platform.kill()
        scripted.hang_up()
        platform = started(launch)
        counts = {"produced": 30, "buffered": 30 - max(acknowledged, 20), "dropped": 20}
        assert counts.items() <= platform.status().items()
        scripted.meet(resume=26)
        assert [scripted.hear("indicator")["seq"] for _ in range(5)] == list(range(26, 31))
        counts["buffered"] = 5
        assert counts.items() <= platform.status().items()
        scripted.say(type="ack", seq=30)
        wait_for(lambda: platform.status()["buffered"] == 0, 5, "the ack of all")


def test_a_number_that_was_dropped_on_its_way_and_arrived_is_not_counted_as_lost(
    launch: Launch,
) -> None:
    with ScriptedBridge() as scripted:
        platform = started(launch, port=scripted.port, buffer=10)
        scripted.meet()
        platform.do("values", "v", 10)
        assert [scripted.hear("indicator")["seq"] for _ in range(10)] == list(range(1, 11))
        platform.do("values", "v", 4)
        wait_for(lambda: platform.status()["dropped"] == 4, 5, "a full ring")
        scripted.say(type="ack", seq=10)
        wait_for(lambda: platform.status()["dropped"] == 0, 5, "the rescue")
        for gaps in (1, 2):  # two spans that touch become one
            scripted.hang_up()
            scripted.accept()
            platform.do("values", "v", 10 + gaps)
            scripted.welcome(resume=11)
            assert scripted.hear("gap")["to"] == platform.status()["produced"] - 10
        assert platform.status()["dropped"] == platform.status()["produced"] - 20


def test_a_file_older_than_what_the_bridge_has_doubles_nothing(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    platform = launch()
    platform.configure(bridge, name, key)
    platform.start()
    platform.do("values", "a", 10)
    older = unsent(platform).read_bytes()
    platform.do("values", "b", 10)
    drained(platform)
    platform.kill()
    unsent(platform).write_bytes(older)
    with Proxy(bridge.tcp_port, Faults(refuse_connections=10**9)) as line:
        platform.configure(bridge, name, key, port=line.port)
        platform = launch()
        platform.start()
        platform.do("values", "c", 25)  # under numbers that the bridge has already, and beyond
        line.faults.refuse_connections = 0
        connected(platform)
        drained(platform)
        assert any("it knows another numbering" in text for text in platform.printed())
    bridge.wait_for_stats(name, stored=45, refused=0, lost=0)
    told = [value for value, *_ in stored.indicators(bridge, name)]
    assert {each: told.count(each) for each in "abc"} == {"a": 10, "b": 10, "c": 25}


def test_what_another_client_left_unsent_goes_out_under_the_new_one(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    [nobody] = free_ports(1)
    platform = launch()
    platform.configure(bridge, "EARLIER", key, port=nobody, buffer=5)
    platform.start()
    platform.do("values", "v", 8)
    platform.kill()
    platform.configure(bridge, name, key, buffer=5)
    platform = launch()
    platform.start()
    drained(platform)
    bridge.wait_for_stats(name, produced=5, stored=5, lost=0)
    assert [value for *_, value in stored.indicators(bridge, name)] == [3, 4, 5, 6, 7]


HEAD = "stream\tN\tabc\t5\t4\t0\t4\n"
ITEM = 'item\tindicator\t\t"symbol":"E","name":"v","value":1,"time_ms":1\n'


@pytest.mark.parametrize(
    ("left", "counts"),
    [
        ("nonsense\n", (0, 0, 0)),
        ("stream\tN\tabc\t5\t4\t-1\t4\n", (0, 0, 0)),
        ("lines\tN\tabc\t5\t4\t0\t4\n", (0, 0, 0)),
        (HEAD + ITEM + ITEM[:-5], (5, 1, 0)),  # a crash in the midst of a line
        (HEAD + ITEM + "\0\0\0\n" + ITEM, (5, 1, 0)),  # what a failing disk may leave
        (HEAD + ITEM + ITEM + "ack\t5\n", (6, 1, 0)),
        (HEAD + ITEM * 4 + "gap\t5\t6\ngap\t7\t7\n", (8, 1, 3)),  # what was given up stays so
        (HEAD + ITEM + "ack\tx\n" + ITEM, (5, 1, 0)),
        (HEAD + ITEM + "gap\t5\ty\n" + ITEM, (5, 1, 0)),
    ],
)
def test_of_a_damaged_file_the_sound_beginning_is_used(
    launch: Launch, left: str, counts: tuple[int, int, int]
) -> None:
    [nobody] = free_ports(1)
    platform = launch()
    platform.settings_file.parent.mkdir()
    unsent(platform).write_text(left)
    configured(platform, nobody)
    status = platform.status()
    assert (status["produced"], status["buffered"], status["dropped"]) == counts


def test_a_file_that_cannot_be_written_costs_the_restart_and_nothing_else(launch: Launch) -> None:
    platform = launch()
    unsent(platform).mkdir(parents=True)
    with ScriptedBridge() as scripted:
        configured(platform, scripted.port)
        platform.do("values", "v", 3)
        scripted.meet()
        assert [scripted.hear("indicator")["seq"] for _ in range(3)] == [1, 2, 3]
        told = [line for line in platform.printed() if "kept in memory only: " in line]
        assert len(told) == 1


def test_a_number_that_json_does_not_have_is_never_written(launch: Launch) -> None:
    with pytest.raises(RuntimeError, match="JSON has no NaN"):
        launch().do("nan")


def test_what_is_no_trouble_of_a_disk_is_not_taken_for_one(launch: Launch) -> None:
    with pytest.raises(RuntimeError, match="planted"):
        launch().do("planted")


def test_a_file_that_another_still_holds_is_waited_for(launch: Launch) -> None:
    [nobody] = free_ports(1)
    platform = launch()
    held = unsent(platform)
    held.mkdir(parents=True)

    def let_go() -> None:
        held.rmdir()
        held.write_text(HEAD + ITEM)

    freed = threading.Timer(0.5, let_go)
    freed.start()
    configured(platform, nobody)
    freed.join()
    assert platform.status()["buffered"] == 1
    assert not [line for line in platform.printed() if "memory only" in line]


def test_nothing_is_written_when_the_settings_say_so(launch: Launch) -> None:
    [nobody] = free_ports(1)
    platform = started(launch, port=nobody, keep="no")
    platform.do("values", "v", 3)
    assert platform.status()["buffered"] == 3
    assert not unsent(platform).exists()


def test_the_file_is_replaced_before_it_grows_without_end(launch: Launch) -> None:
    [nobody] = free_ports(1)
    platform = started(launch, port=nobody, buffer=100)
    platform.do("values", "v" * 64, 40_000)  # some 6 MB of lines, of which 100 stand
    assert platform.status()["dropped"] == 39_900
    assert unsent(platform).stat().st_size < 4 * 1024 * 1024
    assert [path.name for path in unsent(platform).parent.glob("*.new")] == []
    platform.do("stop")
    platform = started(launch)
    status = platform.status()
    assert (status["produced"], status["buffered"], status["dropped"]) == (40_000, 100, 39_900)


# Keys and signatures.


def test_a_client_that_must_sign_is_heard_with_its_secret_and_refused_without(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    secret = must_sign(bridge, name)
    with Proxy(bridge.tcp_port, Faults(cut_at_ticks=[50])) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        stopped = "FKS Bridge: stopped: auth"
        wait_for(lambda: any(t.startswith(stopped) for t in platform.printed()), 10, stopped)
        platform.configure(bridge, name, key, port=line.port, secret=secret)
        platform.chart("c1", ES)
        connected(platform)
        play(platform, market(101), pause=10)
        platform.do("played")
        drained(platform)
    bridge.wait_for_stats(name, produced=100, stored=100, refused=0, lost=0)


def must_sign(bridge: LiveBridge, name: str) -> str:
    """The client's new signing secret; from now on the bridge wants each of its lines signed."""
    script = (
        "from bridge_ingest import actions\n"
        "from bridge_ingest.models import Client\n"
        f"client = Client.objects.get(name={name!r})\n"
        "print(actions.issue_signing_secret(client, actor=None, source='command'))\n"
        "actions.update_client(client, actor=None, source='command', must_sign=True)\n"
    )
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", script]
    done = subprocess.run(
        command, cwd=PROJECT, env=bridge.environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip().splitlines()[-1]


def test_a_key_that_the_bridge_rotates_is_written_down_and_used_from_the_next_hello(
    launch: Launch,
) -> None:
    with ScriptedBridge() as scripted:
        platform = launch()
        configured(platform, scripted.port)
        assert scripted.meet()["key"] == "fks_k"
        before = platform.settings_file.read_text()
        scripted.say(type="command", id="r", name="rotate_key", args={"key": "fks_new"})
        answer = scripted.hear("command_ack")
        assert (answer["id"], answer["ok"], answer["detail"]) == ("r", True, "")
        assert platform.settings_file.read_text() == before.replace("fks_k", "fks_new")
        scripted.say(type="command", id="s", name="resubscribe")
        assert scripted.hear("command_ack")["ok"] is True
        scripted.hang_up()
        assert scripted.meet()["key"] == "fks_new"
        platform.settings_file.unlink()
        platform.settings_file.mkdir()  # what cannot be written says so
        scripted.say(type="command", id="t", name="rotate_key", args={"key": "fks_newer"})
        answer = scripted.hear("command_ack")
        assert (answer["id"], answer["ok"]) == ("t", False)
        assert answer["detail"].startswith("the key cannot be written down: ")


def test_the_bridge_says_how_many_ticks_go_into_a_message(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = started(launch, port=scripted.port)
        scripted.accept()
        play(platform, [change for change in market(31) if change[1] != "Last"])
        platform.do("played")
        scripted.welcome(resume=1, config={"batch": 4})
        assert [len(scripted.hear("ticks")["ticks"]) for _ in range(5)] == [4, 4, 4, 4, 4]
        scripted.say(type="config", id="c", settings={"batch": 10**9})
        assert scripted.hear("config_ack")["id"] == "c"
        scripted.say(type="resend", **{"from": 1})
        assert len(scripted.hear("ticks")["ticks"]) == 20


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (["bridge.example"], "bridge.example", True),
        (["other.example", "Bridge.Example"], "bridge.example", True),
        (["*.example"], "bridge.example", True),
        (["*.example"], "a.bridge.example", False),
        (["*.example"], "bridge", False),
        (["bridge.example"], "127.0.0.1", False),
        (["who@bridge.example", "bridge.example"], "bridge.example", True),
        ([f"{'who' * 100}@bridge.example", "bridge.example"], "bridge.example", True),
        ([f"{'n' * 60}{n}.example" for n in range(9)] + ["bridge.example"], "bridge.example", True),
        ([], "bridge.example", False),
    ],
)
def test_a_certificate_is_for_the_names_in_it_and_for_no_other(
    launch: Launch, tmp_path: Path, names: list[str], host: str, fits: bool
) -> None:
    path = tmp_path / "certificate.der"
    signer = authority(tmp_path, "ours")
    kinds = [x509.RFC822Name if "@" in name else x509.DNSName for name in names]
    made = signer.certificate([kind(name) for kind, name in zip(kinds, names, strict=True)])
    path.write_bytes(made.public_bytes(serialization.Encoding.DER))
    assert launch().do("names", path, host) is fits


@pytest.mark.parametrize("extension", [b"", b"\x30", b"\x31\x02\x82\x00", b"\x30\x04\x82\x7fab"])
def test_names_that_are_no_names_fit_no_host(
    launch: Launch, tmp_path: Path, extension: bytes
) -> None:
    path = tmp_path / "certificate.der"
    names = x509.UnrecognizedExtension(x509.oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME, extension)
    made = authority(tmp_path, "ours").certificate(names)
    path.write_bytes(made.public_bytes(serialization.Encoding.DER))
    assert launch().do("names", path, "ab") is False


# Time.


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_jump_of_the_machines_clock_stops_nothing_and_moves_no_tick(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str], hours: int
) -> None:
    name, key = ninja_client
    changes = market(601)
    with Proxy(bridge.tcp_port, Faults(cut_at_ticks=[250])) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.chart("c1", ES)
        play(platform, changes[:301], pause=20)
        platform.do("played")
        platform.do("wall", hours * 3_600_000)
        beats = len(line.of_type("status"))
        play(platform, changes[301:], pause=20)
        platform.do("played")
        drained(platform)
        signal = bridge.manage(
            *("push_signal", "--client", name, "--symbol", ES, "--action", "BUY"),
            *("--expires", "3600"),
        )["id"]
        platform.bar("c1", now_ms(), 1, 1, 1, 1, 1)
        wait_for(lambda: f"FKS {signal} text" in platform.drawn("c1"), 20, "the signal")
        drained(platform)
        # Seconds are counted apart from the clock: the next status comes when it is due.
        wait_for(lambda: len(line.of_type("status")) > beats, 10, "a status after the jump")
        assert f"FKS {signal} text" in platform.drawn("c1")
    bridge.wait_for_stats(name, produced=601, stored=601, lost=0, refused=0)
    assert rounded(stored.ticks(bridge, name)) == rounded(expected_ticks(changes))


def test_a_signal_expires_by_the_clock_of_the_bridge(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = started(launch, port=scripted.port)
        scripted.accept()
        there = now_ms() + 7_200_000  # this machine is two hours behind
        scripted.welcome(resume=1, server_time_ms=there)
        buy = {"type": "signal", "symbol": ES, "action": "BUY"}
        scripted.say(**buy, id="late", expires_ms=there - 1)
        assert scripted.hear("signal_ack")["state"] == "expired"
        scripted.say(**buy, id="good", expires_ms=there + 600_000)
        told = {"id": ""}
        while told["id"] != "good":
            told = scripted.hear("signal_ack")
        assert told["state"] == "received"
        platform.do("pass", 601_000)
        while told != {"type": "signal_ack", "id": "good", "state": "expired"}:
            told = scripted.hear("signal_ack")


def friday_to_monday() -> list[tuple[int, str, float, int]]:
    """A day of trading, a quote or a trade every 20 s, with a weekend in the midst of it."""
    friday = datetime(2026, 11, 20, 5, tzinfo=UTC)
    close = datetime(2026, 11, 20, 22, tzinfo=UTC)
    opening = timedelta(hours=49)
    moments = [friday + timedelta(seconds=20 * n) for n in range(24 * 180)]
    changes = market(len(moments))
    return [
        (int((when + opening * (when >= close)).timestamp() * 1000), *change[1:])
        for when, change in zip(moments, changes, strict=True)
    ]


def test_a_day_with_a_weekend_in_it_is_stored_whole(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    changes = friday_to_monday()
    assert changes[-1][0] - changes[0][0] == (73 * 3600 - 20) * 1000
    with Proxy(bridge.tcp_port, Faults(cut_at_ticks=[700, 3000])) as line:
        platform = launch()
        platform.do("zone", "America/New_York")
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.chart("c1", ES)
        connected(platform)
        platform.do("live", "c1", write_market(platform.folder / "market.csv", changes))
        platform.do("played")
        drained(platform)
        assert platform.do("sessions") == line.connections == 3
        # Each tick moved the clocks by 20 s, so a status was due at each that met a session.
        assert len(line.of_type("status")) > 100
    expected = expected_ticks(changes)
    bridge.wait_for_stats(name, produced=len(expected), stored=len(expected), lost=0, refused=0)
    assert rounded(stored.ticks(bridge, name)) == rounded(expected)


def test_pauses_between_tries_double_up_to_ten_seconds_and_differ_by_half(launch: Launch) -> None:
    platform = launch()
    longest = [platform.do("pause", failures, 1) for failures in (0, 1, 2, 3, 5, 6, 1000)]
    assert longest == [200, 400, 800, 1600, 6400, 10_000, 10_000]
    assert platform.do("pause", 3, 0) == 800
    assert platform.do("pause", 3, 0.5) == 1200


def test_a_signal_that_may_be_executed_is_only_drawn(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    """The stubs of the platform have nothing to place an order with, and the client compiles."""
    name, key = ninja_client
    with Proxy(bridge.tcp_port, Faults(repeat_signals=3)) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.chart("c1", ES)
        platform.bar("c1", now_ms(), 1, 1, 1, 1, 1)
        connected(platform)
        pushed: dict[str, Any] = bridge.manage(
            *("push_signal", "--client", name, "--symbol", ES, "--action", "BUY", "--execute")
        )
        signal = pushed["id"]

        def acks() -> list[str]:
            return [a["state"] for a in line.of_type("signal_ack") if a["id"] == signal]

        wait_for(lambda: len(acks()) >= 5, 20, "each of the four arrivals and the drawing")
        assert set(acks()) == {"received", "shown"}
        assert platform.drawn("c1")["log"].count(f"FKS {signal}") == 1
        assert json.dumps(line.heard).count('"order"') == 0
