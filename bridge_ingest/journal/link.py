"""One connection to Redis that carries one command at a time, for the journal's commits.

redis-py spends 150 us of processor time on each command, most of it on pools, retries and timeouts
that a commit does not need; this spends 30 (`make bench ARGS=stages` times a commit). Where Redis
is, and how it is spoken to, is taken from redis-py's pool.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import hiredis
import redis.asyncio
from redis.asyncio.connection import SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

ANSWERS_WITHIN_S = 10.0


class Link:
    """Connects when it is needed, and anew after any failure. Lives on one event loop."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._pool = client.connection_pool
        self._wire: Wire | None = None

    async def call(self, *command: Any) -> Any:
        """The answer to a command; whoever calls waits for it before the next call.

        Raises redis.ResponseError for what Redis refuses, and redis.ConnectionError,
        redis.TimeoutError or OSError when it is not known whether the command was carried out.
        """
        if self._wire is None or self._wire.is_lost:
            self._wire = await self._connect()
        return await self._wire.call(command)

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()

    async def _connect(self) -> Wire:
        where: dict[str, Any] = self._pool.connection_kwargs
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            wire = await self._open(where)
        try:
            if where.get("password"):
                await wire.call(("AUTH", where.get("username") or "default", where["password"]))
            if where.get("db"):
                await wire.call(("SELECT", where["db"]))
        except BaseException:
            wire.close()
            raise
        return wire

    async def _open(self, where: dict[str, Any]) -> Wire:
        loop = asyncio.get_running_loop()
        if "path" in where:
            return (await loop.create_unix_connection(Wire, where["path"]))[1]
        secure = issubclass(self._pool.connection_class, SSLConnection)
        ssl = SSLConnection(**where).ssl_context.get() if secure else None
        host, port = where.get("host", "localhost"), int(where.get("port", 6379))
        return (await loop.create_connection(Wire, host, port, ssl=ssl))[1]


class Wire(asyncio.Protocol):
    """One connection: a command out, its answer in."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._answer: asyncio.Future[Any] | None = None
        self._transport: asyncio.Transport
        self.is_lost = False

    async def call(self, command: tuple[Any, ...]) -> Any:
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self._transport.write(hiredis.pack_command(command))
        limit = loop.call_later(ANSWERS_WITHIN_S, self._give_up)
        try:
            answer = await self._answer
        except asyncio.CancelledError:
            self.close()  # its answer would be taken for the next command's
            raise
        finally:
            limit.cancel()
        if isinstance(answer, hiredis.ReplyError):
            raise ResponseError(str(answer))
        return answer

    def close(self) -> None:
        self.is_lost = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        answer = self._reader.gets()
        if answer is not False:
            self._settle(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        self._fail(
            RedisConnectionError(f"Redis closed the connection: {error or 'without a word'}")
        )

    def _give_up(self) -> None:
        self.close()
        self._fail(RedisTimeoutError(f"Redis has not answered for {ANSWERS_WITHIN_S:.0f} s."))

    def _settle(self, answer: Any) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
