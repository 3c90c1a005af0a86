"""What a writer leaves in Redis: one key, which goes by itself when the writer is no more."""

from __future__ import annotations

import asyncio

import redis
from django.conf import settings

from bridge_ingest import names
from bridge_ingest.journal.writer import Journal
from bridge_ingest.store import async_redis

WEEK_S = 7 * 86_400


def test_each_writers_last_commit_is_remembered_for_a_week(redis_client: redis.Redis) -> None:
    async def commit(writer: str) -> None:
        client = async_redis()
        journal = Journal(client, writer, settings.FKS.shards, lambda _: None)
        task = asyncio.create_task(journal.run())
        for _ in range(3):
            journal.add_event({"kind": "nothing"})
            await journal.settled()
        journal.stop()
        await task
        await client.aclose()

    for writer in ("one", "two"):
        asyncio.run(commit(writer))
        assert redis_client.get(names.last_commit(writer)) == b"3"
        assert WEEK_S - 60 < redis_client.ttl(names.last_commit(writer)) <= WEEK_S
    assert not redis_client.exists("fks:commits")
