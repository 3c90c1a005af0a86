"""NinjaTrader's AddOn and indicator on mono, against the real gateway through a line that fails."""

from __future__ import annotations

import math
import re
import socket
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bridge import PROJECT, LiveBridge, free_ports, wait_for
from tests.terminals import stored
from tests.terminals.certificates import Authority, authority
from tests.terminals.ninja import SOURCES, NinjaTrader, compile_client
from tests.terminals.ninja_story import (
    ES,
    MINUTE_MS,
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
UNFIT = "key is not one that a line of the settings can hold"
SPAN = {"symbol": "ES 12-26", "period": "M1", "from_ms": 0, "to_ms": 60_000}

Launch = Callable[..., NinjaTrader]


@pytest.fixture
def launch(launch_ninjatrader: Launch) -> Launch:
    return launch_ninjatrader


# Compiling.


@pytest.mark.parametrize(
    "newer", ['string s = $"{1}";', "int.TryParse(s, out var n);", 'string t = s?.Trim() ?? "";']
)
def test_what_only_a_newer_compiler_takes_is_refused(newer: str, tmp_path: Path) -> None:
    for source in SOURCES.glob("*.cs"):
        (tmp_path / source.name).write_text(source.read_text("utf-8"))
    body = "class Newer { void M(string s) { " + newer + " } }"
    (tmp_path / "Newer.cs").write_text(body)
    with pytest.raises(RuntimeError, match=r"Newer\.cs.*error CS"):
        compile_client(tmp_path, tmp_path)


def test_a_warning_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "Unused.cs").write_text("class Unused { void M() { int n = 1; } }")
    with pytest.raises(RuntimeError, match="CS0219"):
        compile_client(tmp_path, tmp_path)


TELLING = r"\b(?:log|Note|Print|(?:Settings|IO|Refused|Cryptographic)Exception)\("
REASONS = r'"((?:its certificate|the bridge showed|Windows does) [^"\n]+)"'


def told_texts(source: str) -> set[str]:
    """The texts in each call that tells the user something, or whose words come to be told."""
    texts = set(re.findall(REASONS, source))
    for call in re.finditer(TELLING, source):
        end, depth = call.end(), 1
        while depth:
            depth += {"(": 1, ")": -1}.get(source[end], 0)
            end += 1
        texts |= set(re.findall(r'"((?:[^"\\]|\\.)*)"', source[call.end() : end]))
    return {text.strip(" :,.") for text in texts if len(text) > 3} - {"FKS Bridge", "reason"}


def test_every_message_to_the_user_is_explained() -> None:
    page = (PROJECT / "docs" / "terminals" / "ninjatrader.md").read_text("utf-8")
    table = page[page.index("## Every message in the output") :]
    told = set().union(*(told_texts(path.read_text("utf-8")) for path in SOURCES.glob("*.cs")))
    assert len(told) > 25
    assert {text for text in told if text not in table} == set()


# The story that every terminal's client must survive.


@pytest.mark.parametrize(
    ("culture", "zone"), [("en_US.UTF-8", "America/New_York"), ("de_DE.UTF-8", "Europe/Berlin")]
)
def test_every_tick_arrives_once_through_a_late_bridge_and_a_cut(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str], culture: str, zone: str
) -> None:
    name, key = ninja_client
    changes = market(5001)
    faults = Faults(cut_at_ticks=[1500], piece_bytes=3, refuse_connections=2)
    with Proxy(bridge.tcp_port, faults) as line:
        platform = launch(culture)
        assert platform.do("culture").split()[0] == culture.partition(".")[0].replace("_", "-")
        platform.do("zone", zone)
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.chart("c1", ES)
        platform.do("play", "c1", write_market(platform.folder / "market.csv", changes), 20)
        platform.do("played")
        drained(platform)
        assert line.connections == 4
        assert platform.do("sessions") == 2
        assert len(platform.held("socket:")) == 1
        platform.do("stop")
        assert platform.held("socket:") + platform.held("FKSBridge") == []
    bridge.wait_for_stats(name, produced=5000, stored=5000, lost=0, refused=0)
    assert rounded(stored.ticks(bridge, name)) == rounded(expected_ticks(changes))


def test_what_the_ring_could_not_hold_is_a_recorded_gap(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    changes = market(1001)
    faults = Faults(refuse_connections=10**9)
    with Proxy(bridge.tcp_port, faults) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port, buffer=100)
        platform.start()
        platform.chart("c1", ES)
        platform.do("play", "c1", write_market(platform.folder / "market.csv", changes), 0)
        platform.do("played")
        status = platform.status()
        assert (status["produced"], status["buffered"], status["dropped"]) == (1000, 100, 900)
        faults.refuse_connections = 0
        drained(platform)
        assert line.of_type("gap") == [{"type": "gap", "from": 1, "to": 900}]
    bridge.wait_for_stats(name, produced=1000, stored=100, lost=900, gaps=1)
    expected = expected_ticks(changes)[900:]
    assert rounded(stored.ticks(bridge, name)) == rounded(expected)


