"""Whatever a terminal, its network and the gateway do: what is stored is what the model says.

A random history over all transports, changed at will in the middle: items sent, dropped on the way,
sent twice, out of order, bad ones among them; the line cut with or without waiting, taken over by
a newer session, the gateway started again. The model knows the numbers, nothing of the code.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest
import redis
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge_ingest.models import Gap, Refusal
from market import adopt
from tests.ingest.door import NOW_MS, client_with_key, door, drain_all
from tests.ingest.lines import TRANSPORTS, Line, plug

Result = TypeVar("Result")
_serial = itertools.count(1)
counts = st.integers(1, 7)


class Delivery(RuleBasedStateMachine):
    """The terminal's side, and the model: `next` is the number that the bridge must want."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.gateway = contextlib.AsyncExitStack()
        self.connect: dict[str, Callable[[], Awaitable[Line]]] = {}
        self.name = f"MACHINE-{next(_serial)}"
        self.client, self.key = client_with_key(self.name)
        self.line: Line
        self.produced = 0
        self.next = 1
        self.acked = 0
        self.bad: set[int] = set()
        self.lost: set[int] = set()
        self.is_synchronous = True

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    @initialize(transport=st.sampled_from(TRANSPORTS))
    def begin(self, transport: str) -> None:
        self.run(self._open_gateway())
        self.run(self._connect(transport))

    # What happens.

    @rule(count=counts, batch=st.booleans(), bad=st.sets(st.integers(0, 6), max_size=2))
    def send(self, count: int, batch: bool, bad: set[int]) -> None:
        first = self._produce(count, bad)
        self.run(self._send(self._messages(first, count, batch=batch)))
        self._arrive(first, count)

    @rule(count=counts)
    def drop_on_the_way(self, count: int) -> None:
        self._produce(count, set())

    @precondition(lambda self: self.produced > 0)
    @rule(back=counts, count=counts, batch=st.booleans())
    def send_again(self, back: int, count: int, batch: bool) -> None:
        first = max(1, self.produced - back)
        count = min(count, self.produced - first + 1)
        self.run(self._send(self._messages(first, count, batch=batch)))
        self._arrive(first, count)

    @rule(count=counts, other=counts)
    def send_out_of_order(self, count: int, other: int) -> None:
        first, second = self._produce(count, set()), self._produce(other, set())
        late, early = self._messages(first, count), self._messages(second, other)
        self.run(self._send(early + late))
        self._arrive(second, other)
        self._arrive(first, count)

    @rule()
    def catch_up(self) -> None:
        self.run(self._send(self._messages(self.next, self.produced - self.next + 1)))
        self._arrive(self.next, self.produced - self.next + 1)

    @precondition(lambda self: self.produced > 0)
    @rule(back=counts)
    def give_up(self, back: int) -> None:
        """Numbers that the terminal has no longer. The bridge may know some of them already."""
        first = max(1, self.produced - back)
        self.run(self._send([{"type": "gap", "from": first, "to": self.produced}]))
        if first <= self.next <= self.produced:
            self.lost |= set(range(self.next, self.produced + 1))
            self.next = self.produced + 1

    @rule(transport=st.sampled_from(TRANSPORTS))
    def cut_and_connect_again(self, transport: str) -> None:
        self.run(self.line.close())
        self.run(self._connect(transport))

    @rule(transport=st.sampled_from(TRANSPORTS), count=counts)
    def cut_while_something_is_under_way(self, transport: str, count: int) -> None:
        first = self._produce(count, set())

        async def cut() -> None:
            await self.line.send(*self._messages(first, count))
            await self.line.close()

        self.run(cut())
        self._arrive(first, count)
        self.is_synchronous = False
        self.run(self._connect(transport))

    @rule(transport=st.sampled_from(TRANSPORTS))
    def take_the_stream_over(self, transport: str) -> None:
        older = self.line
        self.run(self._connect(transport))
        self.run(older.close())

    @rule(transport=st.sampled_from(TRANSPORTS))
    def start_the_gateway_again(self, transport: str) -> None:
        self.run(self.gateway.aclose())
        self.run(self._open_gateway())
        self.run(self._connect(transport))

    @invariant()
    def nothing_acknowledged_is_wanted_again(self) -> None:
        assert self.acked < self.next

    def teardown(self) -> None:
        try:
            if self.connect:
                self.catch_up()
                assert self.next == self.produced + 1
                self.run(self.gateway.aclose())
                self._compare()
        finally:
            self.run(self.gateway.aclose())
            self.runner.close()

    # The model.

    def _produce(self, count: int, bad: set[int]) -> int:
        first = self.produced + 1
        self.produced += count
        self.bad |= {first + at for at in bad if at < count}
        return first

    def _arrive(self, first: int, count: int) -> None:
        if first <= self.next:
            self.next = max(self.next, first + count)

    def _compare(self) -> None:
        drain_all()
        taken = set(range(1, self.produced + 1)) - self.lost
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT t.seq, t.bid FROM market_tick t JOIN bridge_ingest_stream s"
                " ON s.id = t.stream_id WHERE s.client_id = %s ORDER BY t.seq",
                [self.client.pk],
            )
            rows = cursor.fetchall()
        assert [seq for seq, _ in rows] == sorted(taken - self.bad)
        assert [round((bid - 1) * 1e6) for _, bid in rows] == [seq for seq, _ in rows]
        refused = list(Refusal.objects.filter(client=self.client).values_list("seq", flat=True))
        assert len(refused) == len(taken & self.bad)
        assert set(refused) == taken & self.bad
        gaps = Gap.objects.filter(stream__client=self.client)
        assert {n for gap in gaps for n in range(gap.from_seq, gap.to_seq + 1)} == self.lost
        assert sum(gap.count for gap in gaps) == len(self.lost)

    # The wire.

    def _messages(self, first: int, count: int, *, batch: bool = False) -> list[dict[str, Any]]:
        bids = {
            seq: 0.0 if seq in self.bad else 1 + seq / 1e6 for seq in range(first, first + count)
        }
        if batch and count:
            rows = [[NOW_MS, bid, 2.0] for bid in bids.values()]
            return [{"type": "ticks", "seq": first, "symbol": "EURUSD", "ticks": rows}]
        quote = {"type": "tick", "symbol": "EURUSD", "ask": 2.0, "time_ms": NOW_MS}
        return [{**quote, "seq": seq, "bid": bid} for seq, bid in bids.items()]

    async def _send(self, messages: list[dict[str, Any]]) -> None:
        """Send, and wait until it has been worked off."""
        await self.line.send(*messages, {"type": "ping", "t": 1})
        while (heard := await self.line.read())["type"] != "pong":
            if heard["type"] == "ack":
                self.acked = max(self.acked, heard["seq"])

    async def _connect(self, transport: str) -> None:
        self.line = await self.connect[transport]()
        welcome = await self.line.hello(self.name, self.key)
        if self.is_synchronous:
            assert welcome["resume"] == self.next
        assert self.acked < welcome["resume"] <= self.next
        self.next, self.is_synchronous = welcome["resume"], True

    async def _open_gateway(self) -> None:
        gate = await self.gateway.enter_async_context(door())
        for transport in TRANSPORTS:
            opened = await self.gateway.enter_async_context(plug(transport, gate))
            self.connect[transport] = opened


@pytest.mark.django_db(transaction=True)
def test_what_is_stored_is_what_the_model_says(redis_client: redis.Redis) -> None:
    adopt.forget()
    run_state_machine_as_test(
        Delivery,
        settings=hypothesis_settings(
            max_examples=10,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    adopt.forget()
