"""A symbol that is matched while its terminal is connected: its next tick goes where it belongs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from bridge_ingest.models import Client, Source
from bridge_ingest.stats import client_stats
from bridge_ingest.symbols import shard_of
from market import adopt, matching
from market.models import Feed
from tests.ingest.door import client_with_key, door, drain_all, entries_of, tick
from tests.ingest.test_clocks import in_database

pytestmark = pytest.mark.django_db(transaction=True)
TARGET = "XAUUSD"


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


def name_of_another_shard() -> str:
    """A name of gold that the gateway's guess puts into another shard than gold's."""
    names = ("GOLD", "GOLDSPOT", "GOLD.m", "#GOLD", "GOLDUSD", "GOLD.pro")
    shards = settings.FKS.shards
    return next(name for name in names if shard_of(name, shards) != shard_of(TARGET, shards))


def test_an_open_session_follows_a_match_to_another_shard_and_loses_nothing() -> None:
    client, key = client_with_key("A")
    symbol = name_of_another_shard()
    old, new = (str(shard_of(name, settings.FKS.shards)) for name in (symbol, TARGET))

    def match() -> None:
        drain_all()
        source = Source.objects.select_related("client").get(client=client)
        matching.match(source, TARGET, actor=None, through="command")

    async def talk() -> None:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("A", key)
            terminal.send(tick(1, symbol=symbol))
            await terminal.until("ack", seq=1)
            await in_database(gate, match)
            terminal.send(tick(2, symbol=symbol))  # perhaps before the gateway has heard
            await asyncio.sleep(0.5)
            terminal.send(tick(3, symbol=symbol))
            await terminal.until("ack", seq=3)

    asyncio.run(talk())
    assert len(list(entries_of(new))) >= 1
    drain_all()
    stats = client_stats(Client.objects.get())
    assert (stats.produced, stats.stored, stats.duplicates, stats.lost) == (3, 3, 0, 0)
    feed = Feed.objects.select_related("instrument", "state").get()
    assert (feed.instrument.symbol, feed.state.ticks) == (TARGET, 3)
    assert old != new
