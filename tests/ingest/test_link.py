"""The journal's own connection, against a Redis of another kind than the run's."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bridge_ingest.journal import link
from bridge_ingest.journal.link import Link
from fksbridge.embedded.redis import newest_server
from tests.e2e.bridge import wait_for
from tests.terminals.certificates import authority

PASSWORD = "s3cret"


@pytest.fixture
def guarded(tmp_path: Path, free_port: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A Redis with a password on a port of loopback."""
    program, _ = newest_server()
    options = ("--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD)
    command = [str(program), "--port", str(free_port), *options]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(free_port), 10, "Redis")
        yield process, free_port
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with redis.Redis(port=port, password=PASSWORD, protocol=2) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


async def _called(url: str, *commands: tuple[Any, ...]) -> list[Any]:
    """Each answer, or what was raised instead of it."""
    client = redis.asyncio.Redis.from_url(url, protocol=2)
    connection = Link(client)
    found: list[Any] = []
    for command in commands:
        try:
            found.append(await connection.call(*command))
        except (redis.RedisError, OSError) as error:
            found.append(error)
    connection.close()
    await client.aclose()
    return found


def test_password_and_database_of_the_address_are_used(
    guarded: tuple[subprocess.Popen[bytes], int],
) -> None:
    _, port = guarded
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/3"
    assert asyncio.run(_called(url, ("SET", "a", 1), ("GET", "a"))) == [b"OK", b"1"]
    with redis.Redis(port=port, password=PASSWORD, db=3, protocol=2) as client:
        assert client.get("a") == b"1"


def test_a_wrong_password_is_told_as_redis_tells_it(
    guarded: tuple[subprocess.Popen[bytes], int],
) -> None:
    _, port = guarded
    (error,) = asyncio.run(_called(f"redis://:wrong@127.0.0.1:{port}", ("PING",)))
    assert isinstance(error, ResponseError)
    assert "WRONGPASS" in str(error)


def test_a_command_that_redis_refuses_leaves_the_next_one_its_own_answer(
    guarded: tuple[subprocess.Popen[bytes], int],
) -> None:
    _, port = guarded
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}"
    refused, answer = asyncio.run(_called(url, ("NONSENSE",), ("ECHO", "hello")))
    assert isinstance(refused, ResponseError)
    assert answer == b"hello"


def test_a_redis_that_hangs_is_given_up_and_asked_anew(
    guarded: tuple[subprocess.Popen[bytes], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, port = guarded
    monkeypatch.setattr(link, "ANSWERS_WITHIN_S", 0.2)

    async def talk() -> list[Any]:
        client = redis.asyncio.Redis(port=port, password=PASSWORD, protocol=2)
        connection = Link(client)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(RedisTimeoutError):
            await connection.call("ECHO", "late")
        process.send_signal(signal.SIGCONT)
        monkeypatch.setattr(link, "ANSWERS_WITHIN_S", 10.0)
        answers = [await connection.call("ECHO", word) for word in ("one", "two")]
        process.kill()
        with pytest.raises(RedisConnectionError, match="closed the connection"):
            await connection.call("BLPOP", "nothing", 0)
        await client.aclose()
        return answers

    assert asyncio.run(talk()) == [b"one", b"two"]


@pytest.mark.parametrize("trusted", [True, False])
def test_a_redis_behind_tls_is_spoken_to_when_its_certificate_is_trusted(
    guarded: tuple[subprocess.Popen[bytes], int], tmp_path: Path, trusted: bool
) -> None:
    _, port = guarded
    ours, other = authority(tmp_path, "ours"), authority(tmp_path, "other")
    carriers: list[asyncio.Task[None]] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        ways = (_pour(far_reader, writer), _pour(reader, far_writer))
        carriers.extend(asyncio.create_task(way) for way in ways)

    async def talk() -> list[Any]:
        server = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=ours.server(tmp_path))
        secure_port = server.sockets[0].getsockname()[1]
        roots = (ours if trusted else other).file
        url = f"rediss://:{PASSWORD}@127.0.0.1:{secure_port}?ssl_ca_certs={roots}"
        found = await _called(url, ("ECHO", "secret"))
        server.close()
        await asyncio.gather(*carriers)
        await asyncio.sleep(0)  # the loop lets go of what was closed in its next round
        return found

    (answer,) = asyncio.run(talk())
    if trusted:
        assert answer == b"secret"
    else:
        assert "certificate verify failed" in str(answer)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
