"""Binary batches and compressed JSON: agreed in hello, framed anywhere, bounded, refused."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from agent import binary as agent_binary
from agent.client import Client
from agent.load.encoding import ENCODINGS, encoding
from agent.load.payload import Payload
from agent.protocol import Identity
from agent.transport import TcpEndpoint
from bridge_ingest.protocol import binary
from bridge_ingest.protocol.arrivals import Arrivals
from bridge_ingest.protocol.digests import CORRUPTION_ONLY
from bridge_ingest.protocol.errors import Refused, SessionError
from bridge_ingest.protocol.framing import MixedFramer
from bridge_ingest.protocol.messages import Ticks
from bridge_ingest.stats import client_stats
from market import adopt
from tests.ingest.door import NOW_MS, Door, client_with_key, door, drain_all, tick
from tests.ingest.lines import KEPT_OPEN, Line, StreamLine, plug
from tests.ingest.test_framing import cut

Rows = list[tuple[int, float, float, float]]
ROWS: Rows = [((NOW_MS + n) * 1000 + n, 1.1 + n / 1e5, 1.2, float(n)) for n in range(5)]


def block(text: bytes) -> bytes:
    return agent_binary.stream_block(zlib.compress(text))


# Cutting and decoding.

lines = st.binary(max_size=30).map(
    lambda data: b"{" + data.replace(b"\n", b"").replace(b"\0", b"") + b"}\n"
)
batches = st.integers(1, 5).map(lambda count: agent_binary.batch(7, 1, ROWS[:count]))
blocks = st.binary(max_size=40).map(block)


@given(
    st.lists(st.one_of(lines, batches, blocks), max_size=8),
    st.lists(st.integers(0, 10**6), max_size=10),
)
def test_lines_batches_and_blocks_come_out_whole_wherever_packets_are_cut(
    parts: list[bytes], places: list[int]
) -> None:
    framer = MixedFramer()
    found: list[bytes] = []
    for piece in cut(b"".join(parts), places):
        found += framer.feed(piece)
    assert b"".join(found) == b"".join(parts)
    for part in found:
        if part[0] in (0xF1, 0xF2):
            assert part in parts
        else:
            assert part.endswith(b"\n")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xf1\x02" + bytes(14), "protocol"),
        (struct.pack("<BBHIQ", 0xF1, 1, 0, 10_001, 1), "limit"),
        (b"\xf2" + struct.pack("<I", 1024 * 1024 + 1), "limit"),
        (b"x" * (1024 * 1024 + 1), "limit"),
    ],
)
def test_a_header_that_cannot_be_believed_ends_the_session(data: bytes, code: str) -> None:
    with pytest.raises(SessionError) as ended:
        MixedFramer().feed(data)
    assert ended.value.code == code


@pytest.mark.parametrize(
    "data",
    [
        b"\xf1\x01",
        agent_binary.batch(1, 0, ROWS)[:-1],
        agent_binary.batch(1, 0, ROWS) + b"\0",
        agent_binary.batch(1, 0, []),
        agent_binary.batch(0, 0, ROWS),
        b"\xf1\x02" + agent_binary.batch(1, 0, ROWS)[2:],
    ],
)
def test_a_batch_that_contradicts_itself_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        binary.decode(data)
    assert refused.value.code == "binary"


def test_a_batch_keeps_microseconds() -> None:
    table = binary.decode(agent_binary.batch(1, 0, ROWS)).table
    assert [round(at_ms * 1000) for at_ms in table[:, 0].tolist()] == [row[0] for row in ROWS]


def test_a_bomb_is_refused_before_it_is_inflated() -> None:
    bomb = zlib.compress(b"\0" * 100_000_000, 9)
    assert len(bomb) < 1024 * 1024
    with pytest.raises(Refused, match="over 1 MiB"):
        binary.inflate(bomb)


@pytest.mark.parametrize(
    "data", [b"\x78\x9cnonsense", zlib.compress(b"{}")[:-2], zlib.compress(b"{}") + b"x"]
)
def test_data_that_are_no_whole_zlib_stream_are_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        binary.inflate(data)
    assert refused.value.code == "inflated"


# Over the transports.


@pytest.fixture
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


stored = pytest.mark.django_db(transaction=True)
kept_open = pytest.mark.parametrize("transport", KEPT_OPEN)


async def send_block(line: Line, data: bytes) -> None:
    if isinstance(line, StreamLine):
        await line.send_raw(agent_binary.stream_block(data))
    else:
        await line.send_bytes(data)


def converse(transport: str, features: list[str], talk: Any) -> Any:
    _, key = client_with_key("A")

    async def run() -> Any:
        async with door() as gate, plug(transport, gate) as connect:
            line = await connect()
            welcome = await line.hello("A", key, features=features)
            assert sorted(welcome.get("features", [])) == sorted(features)
            said = await talk(gate, line)
            await gate.bridge.journal.settled()
            return said

    said = asyncio.run(run())
    drain_all()
    return said


@stored
@kept_open
@pytest.mark.usefixtures("clean")
def test_binary_batches_are_numbered_checked_and_stored_like_any_other(transport: str) -> None:
    async def talk(_: Door, line: Line) -> Any:
        await line.send({"type": "symbols", "map": {"3": "EURUSD"}})
        bad = [(ROWS[0][0], float("nan"), 1.2, 0.0), (ROWS[0][0], 1.1, -1.0, 0.0), ROWS[1]]
        await send_block(line, agent_binary.batch(1, 3, ROWS))
        await line.send(tick(6))
        await send_block(line, agent_binary.batch(4, 3, [*ROWS, *bad]))
        rejects = [await line.until("reject") for _ in range(2)]
        await line.until("ack", seq=11)
        return [(each["seq"], each["code"]) for each in rejects]

    assert converse(transport, ["binary"], talk) == [(9, "not_finite"), (10, "price")]
    stats = client_stats(client_with_key("A")[0])
    assert (stats.produced, stats.stored, stats.duplicates, stats.refused) == (11, 9, 3, 2)


@stored
@pytest.mark.usefixtures("clean")
def test_a_batch_of_a_symbol_without_a_name_is_refused_and_uses_up_its_numbers() -> None:
    async def talk(_: Door, line: Line) -> Any:
        await send_block(line, agent_binary.batch(1, 9, ROWS))
        rejects = [await line.until("reject") for _ in ROWS]
        await line.until("ack", seq=5)
        return {each["code"] for each in rejects}

    assert converse("tcp", ["binary"], talk) == {"symbol"}


@stored
@kept_open
@pytest.mark.usefixtures("clean")
def test_compressed_batches_are_taken_and_bombs_refused(transport: str) -> None:
    text = b"\n".join(json.dumps(tick(seq)).encode() for seq in range(1, 201))

    async def talk(_: Door, line: Line) -> Any:
        await send_block(line, zlib.compress(text))
        await line.until("ack", seq=200)
        await send_block(line, zlib.compress(b" " * 2_000_000))
        code = (await line.until("reject"))["code"]
        rows = [[NOW_MS, 1.1, 1.2]] * 5000  # longer than a line may be
        batch = {"type": "ticks", "seq": 201, "symbol": "EURUSD", "ticks": rows}
        await send_block(line, zlib.compress(json.dumps(batch).encode()))
        await line.until("ack", seq=5200)
        return code

    assert converse(transport, ["deflate"], talk) == "inflated"
    assert client_stats(client_with_key("A")[0]).stored == 5200


@stored
@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("transport", ["websocket", "zeromq"])
def test_what_hello_has_not_agreed_on_is_refused(transport: str) -> None:
    async def talk(_: Door, line: Line) -> Any:
        await line.send_bytes(agent_binary.batch(1, 0, ROWS), zlib.compress(b"{}"))
        return [(await line.until("reject"))["field"] for _ in range(2)]

    assert converse(transport, [], talk) == ["features", "features"]


# The agent's side.


@stored
@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("features", [("binary",), ("deflate",), ("binary", "deflate")])
def test_the_agent_sends_in_the_agreed_form_and_all_of_it_arrives(
    features: tuple[str, ...],
) -> None:
    client, key = client_with_key("A")

    async def talk() -> None:
        async with door() as gate:
            endpoint = TcpEndpoint("127.0.0.1", gate.port)
            identity = Identity("A", key, features=features)
            async with Client(endpoint, identity) as terminal:
                for n in range(300):
                    symbol = "EURUSD" if n % 100 < 60 else "GBPUSD"
                    terminal.tick(symbol, 1.1 + n / 1e5, 1.2, NOW_MS + n)
                terminal.tick("EURUSD", 1.1, 1.2, NOW_MS, last=1.15)
                await terminal.all_acked(patience_s=10)
            await gate.settle()

    asyncio.run(talk())
    drain_all()
    stats = client_stats(client)
    assert (stats.produced, stats.stored, stats.refusals, stats.duplicates) == (301, 301, 0, 0)


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_load_is_the_same_ticks_in_every_form(name: str) -> None:
    made = encoding(name, Payload(["EURUSD", "USDJPY"], 20))
    arrivals = Arrivals(CORRUPTION_ONLY, frozenset({made.feature} - {""}))
    arrivals.feed(made.greeting + made.messages(41, 1, 20, NOW_MS))
    batches = [each for each in arrivals.queue if isinstance(each, Ticks | binary.Batch)]
    assert [each.seq for each in batches] == list(range(41, 441, 20))
    plain = Payload(["EURUSD", "USDJPY"], 20).messages(41, 1, 20, NOW_MS).splitlines()
    expected = [json.loads(line)["ticks"] for line in plain]
    assert [np.array(each.ticks).tolist() for each in batches] == [
        np.array(rows, dtype=float).tolist() for rows in expected
    ]
