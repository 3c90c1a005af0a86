"""The conformance table: the same cases over every transport.

Each case is one client's conversation; what it returns, and what is counted and kept afterwards, is
the same whatever carries it. The cases of a transport run at one gateway at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from django.db import connection, connections

from bridge_ingest import actions, outbox
from bridge_ingest.gateway import watch
from bridge_ingest.models import ApiKey, Client, Gap, Refusal, Session
from bridge_ingest.protocol import session as session_module
from bridge_ingest.stats import client_stats
from market import adopt
from tests.ingest.door import NOW_MS, Door, client_with_key, door, drain_all, tick
from tests.ingest.lines import KEPT_OPEN, TRANSPORTS, Line, Message, plug

pytestmark = pytest.mark.django_db(transaction=True)
FAR_MS = 4_000_000_000_000
BAD_BAR = (
    b'{"type":"bar","seq":1,"symbol":"E","period":"M1","time_ms":1.7e12,"open":1,"high":1,"low":2,'
    b'"close":1,"stamp":"open","closed":true}'
)


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


@dataclass
class Terminal:
    """One case's terminal: its client bears the case's name."""

    name: str
    key: str
    transport: str
    gate: Door
    connect: Callable[[], Awaitable[Line]]

    async def hello(self, line: Line, **more: Any) -> Message:
        return await line.hello(**{"client": self.name, "key": self.key, **more})

    async def greeted(self) -> Line:
        """A connection with a session."""
        line = await self.connect()
        assert (await self.hello(line))["type"] == "welcome"
        return line

    @property
    def open_sessions(self) -> list[Any]:
        sessions = self.gate.bridge.sessions.values()
        return [each for each in sessions if each.client.name == self.name]  # type: ignore[union-attr]


@dataclass
class Case:
    """What a terminal does, what that comes to, and what the client's figures are afterwards."""

    talk: Callable[[Terminal], Awaitable[Any]]
    said: Any = None
    figures: dict[str, int] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()


CASES: dict[str, Case] = {}


def case(
    name: str, said: Any = None, *, scopes: tuple[str, ...] = (), **figures: int
) -> Callable[[Callable[[Terminal], Awaitable[Any]]], Callable[[Terminal], Awaitable[Any]]]:
    def enter(talk: Callable[[Terminal], Awaitable[Any]]) -> Any:
        CASES[name] = Case(talk, said, figures, scopes)
        return talk

    return enter


@case("a hello is welcomed at number one", ("welcome", 1), sessions=1)
async def _welcome(terminal: Terminal) -> Any:
    welcome = await terminal.hello(await terminal.connect())
    return welcome["type"], welcome["resume"]


def _refused_hello(**change: Any) -> Callable[[Terminal], Awaitable[Any]]:
    async def talk(terminal: Terminal) -> Any:
        told = await terminal.hello(await terminal.connect(), **change)
        return told["type"], told["code"], len(terminal.open_sessions)

    return talk


for _what, _change, _code in (
    ("an unknown key", {"key": "nonsense"}, "auth"),
    ("another client's name", {"client": "somebody"}, "auth"),
    ("another protocol", {"protocol": 2}, "protocol"),
    ("an unknown platform", {"platform": "abacus"}, "protocol"),
    ("replay without its scope", {"mode": "replay"}, "auth"),
):
    case(f"a hello with {_what} opens nothing", ("error", _code, 0), sessions=0)(
        _refused_hello(**_change)
    )


@case("what is acknowledged is stored and resumed behind", 7, produced=6, stored=6, lost=0)
async def _resume(terminal: Terminal) -> Any:
    line = await terminal.greeted()
    rows = [[NOW_MS + n, 1.1, 1.2, 1] for n in range(5)]
    await line.send(tick(1), {"type": "ticks", "seq": 2, "symbol": "EURUSD", "ticks": rows})
    await line.until("ack", seq=6)
    await line.close()
    return (await terminal.hello(await terminal.connect()))["resume"]


@case("what is sent twice is stored once", produced=3, stored=3, duplicates=2)
async def _twice(terminal: Terminal) -> None:
    line = await terminal.greeted()
    await line.send(tick(1), tick(2), tick(1), tick(2), tick(3))
    await line.until("ack", seq=3)


