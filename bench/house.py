"""One whole bridge to be measured, with terminals' keys, and a look into its store."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psycopg

from bench import processes
from bench.background import BenchError, module
from bench.probe import LOAD_SYMBOLS
from fksbridge.embedded import places
from tests.e2e.bridge import LiveBridge

LOAD_TERMINALS = ("LOAD-1", "LOAD-2", "LOAD-3", "LOAD-4")
BATCH = 100
UNLIMITED = {"FKS_CLIENT_POSTS_PER_S": "0"}
"""One sender stands for many alert sources here; a client's own limit is not what is measured."""


class House:
    """`bridge` runs; `keys` are issued once each, by client."""

    def __init__(self, bridge: LiveBridge) -> None:
        self.bridge = bridge
        self._keys: dict[str, str] = {}
        self._store = psycopg.connect(places.database_url(bridge.folder), autocommit=True)

    def close(self) -> None:
        self._store.close()

    def keys(self, clients: tuple[str, ...]) -> list[str]:
        """Arguments that let a generator speak as these clients."""
        for client in clients:
            if client not in self._keys:
                self._keys[client] = self.bridge.issue_key(client, "agent")
        return [word for client in clients for word in ("--key", f"{client}={self._keys[client]}")]

    def load(self, rate: float, seconds: float, *more: str, tls: bool = False) -> list[str]:
        """The command of a load over four connections, 50 symbols, batches of 100."""
        port = self.bridge.tls_port if tls else self.bridge.tcp_port
        trusted = ("--tls", self.bridge.folder / "tls" / "ca.pem") if tls else ()
        return module(
            "agent", "load", "--port", port, *self.keys(LOAD_TERMINALS), *trusted, *more,
            "--symbols", LOAD_SYMBOLS, "--batch", BATCH, "--rate", rate, "--seconds", seconds,
        )  # fmt: skip

    def usage(self) -> dict[str, processes.Usage]:
        supervisor = cast(subprocess.Popen[str], self.bridge.process)
        return processes.usage(supervisor.pid)

    def supervisor_mb(self) -> float:
        """Of the process that started all others, which `usage` leaves out."""
        return processes.own_memory_mb(cast(subprocess.Popen[str], self.bridge.process).pid)

    # What is stored, asked of PostgreSQL itself: a command of ours would take a second to start.

    def stored(self) -> int:
        """Ticks stored, by the cursors that move in the transactions which store them."""
        return self._number("SELECT coalesce(sum(stored), 0) FROM bridge_ingest_streamcursor")

    def rows(self) -> int:
        """Ticks stored, counted one by one."""
        return self._number("SELECT count(*) FROM market_tick")

    def compared(self) -> int:
        """Seconds of feeds that verification has held against the other feeds."""
        return self._number("SELECT count(*) FROM verification_deviationpoint")

    def alerts(self) -> tuple[int, int, int]:
        """Webhook bodies stored, refused and dropped as sent twice."""
        query = "SELECT coalesce(sum({}), 0) FROM bridge_ingest_webhookinbox"
        names = ("stored", "refused", "repeats")
        stored, refused, repeats = (self._number(query.format(name)) for name in names)
        return stored, refused, repeats

    def webhook_path(self, client: str) -> str:
        key = self.bridge.issue_key(client, "tradingview", "webhook")
        return f"/api/bridge/{key}"

    def wait_until_stored(self, count: int, within_s: float) -> float:
        """When everything was stored (monotonic clock). Raises BenchError when it takes longer."""
        ends = time.monotonic() + within_s
        while (stored := self.stored()) < count:
            if time.monotonic() > ends:
                raise BenchError(f"{stored:,} of {count:,} ticks were stored after {within_s} s.")
            time.sleep(0.02)
        return time.monotonic()

    def _number(self, query: str) -> int:
        ((found,),) = self._store.execute(query).fetchall()
        return int(found)


@contextlib.contextmanager
def house() -> Iterator[House]:
    """A bridge of its own, empty, for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="fks-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # embedded services pass through it as a user of their own
        bridge = LiveBridge(folder, extra=UNLIMITED)
        try:
            bridge.start()
            opened = House(bridge)
            try:
                yield opened
            finally:
                opened.close()
        finally:
            if bridge.process is not None and bridge.process.poll() is None:
                bridge.stop()
