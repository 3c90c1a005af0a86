"""The client against a small strict bridge over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import (
    Client,
    Handlers,
    Identity,
    Options,
    RefusedError,
    Signal,
    StalledError,
    StateFile,
    TcpEndpoint,
)
from tests.agent.fake_bridge import FakeBridge, Manners, eventually, listening

QUICK = Options(backoff_s=0.01, backoff_limit_s=0.05, status_s=0.05, batch=10)
START_MS = 1_700_000_000_000


def client_of(
    bridge: FakeBridge,
    options: Options = QUICK,
    handlers: Handlers | None = None,
    stream_id: str | None = None,
    state_file: StateFile | None = None,
) -> Client:
    return Client(
        TcpEndpoint("127.0.0.1", bridge.port),
        Identity("ICM-LIVE", "key", "mt5", utc_offset_s=7200),
        options,
        handlers,
        stream_id=stream_id,
        state_file=state_file,
    )


def produce(client: Client, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        client.tick("EURUSD", 1.1 + number / 1e5, 1.2, START_MS + number)


def whole(bridge: FakeBridge, count: int) -> bool:
    """Every number once and in order, and the datum that belongs to it."""
    items = bridge.stream.items
    return list(items) == list(range(1, count + 1)) and all(
        items[number][1] == START_MS + number - 1 for number in items
    )


async def test_ticks_arrive_in_order_and_are_acknowledged() -> None:
    async with listening() as bridge, client_of(bridge) as client:
        produce(client, 1000)
        await client.all_acked(patience_s=5)
        assert whole(bridge, 1000)
        counts = client.counts
        assert (counts.produced, counts.sent, counts.acked) == (1000, 1000, 1000)
        assert (counts.resent, counts.dropped, counts.buffered) == (0, 0, 0)
        assert (counts.sessions, counts.rejected) == (1, 0)


async def test_hello_says_who_speaks_and_in_which_numbering() -> None:
    async with listening() as bridge, client_of(bridge, stream_id="s-1") as client:
        await client.connected(patience_s=5)
        assert bridge.connections[0].hello == {
            "type": "hello",
            "protocol": 1,
            "client": "ICM-LIVE",
            "key": "key",
            "platform": "mt5",
            "stream": "s-1",
            "utc_offset_s": 7200,
        }


async def test_every_kind_of_datum_has_its_own_message() -> None:
    async with listening() as bridge, client_of(bridge) as client:
        client.tick("EURUSD", 1.1, 1.2, START_MS, volume=3, last=1.15, flags=6)
        client.bar("EURUSD", "M1", START_MS, (1.1, 1.3, 1.0, 1.2), 17, stamp="close")
        client.indicator("EURUSD", "sma_14", 1.15, START_MS, period="M1")
        client.message("account", {"balance": 1000.5})
        await client.all_acked(patience_s=5)
        tick, bar, indicator, account = bridge.stream.items.values()
        assert tick["last"] == 1.15
        assert tick["flags"] == 6
        assert (bar["high"], bar["stamp"], bar["closed"], bar["seq"]) == (1.3, "close", True, 2)
        assert (indicator["name"], indicator["period"]) == ("sma_14", "M1")
        assert account == {"type": "account", "seq": 4, "balance": 1000.5}


@pytest.mark.parametrize("price", [float("nan"), float("inf")])
async def test_a_price_that_is_no_number_never_leaves_the_terminal(price: float) -> None:
    async with listening() as bridge, client_of(bridge) as client:
        with pytest.raises(ValueError, match=r"finite|JSON"):
            client.tick("EURUSD", price, 1.2, START_MS)
        with pytest.raises(ValueError, match=r"finite|JSON"):
            client.tick("EURUSD", price, 1.2, START_MS, flags=1)
        assert client.counts.produced == 0


@pytest.mark.parametrize("before_ack", [True, False])
async def test_after_cuts_the_client_resumes_where_the_bridge_stands(before_ack: bool) -> None:
    manners = Manners(cut_after=[95, 333, 334, 800], cut_before_ack=before_ack, ack_every=50)
    async with listening(manners) as bridge, client_of(bridge) as client:
        produce(client, 1000)
        await client.all_acked(patience_s=5)
        assert whole(bridge, 1000)
        assert client.counts.sessions == bridge.connected == 5
        assert client.counts.resent > 0
        assert bridge.stream.duplicates == 0
        assert bridge.stream.gaps == []


async def test_a_line_cut_by_the_terminals_side_is_resumed_too() -> None:
    async with listening() as bridge, client_of(bridge) as client:
        for part in range(5):
            produce(client, 100, 100 * part)
            await asyncio.sleep(0.01)
            client.cut()
        await client.all_acked(patience_s=5)
        assert whole(bridge, 500)
        assert bridge.stream.gaps == []


async def test_a_bridge_that_starts_late_loses_nothing(free_port: int) -> None:
    bridge = FakeBridge()
    bridge.port = free_port
    async with client_of(bridge) as client:
        produce(client, 200)
        await asyncio.sleep(0.1)
        assert "no bridge at 127.0.0.1" in client.problem
        await bridge.start(free_port)
        await client.all_acked(patience_s=5)
        assert whole(bridge, 200)
    await bridge.stop()


async def test_resend_sends_again_from_the_number_wanted() -> None:
    manners = Manners(ack_every=10**9)
    async with listening(manners) as bridge, client_of(bridge) as client:
        produce(client, 100)
        await eventually(lambda: bridge.count == 100)
        bridge.connections[0].say({"type": "resend", "from": 41})
        await eventually(lambda: bridge.stream.duplicates == 60)
        manners.ack_every = 1
        produce(client, 1, 100)
        await client.all_acked(patience_s=5)
        assert whole(bridge, 101)
        assert (client.counts.sent, client.counts.resent) == (101, 60)


async def test_a_full_ring_drops_its_oldest_and_says_so() -> None:
    options = Options(capacity=50, backoff_s=0.01, batch=10)
    async with listening() as bridge, client_of(bridge, options) as client:
        await client.connected(patience_s=5)
        client.cut(away_s=0.05)
        produce(client, 120)
        await client.all_acked(patience_s=5)
        assert bridge.stream.gaps == [(1, 70)]
        assert sorted(bridge.stream.items) == list(range(71, 121))
        counts = client.counts
        assert (counts.produced, counts.acked, counts.dropped) == (120, 50, 70)
        assert counts.buffered == 0


async def test_numbers_lost_in_a_cut_become_one_gap() -> None:
    async with listening(Manners(ack_every=10**9)) as bridge, client_of(bridge) as client:
        produce(client, 20)
        await eventually(lambda: bridge.count == 20)
        client.cut(away_s=0.05)
        produce(client, 30, 20)
        assert client.drop_oldest(40) == 40
        bridge.manners.ack_every = 1
        await client.all_acked(patience_s=5)
        assert bridge.stream.gaps == [(21, 40)]
        assert sorted(bridge.stream.items) == [*range(1, 21), *range(41, 51)]
        assert (client.counts.acked, client.counts.dropped) == (30, 20)


async def test_numbers_that_were_lost_before_they_came_become_a_gap() -> None:
    async with listening() as bridge, client_of(bridge) as client:
        produce(client, 5)
        await client.all_acked(patience_s=5)
        client.lose(3)
        produce(client, 2, 8)
        await client.acked_past(9)
        assert bridge.stream.gaps == [(6, 8)]
        assert list(bridge.stream.items) == [1, 2, 3, 4, 5, 9, 10]
        assert (client.counts.produced, client.counts.dropped) == (10, 3)


async def test_an_owner_of_lines_gets_them_as_they_came_and_answers_them_itself() -> None:
    heard: list[bytes] = []
    handlers = Handlers(on_line=heard.append)
    async with listening() as bridge, client_of(bridge, handlers=handlers) as client:
        assert not client.say(b"{}")
        await client.connected(patience_s=5)
        say = bridge.connections[0].say
        say({"type": "signal", "id": "s1", "symbol": "EURUSD", "action": "BUY"})
        say({"type": "config", "batch": 7})
        assert client.say(b'{"type":"ping","t":"mine"}')
        await eventually(lambda: len(heard) == 3)
        assert bridge.signal_acks == []
    assert [b"mine" in line for line in heard] == [False, False, True]


async def test_a_slow_bridge_slows_the_sender_and_memory_stays_bounded() -> None:
    options = Options(capacity=2000, batch=10)
    manners = Manners(pause_s=0.001)
    async with listening(manners) as bridge, client_of(bridge, options) as client:
        for start in range(0, 5000, 100):
            await client.room(100, patience_s=5)
            produce(client, 100, start)
            assert client.counts.buffered <= 2000
        await client.all_acked(patience_s=5)
        assert whole(bridge, 5000)
        assert client.counts.dropped == 0


async def test_a_bridge_that_says_nothing_is_left_and_tried_again() -> None:
    options = Options(status_s=0.02, silence_s=0.1, backoff_s=0.01, batch=10)
    manners = Manners(deaf_sessions=2)
    async with listening(manners) as bridge, client_of(bridge, options) as client:
        produce(client, 5)
        await client.all_acked(patience_s=5)
        assert whole(bridge, 5)
        assert client.counts.sessions == 3
        assert "silent" in client.problem


async def test_lines_that_arrive_in_pieces_are_put_together() -> None:
    async with listening(Manners(byte_by_byte=True)) as bridge, client_of(bridge) as client:
        produce(client, 50)
        await client.all_acked(patience_s=5)
        assert whole(bridge, 50)
        assert client.counts.sessions == 1


async def test_refused_items_count_as_acknowledged_and_are_remembered() -> None:
    async with listening(Manners(reject_every=10)) as bridge, client_of(bridge) as client:
        produce(client, 100)
        await client.all_acked(patience_s=5)
        assert (client.counts.acked, client.counts.rejected) == (100, 10)
        assert client.first_reject == "price bid 0"


@pytest.mark.parametrize("code", ["auth", "revoked", "expired", "ip", "tls_required", "protocol"])
async def test_a_final_refusal_ends_the_client_with_the_bridges_reason(code: str) -> None:
    async with listening(Manners(refuse=(code, "ask the operator"))) as bridge:
        async with client_of(bridge) as client:
            with pytest.raises(RefusedError, match=f"{code}: ask the operator"):
                await client.ended()
        assert bridge.connected == 1


async def test_a_busy_bridge_is_asked_again() -> None:
    manners = Manners(refuse=("busy", "too many sessions"))
    async with listening(manners) as bridge, client_of(bridge) as client:
        produce(client, 5)
        await eventually(lambda: bridge.connected >= 3)
        manners.refuse = None
        await client.all_acked(patience_s=5)
        assert whole(bridge, 5)


async def test_the_newer_session_wins_and_the_older_does_not_come_back() -> None:
    async with listening() as bridge, client_of(bridge, stream_id="one") as older:
        await older.connected(patience_s=5)
        async with client_of(bridge, stream_id="one") as newer:
            with pytest.raises(RefusedError, match="superseded"):
                await older.ended()
            produce(newer, 5)
            await newer.all_acked(patience_s=5)
            assert bridge.connected == 2


async def test_a_bridge_ahead_of_the_terminal_makes_it_begin_a_new_stream() -> None:
    async with listening() as bridge:
        async with client_of(bridge, stream_id="one") as client:
            produce(client, 50)
            await client.all_acked(patience_s=5)
        async with client_of(bridge, stream_id="one") as forgetful:
            produce(forgetful, 20)
            await forgetful.all_acked(patience_s=5)
            assert forgetful.stream_id != "one"
        assert [len(stream.items) for stream in bridge.streams.values()] == [50, 20]


async def test_what_is_repeated_under_the_same_numbers_is_skipped() -> None:
    options = Options(repeatable=True, batch=10)
    async with listening() as bridge:
        async with client_of(bridge, options, stream_id="one") as client:
            produce(client, 50)
            await client.all_acked(patience_s=5)
        async with client_of(bridge, options, stream_id="one") as again:
            await again.connected(patience_s=5)
            produce(again, 80)
            await again.all_acked(patience_s=5)
            assert (again.counts.sent, again.counts.acked) == (30, 80)
        assert whole(bridge, 80)
        assert bridge.stream.duplicates == 0


async def test_a_restarted_terminal_goes_on_with_its_stream(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "icm.json")
    manners = Manners(ack_every=10**9)
    async with listening(manners) as bridge:
        async with client_of(bridge, state_file=file) as client:
            produce(client, 30)
            await eventually(lambda: bridge.count == 30)
            client.cut(away_s=60)
            produce(client, 20, 30)
        manners.ack_every = 1
        async with client_of(bridge, state_file=file) as again:
            produce(again, 10, 50)
            await again.all_acked(patience_s=5)
            assert again.stream_id == client.stream_id
            assert (again.counts.produced, again.counts.acked) == (60, 60)
        assert whole(bridge, 60)


async def test_status_reports_the_counts_until_the_end() -> None:
    async with listening() as bridge:
        async with client_of(bridge) as client:
            client.health.market_open = False
            produce(client, 7)
            await eventually(lambda: len(bridge.of_type("status")) >= 3)
            await client.all_acked(patience_s=5)
        last = bridge.of_type("status")[-1]
        assert (last["produced"], last["buffered"], last["dropped"]) == (7, 0, 0)
        assert last["market_open"] is False
        assert 0 <= last["ping_ms"] < 1000


async def test_a_ping_is_answered_with_what_it_carried() -> None:
    async with listening() as bridge, client_of(bridge) as client:
        await client.connected(patience_s=5)
        bridge.connections[0].say({"type": "ping", "t": "abc"})
        await eventually(lambda: bridge.of_type("pong") == [{"type": "pong", "t": "abc"}])


async def test_settings_and_commands_are_answered() -> None:
    seen: list[object] = []
    handlers = Handlers(
        on_config=seen.append, on_command=lambda command: (command.name == "backfill", "done")
    )
    async with listening() as bridge, client_of(bridge, handlers=handlers) as client:
        await client.connected(patience_s=5)
        say = bridge.connections[0].say
        say({"type": "config", "id": "c1", "batch": 25})
        say({"type": "command", "id": "k1", "name": "backfill", "args": {}})
        say({"type": "command", "id": "k2", "name": "dance"})
        await eventually(lambda: len(bridge.of_type("command_ack")) == 2)
        assert seen == [{"batch": 25}]
        assert bridge.of_type("config_ack") == [{"type": "config_ack", "id": "c1"}]
        assert [(a["id"], a["ok"]) for a in bridge.of_type("command_ack")] == [
            ("k1", True),
            ("k2", False),
        ]


async def test_a_word_from_a_later_protocol_is_passed_over() -> None:
    async with listening() as bridge, client_of(bridge) as client:
        await client.connected(patience_s=5)
        bridge.connections[0].say({"type": "weather", "sky": "blue"})
        produce(client, 5)
        await client.all_acked(patience_s=5)
        assert client.counts.sessions == 1


@pytest.mark.parametrize(
    "nonsense",
    [b"[]\n", b"hello\n", b'{"type":"ack"}\n', b'{"type":"ack","seq":99}\n', b"\xff\xfe\n"],
)
async def test_nonsense_from_the_bridge_ends_the_session_and_not_the_client(
    nonsense: bytes,
) -> None:
    async with listening() as bridge, client_of(bridge) as client:
        await client.connected(patience_s=5)
        bridge.connections[0].writer.write(nonsense)
        await eventually(lambda: bridge.connected == 2)
        produce(client, 5)
        await client.all_acked(patience_s=5)
        assert whole(bridge, 5)


async def test_waiting_for_an_acknowledgement_that_never_comes_has_an_end() -> None:
    async with listening(Manners(silent=True)) as bridge, client_of(bridge) as client:
        produce(client, 5)
        with pytest.raises(StalledError, match=r"no answer of the bridge for 0\.1 s"):
            await client.all_acked(patience_s=0.1)


async def test_closing_does_not_wait_for_a_bridge_that_is_not_there(free_port: int) -> None:
    bridge = FakeBridge()
    bridge.port = free_port
    async with client_of(bridge, Options(backoff_s=30, backoff_limit_s=30)) as client:
        await eventually(lambda: bool(client.problem))
        began = time.monotonic()
    assert time.monotonic() - began < 5  # and not 30, the pause before the next attempt


# Signals


def buy(signal_id: str, *, execute: bool = False) -> dict[str, object]:
    return {
        "type": "signal",
        "id": signal_id,
        "symbol": "EURUSD",
        "action": "BUY",
        "entry": 1.1,
        "execute": execute,
        "expires_ms": time.time_ns() // 1_000_000 + 60_000,
    }


def shower(shown: list[str]) -> Callable[[Signal], None]:
    return lambda signal: shown.append(signal.id)


async def test_a_signal_goes_through_its_life_step_by_step() -> None:
    shown: list[str] = []
    handlers = Handlers(on_signal=shower(shown))
    async with listening() as bridge, client_of(bridge, handlers=handlers) as client:
        await client.connected(patience_s=5)
        bridge.connections[0].say(buy("a"))
        await eventually(lambda: shown == ["a"])
        assert client.acknowledge("a", "shown")
        assert client.acknowledge("a", "executed", ticket="7", price=1.1)
        assert not client.acknowledge("a", "executed", ticket="8")
        await eventually(lambda: len(bridge.signal_acks) == 3)
        assert bridge.signal_acks == [("a", "received"), ("a", "shown"), ("a", "executed")]
        assert bridge.of_type("signal_ack")[-1]["ticket"] == "7"


async def test_a_signal_sent_again_is_shown_once_and_answered_with_its_state() -> None:
    shown: list[str] = []
    handlers = Handlers(on_signal=shower(shown))
    async with listening() as bridge, client_of(bridge, handlers=handlers) as client:
        await client.connected(patience_s=5)
        bridge.waiting_signals.append(buy("a"))
        client.cut()
        await eventually(lambda: shown == ["a"] and client.counts.sessions == 2)
        client.acknowledge("a", "executed")
        client.cut()
        await eventually(lambda: client.counts.sessions == 3)
        client.cut()
        await eventually(lambda: client.counts.sessions == 4)
        await eventually(lambda: bridge.signal_acks[-2:] == [("a", "executed")] * 2)
        assert shown == ["a"]


async def test_an_acknowledgement_made_while_cut_off_is_told_at_the_next_session() -> None:
    handlers = Handlers()
    async with listening() as bridge, client_of(bridge, handlers=handlers) as client:
        await client.connected(patience_s=5)
        bridge.connections[0].say(buy("a"))
        await eventually(lambda: bridge.signal_acks == [("a", "received")])
        client.cut(away_s=0.05)
        await asyncio.sleep(0.01)
        client.acknowledge("a", "shown")
        await eventually(lambda: bridge.signal_acks == [("a", "received"), ("a", "shown")])


async def test_an_expired_signal_is_never_shown() -> None:
    shown: list[str] = []
    handlers = Handlers(on_signal=shower(shown))
    async with listening() as bridge, client_of(bridge, handlers=handlers) as client:
        await client.connected(patience_s=5)
        bridge.connections[0].say({**buy("late"), "expires_ms": 1})
        await eventually(lambda: bridge.signal_acks == [("late", "expired")])
        assert shown == []


async def test_a_signal_is_not_executed_again_after_a_restart(tmp_path: Path) -> None:
    shown: list[str] = []
    handlers = Handlers(on_signal=shower(shown))
    file = StateFile(tmp_path / "icm.json")
    async with listening() as bridge:
        bridge.waiting_signals.append(buy("a", execute=True))
        async with client_of(bridge, handlers=handlers, state_file=file) as client:
            await eventually(lambda: shown == ["a"])
            client.acknowledge("a", "executed", ticket="7")
        async with client_of(bridge, handlers=handlers, state_file=file):
            await eventually(lambda: bridge.connected == 2)
            await eventually(lambda: bridge.signal_acks[-1] == ("a", "executed"))
        assert shown == ["a"]
