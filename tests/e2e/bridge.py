"""A whole bridge of a test's own: every process, real ports, public doors only."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e import managing

PROJECT = Path(__file__).resolve().parents[2]
SHARED_DATA = PROJECT.parent / "shared" / "data"
READY_WITHIN_S = 60


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listened on a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@dataclass
class LiveBridge:
    """`manage.py bridge` in a folder of its own. Start once, use from many tests, stop."""

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.http_port, self.tcp_port, self.gateway_http_port, *more = free_ports(6)
        self.tls_port, self.zmq_port, self.zmq_sub_port = more

    @property
    def environ(self) -> dict[str, str]:
        """The bridge's own environment: nothing of the test run's settings leaks in."""
        ours = ("FKS_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "PYTEST_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return {
            **inherited,
            "FKS_DATA_DIR": str(self.folder),
            "FKS_HTTP_PORT": str(self.http_port),
            "FKS_TCP_PORT": str(self.tcp_port),
            "FKS_GATEWAY_HTTP_PORT": str(self.gateway_http_port),
            "FKS_TLS_PORT": str(self.tls_port),
            "FKS_ZMQ_PORT": str(self.zmq_port),
            "FKS_ZMQ_SUB_PORT": str(self.zmq_sub_port),
            **self.extra,
        }

    def start(self) -> None:
        output = (self.folder / "output.txt").open("a")
        command = [sys.executable, "manage.py", "bridge"]
        self.process = subprocess.Popen(
            command, cwd=PROJECT, env=self.environ, stdout=output, stderr=output, text=True
        )
        output.close()
        wait_for(self.is_healthy, READY_WITHIN_S, f"the bridge to be healthy: {self.output()}")

    def stop(self) -> int:
        """Ctrl-C. Returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)

    def output(self) -> str:
        return (self.folder / "output.txt").read_text()[-4000:]

    def is_healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output()
        try:
            return bool(self.get("/healthz").status == 200)
        except (urllib.error.URLError, OSError):
            return False

    # Its doors.

    def get(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.http_port}{path}"
        return urllib.request.urlopen(url, timeout=5)

    def get_json(self, path: str) -> Any:
        with self.get(path) as response:
            return json.load(response)

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        """To the machines' HTTP door; header names with `_` for `-`."""
        url = f"http://127.0.0.1:{self.gateway_http_port}{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        request = urllib.request.Request(url, data=body, headers=named, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def manage(self, *arguments: str) -> Any:
        """A management command with --json, as those who automate run it."""
        done = managing.manage(self.environ, *arguments, "--json")
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    def issue_key(self, client: str, platform: str = "mt5", scopes: str = "ingest,signals") -> str:
        issued = self.manage(
            "issue_key", "--client", client, "--platform", platform, "--scopes", scopes
        )
        return str(issued["key"])

    def stats(self, client: str) -> dict[str, int]:
        found: dict[str, int] = self.manage("client_stats", client)
        return found

    def wait_until_stored(self, clients: Iterable[str], items: int) -> None:
        """Until so many are stored of these clients together, and not one more."""
        clients = list(clients)

        def stored() -> int:
            return sum(self.stats(client)["stored"] for client in clients)

        wait_for(lambda: stored() >= items, 60, f"{items} items of {clients} to be stored")
        assert stored() == items

    def wait_for_stats(self, client: str, within_s: float = 30, **expected: int) -> dict[str, int]:
        """The client's counts once they are as expected; fails with what they are instead."""
        ends = time.monotonic() + within_s
        while True:
            stats = self.stats(client)
            if all(stats[name] == value for name, value in expected.items()):
                return stats
            assert time.monotonic() < ends, f"expected {expected}, found {stats}"
            time.sleep(0.2)


def wait_for(condition: Callable[[], bool], within_s: float, what: str) -> None:
    """Poll until true; fails naming what was waited for."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, f"waited {within_s} s for {what}"
        time.sleep(0.05)


class Terminal:
    """A bare socket that speaks Bridge Protocol 1 line by line, for tests of single messages."""

    def __init__(self, bridge: LiveBridge, port: int | None = None) -> None:
        address = ("127.0.0.1", port or bridge.tcp_port)
        self._socket = socket.create_connection(address, timeout=10)
        self._lines = self._socket.makefile("rb")

    def hello(self, client: str, key: str, stream: str, **more: Any) -> dict[str, Any]:
        """Say hello; returns the welcome, or the error that came instead."""
        opening = {"type": "hello", "protocol": 1, "client": client, "key": key}
        self.send({**opening, "platform": "mt5", "stream": stream, **more})
        return self.read()

    def send(self, *messages: dict[str, Any]) -> None:
        self.send_bytes(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self) -> dict[str, Any]:
        """The next line; {} when the bridge has closed the connection."""
        line = self._lines.readline()
        return json.loads(line) if line else {}

    def read_until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of a type with these fields, passing over others."""
        while message := self.read():
            if message["type"] == kind and fields.items() <= message.items():
                return message
        raise AssertionError(f"the connection closed before a {kind} came")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
