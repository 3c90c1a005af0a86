"""A wire to the run's real Redis that a test can break in the middle of an answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast
from urllib.parse import urlsplit

import redis.asyncio
from django.conf import settings

_CHUNK = 1 << 20


class Wire:
    """Carries bytes both ways. `lost_answers` answers to commits are swallowed with their line."""

    def __init__(self) -> None:
        self.port = 0
        self.lost_answers = 0
        self.commits = 0
        self.carrying: set[asyncio.Task[None]] = set()

    def client(self) -> redis.asyncio.Redis:
        return redis.asyncio.Redis.from_url(f"redis://127.0.0.1:{self.port}", protocol=2)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side closes or an answer is lost."""
        task = cast(asyncio.Task[None], asyncio.current_task())
        self.carrying.add(task)
        task.add_done_callback(self.carrying.discard)
        path = urlsplit(settings.FKS.redis_url).path
        far_reader, far_writer = await asyncio.open_unix_connection(path)
        back = asyncio.create_task(self._back(far_reader, writer))
        try:
            while data := await reader.read(_CHUNK):
                self.commits += data.count(b"EVALSHA")
                far_writer.write(data)
        except ConnectionError:
            pass
        finally:
            far_writer.close()
            await back

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = self.commits
        while data := await reader.read(_CHUNK):
            if self.commits > seen and self.lost_answers:
                self.lost_answers -= 1  # the script has run; nobody will hear of it
                break
            seen = self.commits
            writer.write(data)
        writer.close()


@contextlib.asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    line = Wire()
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await asyncio.gather(*line.carrying)