@case("a gap that the terminal states is recorded", stored=2, lost=3)
async def _gap(terminal: Terminal) -> None:
    line = await terminal.greeted()
    await line.send(tick(1), {"type": "gap", "from": 2, "to": 4}, tick(5))
    await line.until("ack", seq=5)


@case("missing numbers are asked for", 2, stored=4, lost=0)
async def _resend(terminal: Terminal) -> Any:
    line = await terminal.greeted()
    await line.send(tick(1), tick(4))
    wanted = (await line.until("resend"))["from"]
    await line.send(tick(2), tick(3), tick(4))
    await line.until("ack", seq=4)
    return wanted


@case("missing numbers that never come become a gap", stored=2, lost=1)
async def _never(terminal: Terminal) -> None:
    line = await terminal.greeted()
    # In one go, since a post is a session of its own and the asking is counted within it.
    await line.send(tick(1), tick(3), tick(3), tick(3), tick(3))
    await line.until("ack", seq=3)


@case(
    "a refused item is named and uses up its number",
    [(1, "price", "bid"), (2, "type", "ask")],
    produced=3,
    stored=1,
    refused=2,
)
async def _refused(terminal: Terminal) -> Any:
    line = await terminal.greeted()
    await line.send(tick(1, bid=0), tick(2, ask="1.2"), tick(3))
    rejects = [await line.until("reject") for _ in range(2)]
    await line.until("ack", seq=3)
    return [(each["seq"], each["code"], each["field"]) for each in rejects]


def _misfit(message: bytes) -> Callable[[Terminal], Awaitable[Any]]:
    async def talk(terminal: Terminal) -> Any:
        line = await terminal.greeted()
        await line.send_bytes(message)
        code = (await line.until("reject"))["code"]
        await line.send({"type": "ping", "t": 1})
        await line.until("pong")
        return code

    return talk


for _message, _code in (
    (b"garbage", "json"),
    (b'{"type":"dance"}', "unsupported"),
    (b'{"type":"tick","seq":1}', "missing"),
    (b'{"type":"tick","seq":"1"}', "type"),
    (BAD_BAR, "ohlc"),
    (b"y" * 70_000, "too_long"),
    (b'{"type":"ping"}\tsha256:00', "digest"),
):
    case(f"a message is refused as {_code} and the session goes on", _code, refusals=1)(
        _misfit(_message)
    )


@case("the newer session of a stream wins", "superseded", stored=1)
async def _superseded(terminal: Terminal) -> Any:
    # A post's session is over with its answer, so there the older one comes over TCP.
    kept_open = "tcp" if terminal.transport == "http" else terminal.transport
    async with plug(kept_open, terminal.gate) as connect_older:
        older = await connect_older()
        await terminal.hello(older)
        newer = await terminal.greeted()
        code = (await older.until("error"))["code"]
        await newer.send(tick(1))
        await newer.until("ack", seq=1)
        return code


@case("a revoked key ends its session and opens no other", ("revoked", "revoked"))
async def _revoked(terminal: Terminal) -> Any:
    line = await terminal.greeted()
    await asyncio.to_thread(_revoke, terminal.key)
    first = (await asyncio.wait_for(line.until("error"), 1))["code"]
    return first, (await terminal.hello(await terminal.connect()))["code"]


def _revoke(key: str) -> None:
    row = ApiKey.objects.get(public_id=key.split("_")[1])
    actions.revoke_key(row, actor=None, source="command")
    connections.close_all()


@case("a waiting signal is sent again until it is acknowledged", (["x", "x"], False))
async def _signal(terminal: Terminal) -> Any:
    pk = next(iter(await asyncio.to_thread(_put_signal, terminal.name)))
    ids = []
    for acknowledged in (False, True):
        line = await terminal.greeted()
        ids.append((await line.until("signal"))["id"])
        if acknowledged:
            await line.send({"type": "signal_ack", "id": "x", "state": "shown"})
        await line.send({"type": "ping", "t": 1})
        await line.until("pong")
        await line.close()
    return ids, outbox.holds(pk, "x")