def test_a_bridge_that_knows_more_than_the_terminal_gets_a_new_numbering(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.chart("c1", ES)
        first = scripted.meet(resume=77)
        scripted.hang_up()
        second = scripted.meet(resume=1)
        assert first["stream"] != second["stream"]


@pytest.mark.parametrize(
    ("zone", "shown", "utc"),
    [
        ("America/New_York", "2026-03-06T10:00:00.25", "2026-03-06T15:00:00.250"),
        ("America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00"),  # skipped that night
        ("America/New_York", "2026-03-09T10:00:00", "2026-03-09T14:00:00"),
        ("Europe/Berlin", "2026-07-01T15:30:00", "2026-07-01T13:30:00"),
    ],
)
def test_times_of_the_platforms_zone_are_sent_in_utc(
    launch: Launch, zone: str, shown: str, utc: str
) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.do("zone", zone)
        platform.chart("c1", ES)
        scripted.meet()
        platform.do("market_at", "c1", "Bid", 5000, shown)
        platform.do("market_at", "c1", "Ask", 5001, shown)
        sent = scripted.hear("ticks")["ticks"][0][0]
        assert sent == datetime.fromisoformat(utc + "+00:00").timestamp() * 1000


# Signals.


def push(bridge: LiveBridge, client: str, *more: str, symbol: str = ES) -> str:
    pushed = bridge.manage(
        *("push_signal", "--client", client, "--symbol", symbol, "--action"),
        *(more or ("BUY",)),
    )
    return str(pushed["id"])


def states(line: Proxy, signal: str) -> list[str]:
    return [ack["state"] for ack in line.of_type("signal_ack") if ack["id"] == signal]


def a_bar(platform: NinjaTrader, *charts: str) -> None:
    """Something to draw on."""
    for chart in charts:
        platform.bar(chart, now_ms() // MINUTE_MS * MINUTE_MS, 5000, 5001, 4999, 5000.5, 10)


def test_a_signal_is_drawn_once_on_each_chart_of_its_symbol_however_often_it_comes(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    with Proxy(bridge.tcp_port, Faults(repeat_signals=2)) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.chart("es", ES)
        platform.chart("es5", ES, "Minute", 5)
        platform.chart("nq", "NQ 12-26")
        a_bar(platform, "es", "es5", "nq")
        connected(platform)
        prices = ("--entry", "5000.25", "--stop-loss", "4990.5", "--take-profit", "5020.75")
        buy = push(bridge, name, "BUY", *prices, "--note", "by hand")
        wait_for(lambda: "shown" in states(line, buy), 20, "the signal to be shown")
        # Three arrivals are answered, each with the state of its moment, and the drawing is told.
        wait_for(lambda: len(states(line, buy)) >= 4, 10, "the repeats to be answered")
        for chart in ("es", "es5"):
            drawn = platform.drawn(chart)
            assert drawn.pop("log") == [
                f"FKS {buy}{part}" for part in ("", " entry", " stop", " target", " text")
            ]
            assert drawn == {
                f"FKS {buy}": "arrow up LimeGreen",
                f"FKS {buy} entry": "line 5000.25",
                f"FKS {buy} stop": "line 4990.5",
                f"FKS {buy} target": "line 5020.75",
                f"FKS {buy} text": "text BUY by hand",
            }
        assert platform.drawn("nq") == {"log": []}
        platform.chart("late", ES)
        a_bar(platform, "late")
        assert len(platform.drawn("late")["log"]) == 5


@pytest.mark.parametrize(
    ("action", "drawn"),
    [("SELL", "arrow down Red"), ("CLOSE", "diamond Gold"), ("NONE", "diamond Gold")],
)
def test_each_action_has_its_sign(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str], action: str, drawn: str
) -> None:
    name, key = ninja_client
    platform = launch()
    platform.configure(bridge, name, key)
    platform.start()
    platform.chart("c1", ES)
    a_bar(platform, "c1")
    connected(platform)
    signal = push(bridge, name, action)
    wait_for(lambda: f"FKS {signal}" in platform.drawn("c1"), 20, "the sign")
    assert platform.drawn("c1")[f"FKS {signal}"] == drawn


def test_the_last_thousand_signals_are_known_again(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.chart("c1", ES)
        a_bar(platform, "c1")
        scripted.meet()
        for n in [*range(1001), 1]:
            scripted.say(type="signal", id=f"s{n}", symbol=ES, action="NONE")
        wait_for(lambda: "FKS s1000 text" in platform.drawn("c1"), 20, "the last to be drawn")
        scripted.say(type="signal", id="s0", symbol=ES, action="NONE")  # long forgotten
        drawn = [f"FKS s{n}" for n in [*range(1001), 0]]

        def signs() -> list[str]:
            return [t for t in platform.drawn("c1")["log"] if not t.endswith(" text")]

        wait_for(lambda: len(signs()) == len(drawn), 10, "the forgotten one to be drawn anew")
        assert signs() == drawn


def test_what_was_shown_during_a_break_is_told_after_it(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.chart("c1", ES)
        scripted.meet()
        scripted.say(type="signal", id="s1", symbol=ES, action="BUY", entry=5000)
        assert scripted.hear("signal_ack")["state"] == "received"
        scripted.hang_up()
        a_bar(platform, "c1")  # until now there was nothing to draw on
        scripted.meet()
        assert scripted.hear("signal_ack") == {"type": "signal_ack", "id": "s1", "state": "shown"}


def test_a_defect_of_a_listener_is_told_and_does_not_end_the_platform(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.do("faulty")
        for planted in ("planted in arrival", "planted in end"):
            scripted.meet()
            if "arrival" in planted:
                soon = now_ms() + 500
                scripted.say(type="signal", id="s", symbol=ES, action="BUY", expires_ms=soon)
            wait_for(lambda: planted in str(platform.printed()), 10, planted)  # noqa: B023
            scripted.hang_up()
        scripted.meet()
        assert sum("a defect, please report it" in t for t in platform.printed()) == 2


def test_lines_go_when_a_signal_expires_and_its_sign_stays(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    with Proxy(bridge.tcp_port) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.chart("c1", ES)
        a_bar(platform, "c1")
        connected(platform)
        shown = push(bridge, name, "BUY", "--entry", "5000", "--expires", "5")
        unseen = push(bridge, name, "BUY", "--expires", "5", symbol="CL 01-27")
        wait_for(lambda: f"FKS {shown}" in platform.drawn("c1"), 20, "the sign")
        wait_for(lambda: f"FKS {shown} entry" not in platform.drawn("c1"), 20, "the lines to go")
        assert set(platform.drawn("c1")) == {f"FKS {shown}", "log"}
        wait_for(lambda: "expired" in states(line, unseen), 10, "the unseen one to expire")
        assert "expired" not in states(line, shown)


# Bars, values, charts.


def closes() -> list[float]:
    return [5000 + round(40 * math.sin(n / 3)) * 0.25 for n in range(40)]


def play_bars(platform: NinjaTrader, chart: str, first_close_ms: int, prices: list[float]) -> None:
    for n, close in enumerate(prices):
        when = first_close_ms + n * MINUTE_MS
        platform.bar(chart, when, close - 0.25, close + 0.5, close - 0.5, close, 100 + n)


@pytest.mark.parametrize("how", ["closed", "each_tick"])
def test_bars_stamped_at_their_close_are_stored_at_their_opening_with_their_values(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str], how: str
) -> None:
    name, key = ninja_client
    platform = launch("de_DE.UTF-8")
    platform.do("zone", "America/New_York")
    platform.configure(bridge, name, key)
    platform.start()
    platform.chart("c1", ES, how=how)
    first_close_ms = (now_ms() // MINUTE_MS - 40) * MINUTE_MS
    prices = closes()
    play_bars(platform, "c1", first_close_ms, prices)
    drained(platform)
    sent = prices if how == "closed" else prices[:-1]
    count = len(sent)
    values = 3 * count - 13 - 14 - 19
    bridge.wait_for_stats(name, produced=count + values, stored=count + values, refused=0)
    found = stored.bars(bridge, name)
    opening = datetime.fromtimestamp(first_close_ms / 1000, UTC) - timedelta(minutes=1)
    assert [(bar.start, bar.prices, bar.volume) for bar in found] == [
        (opening + timedelta(minutes=n), (c - 0.25, c + 0.5, c - 0.5, c), 100 + n)
        for n, c in enumerate(sent)
    ]
    assert {(bar.stamp, bar.closed, bar.period_s) for bar in found} == {("close", True, 60)}
    told = stored.indicators(bridge, name)
    assert [v for n, _, v in told if n == "sma_14"] == pytest.approx(
        [math.fsum(sent[n - 13 : n + 1]) / 14 for n in range(13, count)]
    )
    assert [v for n, _, v in told if n == "volatility_20"] == pytest.approx(
        [statistics.pstdev(sent[n - 19 : n + 1]) for n in range(19, count)]
    )
    assert all(0 <= v <= 100 for n, _, v in told if n == "rsi_14")


def test_two_charts_of_one_instrument_send_once_and_the_second_takes_over(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    platform = launch()
    platform.configure(bridge, name, key)
    platform.start()
    platform.chart("one", ES)
    platform.chart("two", ES)
    for n in range(10):
        for chart in ("one", "two"):
            platform.market(chart, "Bid", 5000 + n, 0, now_ms())
            platform.market(chart, "Ask", 5001 + n, 0, now_ms())
    assert platform.status()["produced"] == 19
    platform.do("close", "one")
    platform.market("two", "Bid", 5000, 0, now_ms())
    assert platform.status()["produced"] == 20
    drained(platform)
    bridge.wait_for_stats(name, stored=20, refused=0)


def test_what_is_no_quote_is_not_sent(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.chart("c1", ES)
        platform.market("c1", "Last", 5000, 1, now_ms())
        platform.market("c1", "Bid", 5000, 0, now_ms())
        platform.market("c1", "DailyHigh", 5010, 0, now_ms())
        platform.do("reset", "c1")
        platform.market("c1", "Ask", 5001, 0, now_ms())  # the bid is from before the reset
        platform.market("c1", "Bid", math.inf, 0, now_ms())
        platform.market("c1", "Ask", math.inf, 0, now_ms())
        platform.market("c1", "Last", math.nan, 0, now_ms())
        platform.chart("odd", "NQ 12-26", "Tick", 500)
        platform.bar("odd", now_ms(), 1, 1, 1, 1, 1)
        platform.bar("c1", now_ms(), math.nan, 1, 1, 1, 1)
        assert platform.status()["produced"] == 0
        assert any("no name in the protocol" in line for line in platform.printed())


def test_another_indicator_publishes_a_value_of_its_own(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    platform = launch()
    platform.configure(bridge, name, key)
    platform.start()
    platform.chart("delta", ES, how="delta")
    for side, price, volume in [
        *(("Bid", 5000.0, 0), ("Ask", 5000.25, 0)),
        *(("Last", 5000.25, 7), ("Last", 5000.0, 3), ("Last", 5000.25, 1)),
    ]:
        platform.market("delta", side, price, volume, now_ms())
    platform.do("reset", "delta")
    close_ms = now_ms() // MINUTE_MS * MINUTE_MS
    platform.bar("delta", close_ms, 1, 1, 1, 1, 1)
    platform.bar("delta", close_ms, 1, 1, 1, 1, 1)
    drained(platform)
    bridge.wait_for_stats(name, stored=2)
    assert [(n, v) for n, _, v in stored.indicators(bridge, name)] == [("delta", 5), ("delta", 0)]


def test_an_instance_that_never_began_ends_without_a_trace(launch: Launch) -> None:
    platform = launch()
    platform.do("unused")
    assert platform.printed() == []


# Settings, refusals, TLS.


def test_a_first_start_writes_settings_to_fill_in(launch: Launch) -> None:
    platform = launch()
    platform.start()
    [told] = platform.printed()
    assert told == f"FKS Bridge: fill in client and key in {platform.settings_file}"
    assert "csv_folder" in platform.settings_file.read_text()


@pytest.mark.parametrize("line", ["port = 70000", "tls = perhaps", "colour = red", "nonsense"])
def test_a_setting_that_is_not_understood_is_named(launch: Launch, line: str) -> None:
    platform = launch()
    platform.settings_file.parent.mkdir()
    platform.settings_file.write_text(f"client = a\nkey = b\n{line}\n")
    platform.start()
    [told] = platform.printed()
    assert told.endswith(f"FKSBridge.ini line 3: {line} is not understood")


def test_a_revoked_key_stops_the_client_until_the_settings_are_mended(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    platform = launch()
    platform.configure(bridge, name, key)
    platform.start()
    connected(platform)
    bridge.manage("revoke_key", key[:14])
    stopped = "FKS Bridge: stopped: revoked"
    wait_for(lambda: any(t.startswith(stopped) for t in platform.printed()), 10, "the end")
    fresh = bridge.issue_key(name, platform="ninjatrader")
    platform.configure(bridge, name, fresh)
    connected(platform, 2)


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"), "ours")


def test_ticks_travel_under_tls(
    bridge: LiveBridge,
    launch: Launch,
    ninja_client: tuple[str, str],
    ours: Authority,
    tmp_path: Path,
) -> None:
    name, key = ninja_client
    changes = market(301)
    faults = Faults(cut_at_ticks=[100])
    with Proxy(bridge.tcp_port, faults, ours.server(tmp_path)) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port, tls="yes", ca_file=ours.file)
        platform.start()
        platform.chart("c1", ES)
        platform.do("play", "c1", write_market(tmp_path / "market.csv", changes), 5)
        platform.do("played")
        drained(platform)
        assert line.connections == 2
    bridge.wait_for_stats(name, produced=300, stored=300, lost=0, refused=0)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("stranger", "was not signed by the CA in"),
        ("name", "its certificate is for another name than the host"),
        ("unknown", "Windows does not trust its certificate; set ca_file"),
        ("absent", "ca_file cannot be read: there is no file"),
        ("later", "its certificate is not valid at this time"),
        ("earlier", "its certificate is not valid at this time"),
    ],
)
def test_a_certificate_that_is_not_the_bridges_is_refused(
    bridge: LiveBridge, launch: Launch, ours: Authority, tmp_path: Path, case: str, reason: str
) -> None:
    signer = authority(tmp_path, "stranger") if case == "stranger" else ours
    server = signer.server(tmp_path, "elsewhere.example" if case == "name" else "127.0.0.1")
    trusted = {"unknown": "", "absent": tmp_path / "absent.pem"}.get(case, ours.file)
    day_ms = 86_400_000
    with Proxy(bridge.tcp_port, Faults(), server) as line:
        platform = launch()
        platform.do("wall", {"later": 3 * day_ms, "earlier": -3 * day_ms}.get(case, 0))
        configured(platform, line.port, tls="yes", ca_file=trusted)
        wait_for(lambda: any(reason in t for t in platform.printed()), 10, reason)
        assert platform.do("sessions") == 0
        assert line.heard == []


def test_a_bridge_without_a_certificate_is_refused(launch: Launch) -> None:
    assert launch().do("unshown") == "the bridge showed no certificate"


def test_the_same_trouble_is_told_once(launch: Launch) -> None:
    [port] = free_ports(1)
    platform = configured(launch(), port, orders="yes")
    time.sleep(1.5)
    [told] = platform.printed()
    assert told.startswith(f"FKS Bridge: not connected: no bridge at 127.0.0.1:{port}: ")


# What the bridge may say, line by line.


def test_history_is_sent_on_command_and_marked_so(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.do("zone", "America/New_York")
        platform.chart("c1", ES)
        scripted.meet()
        to_ms = now_ms() // MINUTE_MS * MINUTE_MS
        from_ms = to_ms - 49 * MINUTE_MS
        wanted = {"symbol": ES, "period": "M1", "from_ms": from_ms, "to_ms": to_ms}
        scripted.say(type="command", id="b1", name="backfill", args=wanted)
        # What was asked for may overtake its data; their numbers put everything in its place.
        said = [scripted.hear("bar", "command_ack") for _ in range(51)]
        [answer] = [message for message in said if message["type"] == "command_ack"]
        assert (answer["id"], answer["ok"], answer["detail"]) == ("b1", True, "50 bars")
        bars = [message for message in said if message["type"] == "bar"]
        assert [bar["seq"] for bar in bars] == list(range(1, 51))
        assert [bar["time_ms"] for bar in bars] == list(range(from_ms, to_ms + 1, MINUTE_MS))
        assert {(bar["backfill"], bar["stamp"], bar["closed"]) for bar in bars} == {
            ("b1", "close", True)
        }
        wait_for(lambda: platform.do("requests") == 0, 5, "the request to be let go")


@pytest.mark.parametrize(
    ("name", "arguments", "detail"),
    [
        ("dance", None, "NinjaTrader does not know the command dance"),
        ("rotate_key", None, "key must be a text"),
        (
            "rotate_key",
            {"key": "a\nhost = b"},
            UNFIT,
        ),
        ("rotate_key", {"key": ""}, UNFIT),
        ("backfill", {**SPAN, "symbol": None}, "symbol must be a text"),
        ("backfill", {**SPAN, "to_ms": "5"}, "to_ms must be a whole number"),
        ("backfill", {**SPAN, "symbol": "X"}, "there is no instrument X"),
        ("backfill", {**SPAN, "period": "M2"}, "period, from_ms or to_ms is out of range"),
        (
            "backfill",
            {**SPAN, "from_ms": 9, "to_ms": 8},
            "period, from_ms or to_ms is out of range",
        ),
        ("backfill", {**SPAN, "symbol": "NONE"}, "history of NONE is not to be had: no data"),
    ],
)
def test_a_command_that_cannot_be_done_is_answered_with_the_reason(
    launch: Launch, name: str, arguments: dict[str, Any] | None, detail: str
) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.chart("c1", ES)
        platform.chart("c2", "NONE")
        scripted.meet()
        scripted.say(type="command", id="c", name=name, args=arguments)
        answer = scripted.hear("command_ack")
        assert (answer["ok"], answer["detail"]) == (False, detail)


def test_pings_and_settings_are_answered_and_unknown_words_passed_over(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        configured(launch(), scripted.port)
        scripted.meet()
        for t in (5, 1.5, 'x"\\\t\u00e4\U0001f600', None, True):
            scripted.say(type="ping", t=t)
            assert scripted.hear("pong")["t"] == t
        scripted.say_line(r'{"type":"ping","t":"\u0041\n\/"}')
        assert scripted.hear("pong")["t"] == "A\n/"
        scripted.say(type="novelty", deep=[{"a": [1, 2.5e3, None, False]}, {}, []])
        scripted.say(type="config", id="k", settings={"batch": 5})
        assert scripted.hear("config_ack")["id"] == "k"


def test_missing_numbers_are_sent_again_when_asked_for(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.chart("c1", ES)
        scripted.meet()
        for n in range(4):
            platform.market("c1", "Bid", 5000 + n, 0, now_ms())
            platform.market("c1", "Ask", 5001 + n, 0, now_ms())
        first = scripted.hear("ticks")
        scripted.say(type="resend", **{"from": 1})
        again = scripted.hear("ticks")
        while again["seq"] > 1:
            again = scripted.hear("ticks")
        assert again["ticks"][0] == first["ticks"][0]


UNREADABLE = [
    *("nonsense", "[1]", "{1:2}", '{"type":', '{"a" 1}', '{"type":"ping","t":"open}'),
    *('{"type":"ack"}', '{"type":"ack","seq":1.5}', '{"type":"ping","t":1}}'),
    *(
        '{"type":"ping","t":"\\q"}',
        '{"type":"ping","t":1e999}',
        '{"type":"ping","t":' + "[" * 40 + "]" * 40 + "}",
    ),
    '{"type":"signal","id":"x","symbol":"E"}',
    '{"type":"signal","id":"x","symbol":"E","action":"BUY","entry":"5"}',
]
NEVER_SENT = '{"type":"ack","seq":99}'
PASSING = '{"type":"error","code":"busy","reason":"later"}'


def test_a_line_that_cannot_be_read_ends_the_session_and_the_next_begins(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        for line in [*UNREADABLE, NEVER_SENT, PASSING]:
            scripted.meet()
            scripted.say_line(line)
            with pytest.raises(AssertionError, match="the client left"):
                scripted.hear(f"nothing after {line}")
            scripted.hang_up()
        scripted.meet()
        told = [text for text in platform.printed() if "cannot be read" in text]
        assert len(told) == len(UNREADABLE) + 1


@pytest.mark.parametrize(
    "code", ["auth", "expired", "ip", "tls_required", "protocol", "superseded"]
)
def test_after_a_final_error_the_client_does_not_come_again(launch: Launch, code: str) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        scripted.meet()
        scripted.say(type="error", code=code, reason="because")
        stopped = f"FKS Bridge: stopped: {code}, because. Mend FKSBridge.ini and save it."
        wait_for(lambda: stopped in platform.printed(), 10, stopped)


def test_a_line_without_an_end_ends_the_session(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        scripted.meet()
        scripted.say_line("x" * (1 << 20) + "y" * 65536)
        told = "FKS Bridge: not connected: the bridge sent a line without an end"
        wait_for(lambda: told in platform.printed(), 10, told)
        scripted.hang_up()


def test_a_bridge_that_does_not_answer_is_given_up(launch: Launch) -> None:
    with socket.socket() as deaf, ExitStack() as queue:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):  # its queue is full, so that nobody else gets an answer
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        platform = configured(launch(), deaf.getsockname()[1])
        wait_for(lambda: "no answer in time" in str(platform.printed()), 20, "the end of it")


def test_settings_that_cannot_be_read_are_told(launch: Launch) -> None:
    platform = launch()
    platform.settings_file.mkdir(parents=True)
    platform.start()
    assert "FKSBridge.ini cannot be read: " in platform.printed()[0]


def test_a_chart_that_draws_no_signals_sends_its_ticks(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        platform.chart("c1", ES, how="undrawn")
        a_bar(platform, "c1")
        scripted.meet()
        scripted.say(type="signal", id="s1", symbol=ES, action="BUY")
        assert scripted.hear("signal_ack")["state"] == "received"
        platform.market("c1", "Ask", 5001, 0, now_ms())  # what came before real time is no bid
        platform.market("c1", "Bid", 5000, 0, now_ms())
        assert scripted.hear("ticks")["ticks"][0][1:3] == [5000, 5001]
        assert platform.drawn("c1") == {"log": []}


def test_what_comes_instead_of_a_welcome_is_told(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port)
        scripted.accept()
        scripted.hang_up()
        scripted.accept()
        scripted.say(type="error", code="busy", reason="later")
        scripted.hang_up()
        scripted.accept()
        scripted.say(type="ack", seq=0)
        scripted.hang_up()
        scripted.meet()
        connected(platform)
        told = [line.removeprefix("FKS Bridge: not connected: ") for line in platform.printed()]
        assert told[:3] == [
            "the bridge closed the connection",
            "the bridge ended the session: busy, later",
            "the bridge sent what cannot be read: no welcome came",
        ]


def test_the_first_refusal_is_told_and_later_ones_are_counted(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    platform = launch()
    platform.configure(bridge, name, key)
    platform.start()
    platform.chart("c1", ES)
    platform.market("c1", "Bid", -5, 0, now_ms())
    platform.market("c1", "Ask", -4, 0, now_ms())
    platform.market("c1", "Ask", -3, 0, now_ms())
    drained(platform)
    bridge.wait_for_stats(name, refused=2, stored=0)
    told = [line for line in platform.printed() if "refused" in line]
    assert told == [
        "FKS Bridge: the bridge refused an item: price bid is -5; prices must be above zero."
    ]


# Orders, and the end.


def test_what_stands_is_told_after_the_welcome_and_then_each_change(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port, orders="yes")
        platform.do("zone", "America/New_York")
        platform.chart("c1", ES)
        platform.do("connection")
        scripted.meet()
        assert scripted.hear("account")["seq"] == 1
        assert platform.do("watched") is True
        platform.do("order")
        kinds = [scripted.hear("order") for _ in range(5)]
        assert [order["kind"] for order in kinds] == [
            *("market", "limit", "stop", "stop_limit", "mit")
        ]
        assert {order["side"] for order in kinds} == {"sell"}
        orders = [scripted.hear("order") for _ in range(9)]
        assert [order.get("event") for order in orders] == [
            *(None, "placed", "placed", "part_filled", "filled"),
            *("cancelled", "rejected", "modified", "filled"),
        ]
        assert {(o["symbol"], o["account"], o["ticket"], o["side"], o["kind"]) for o in orders} == {
            (ES, "Sim101", "o1", "buy", "limit")
        }
        assert (orders[0]["price"], orders[0]["volume_left"]) == (5000.25, 1)
        assert "stop_price" not in orders[0]
        assert abs(orders[0]["time_ms"] - now_ms()) < 60_000
        fill = orders[-1]
        assert (fill["execution_id"], fill["execution_price"]) == ("x1", 5000.25)
        position = scripted.hear("position")
        assert (position["ticket"], position["symbol"]) == (f"Sim101 {ES}", ES)
        assert (position["side"], position["volume"], position["price"]) == ("buy", 2, 5000.25)
        numbers = [m["seq"] for m in (*kinds, *orders, position)]
        assert numbers == list(range(2, 17))
        # Its figures change with each tick while a position is open: five changes, one message.
        assert scripted.hear("account")["seq"] == 17


def test_what_stands_at_an_account_is_stored(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    platform = launch()
    platform.do("zone", "America/New_York")
    platform.configure(bridge, name, key, orders="yes")
    platform.start()
    platform.chart("c1", ES)
    connected(platform)
    platform.do("order")
    known = [(f"Sim101 {ES}", ES, "buy", 2.0, 5000.25)]
    wait_for(lambda: stored.open_positions(bridge, name) == known, 10, "the position, stored")
    assert ("o1", "limit", "filled") in stored.orders(bridge, name)
    assert bridge.stats(name)["refused"] == 0


def test_an_account_that_comes_later_is_told_with_its_positions_and_open_orders(
    launch: Launch,
) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port, orders="yes")
        platform.chart("c1", ES)
        scripted.meet()
        first = scripted.hear("account")
        assert (first["login"], first["currency"]) == ("Sim101", "USD")
        assert (first["balance"], first["equity"], first["free_margin"]) == (100000.5, 100000.5, 0)
        assert "margin" not in first  # the broker has not told it
        platform.do("stand", "Live")
        account = scripted.hear("account")
        assert (account["login"], account["currency"]) == ("Live", "EUR")
        assert account["balance"] == 2000.25
        assert account["positions"] == [f"Live {ES}"]
        short, flat = scripted.hear("position"), scripted.hear("position")
        assert (short["side"], short["volume"], short["price"]) == ("sell", 3, 5001.25)
        assert (flat["ticket"], flat["volume"]) == (short["ticket"], 0)
        assert not {"side", "price"} & set(flat)
        orders = [scripted.hear("order") for _ in range(5)]
        assert [order["state"] for order in orders] == [
            *("Submitted", "Accepted", "Working", "PartFilled", "ChangeSubmitted")
        ]
        assert {(o["price"], o["limit_price"], o["fill_price"], o["comment"]) for o in orders} == {
            (5000.5, 4999.5, 5000.25, "Entry")
        }
        assert {order["time_ms"] for order in orders} == {1_795_235_490_323}
        assert [order["ticket"] for order in orders] == account["orders"]
        assert not any("event" in order for order in orders)
        platform.do("item", "CashValue", 99999.25)
        told = scripted.hear("account")
        assert (told["balance"], "orders" in told) == (99999.25, False)
        platform.do("stand", "Odd")
        assert scripted.hear("account")["currency"] == "SwedishKrona"


def test_an_account_that_fails_costs_the_telling_of_accounts_and_nothing_else(
    launch: Launch,
) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port, orders="yes")
        platform.chart("c1", ES)
        scripted.meet()
        platform.do("stand", "Broken")
        wait_for(lambda: "not told any more" in str(platform.printed()), 10, "the news")
        assert platform.do("watched") is False
        platform.do("values", "v", 1)
        assert scripted.hear("indicator")["seq"] == 2


def test_what_stands_is_told_again_once_a_minute_and_after_each_break(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port, orders="yes")
        platform.chart("c1", ES)
        platform.do("stand", "Live")
        told = ["account", "account", *["position"] * 2, *["order"] * 5]
        scripted.meet()
        assert [scripted.hear(*told)["type"] for _ in told] == told
        platform.do("pass", 61_000)
        assert [scripted.hear(*told)["type"] for _ in told] == told
        scripted.hang_up()
        scripted.meet(resume=19)
        assert [scripted.hear(*told)["seq"] for _ in told] == list(range(19, 28))


def test_a_bridge_that_takes_no_orders_is_sent_no_more_of_them(launch: Launch) -> None:
    with ScriptedBridge() as scripted:
        platform = configured(launch(), scripted.port, orders="yes")
        platform.chart("c1", ES)
        scripted.meet()
        scripted.hear("account")
        scripted.say(type="reject", seq=1, code="unsupported", reason="not yet")
        wait_for(lambda: "refused an item: unsupported" in str(platform.printed()), 5, "the news")
        platform.do("order")
        assert platform.status()["produced"] == 1
        platform.do("stop")
        assert platform.do("watched") is False


def test_the_platforms_end_ends_the_session(
    bridge: LiveBridge, launch: Launch, ninja_client: tuple[str, str]
) -> None:
    name, key = ninja_client
    with Proxy(bridge.tcp_port) as line:
        platform = launch()
        platform.configure(bridge, name, key, port=line.port)
        platform.start()
        platform.chart("c1", ES)
        connected(platform)
        platform.do("close", "c1")
        platform.do("stop")
        assert platform.status() == {}
        assert line.connections == 1
        assert len(line.of_type("hello")) == 1


# The csv export.


def test_the_csv_holds_every_tick_and_goes_on_after_a_crash(launch: Launch, tmp_path: Path) -> None:
    [port] = free_ports(1)
    exports = tmp_path / "csv"
    exports.mkdir()
    file = exports / f"{ES}.csv"
    header = "time_utc,bid,ask,last,volume\n"
    file.write_text(header + "2026-11-21T07:15:15.123Z,1,2,,\n2026-11-21T07:15:16.1")
    platform = configured(launch("de_DE.UTF-8"), port, csv_folder=exports)
    platform.do("zone", "Europe/Berlin")
    platform.chart("c1", ES)
    at = 1_795_235_490_323
    for side, price, volume in [("Bid", 5000.25, 0), ("Ask", 5000.5, 0), ("Last", 5000.5, 3)]:
        platform.market("c1", side, price, volume, at)
    moment = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.323Z")
    assert file.read_text() == (
        f"{header}2026-11-21T07:15:15.123Z,1,2,,\n"
        f"{moment},5000.25,5000.5,,\n{moment},5000.25,5000.5,5000.5,3\n"
    )
    assert sorted(path.name for path in exports.iterdir()) == [file.name]


def test_a_full_csv_is_retired_under_its_time_and_nothing_is_lost(
    launch: Launch, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    exports = tmp_path / "csv"
    exports.mkdir()
    header = "time_utc,bid,ask,last,volume"
    older = "2026-11-21T07:15:15.123Z,1,2,,"
    filling = [older] * (1_048_000 // (len(older) + 1))
    (exports / f"{ES}.csv").write_text("\n".join([header, *filling, ""]))
    changes = market(101)
    platform = configured(launch(), port, csv_folder=exports, csv_megabytes=1)
    platform.chart("c1", ES)
    platform.do("play", "c1", write_market(tmp_path / "market.csv", changes), 0)
    platform.do("played")
    retired, present = sorted(exports.iterdir(), key=lambda path: len(path.name), reverse=True)
    assert present.name == f"{ES}.csv"
    texts = [path.read_text().splitlines() for path in (retired, present)]
    assert [text[0] for text in texts] == [header, header]
    assert min(map(len, texts)) > 10
    lines = [line for text in texts for line in text[1:]]
    assert lines[: len(filling)] == filling
    assert [tuple(line.split(",")[1:]) for line in lines[len(filling) :]] == [
        (f"{t[3]:g}", f"{t[4]:g}", f"{t[5]:g}" if t[5] else "", "3" if t[5] else "")
        for t in expected_ticks(changes)
    ]


@pytest.mark.parametrize("folder", ["absent", "no\0folder"])
def test_a_csv_that_cannot_be_written_stops_the_export_and_not_the_link(
    launch: Launch, tmp_path: Path, folder: str
) -> None:
    [port] = free_ports(1)
    platform = configured(launch(), port, csv_folder=tmp_path / folder)
    platform.chart("c1", ES)
    for n in range(3):
        platform.market("c1", "Bid", 5000 + n, 0, now_ms())
        platform.market("c1", "Ask", 5001 + n, 0, now_ms())
    stopped = [line for line in platform.printed() if "csv export stopped" in line]
    assert len(stopped) == 1
    assert platform.status()["produced"] == 5