def _put_signal(name: str) -> list[int]:
    pk = Client.objects.get(name=name).pk
    connections.close_all()
    outbox.put(pk, "x", {"id": "x", "action": "BUY"}, FAR_MS)
    return [pk]


@case("a ping is answered with its own words", [1, "two"])
async def _ping(terminal: Terminal) -> Any:
    line = await terminal.greeted()
    await line.send({"type": "ping", "t": [1, "two"]})
    return (await line.until("pong"))["t"]


@case("replayed ticks are taken on the recorded clock", scopes=("replay",), stored=2)
async def _replay(terminal: Terminal) -> None:
    line = await terminal.connect()
    await terminal.hello(line, mode="replay")
    at_ms = 1_400_000_000_000
    await line.send(tick(1, time_ms=at_ms, received_ms=at_ms + 250))
    rows = [[at_ms + 1000, 1.1, 1.2, 1, at_ms + 1300]]
    await line.send({"type": "ticks", "seq": 2, "symbol": "EURUSD", "ticks": rows})
    await line.until("ack", seq=2)


@case("a gateway that stops says so", "shutdown")
async def _shutdown(terminal: Terminal) -> Any:
    line = await terminal.greeted()
    if terminal.transport == "http":  # nothing is open that could be told
        return "left open" if terminal.open_sessions else "shutdown"
    for session in terminal.open_sessions:
        session.end("shutdown", "The gateway is stopping; connect again.")
    return (await line.until("error"))["code"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_case_holds(
    transport: str, subtests: pytest.Subtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RESEND_EVERY_S", 0.0)
    said = _run(transport, dict(CASES))
    for name, expected in CASES.items():
        with subtests.test(name):
            assert said[name] == expected.said
            stats = client_stats(Client.objects.get(name=name))
            assert {each: getattr(stats, each) for each in expected.figures} == expected.figures
    assert set(Session.objects.values_list("transport", flat=True)) - {"tcp"} <= {transport}
    assert set(Refusal.objects.exclude(client=None).values_list("transport", flat=True)) == {
        transport
    }
    assert sorted(Gap.objects.values_list("from_seq", "to_seq")) == [(2, 2), (2, 4)]
    assert _delays_of_replay() == [0.25, 0.3]


def _run(transport: str, cases: dict[str, Case]) -> dict[str, Any]:
    """What each case returned, or the error that ended it."""
    keys = {name: client_with_key(name, *each.scopes)[1] for name, each in cases.items()}

    async def run() -> list[Any]:
        async with door() as gate, plug(transport, gate) as connect:
            talks = (
                each.talk(Terminal(name, keys[name], transport, gate, connect))
                for name, each in cases.items()
            )
            said = await asyncio.gather(*talks, return_exceptions=True)
            await gate.bridge.journal.settled()
            return said

    said = asyncio.run(run())
    drain_all()
    return dict(zip(cases, said, strict=True))


def _delays_of_replay() -> list[float]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT received_at - event_time FROM market_tick WHERE event_time < '2015-01-01'"
            " ORDER BY seq"
        )
        return [delay.total_seconds() for (delay,) in cursor.fetchall()]


def test_a_silent_terminal_is_pinged_and_then_its_session_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All transports at once, since it takes its time. A post's session is never silent."""
    monkeypatch.setattr(watch, "SILENCE_S", 0.6)
    keys = {transport: client_with_key(transport)[1] for transport in KEPT_OPEN}

    async def listen(transport: str, gate: Door) -> tuple[str, str]:
        async with plug(transport, gate) as connect:
            line = await Terminal(transport, keys[transport], transport, gate, connect).greeted()
            return (await line.read())["type"], (await line.read())["code"]

    async def run() -> list[tuple[str, str]]:
        async with door() as gate:
            return await asyncio.gather(*(listen(each, gate) for each in KEPT_OPEN))

    assert asyncio.run(run()) == [("ping", "limit")] * len(KEPT_OPEN)
    drain_all()
    codes = dict(Session.objects.values_list("transport", "close_code"))
    assert codes == dict.fromkeys(KEPT_OPEN, "limit")
