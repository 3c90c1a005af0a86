"""A whole bridge in processes of its own, as `make run` starts it, for tests from outside."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).parents[2]
UP_WITHIN_S = 120.0


def free_ports(count: int) -> list[int]:
    """Different ports of the loopback interface that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def bridge_environment(folder: Path, **changes: str) -> dict[str, str]:
    """An environment with nothing of the test run's own services in it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FKS_", "DATABASE_URL", "REDIS_URL", "DJANGO_"))
    }
    names = ("HTTP", "TCP", "GATEWAY_HTTP", "TLS", "ZMQ", "ZMQ_SUB")
    ports = dict(zip((f"FKS_{name}_PORT" for name in names), free_ports(len(names)), strict=True))
    return {
        **inherited,
        "FKS_DATA_DIR": str(folder),
        **{name: str(port) for name, port in ports.items()},
        **changes,
    }


class BridgeProcess:
    """`manage.py bridge` under the given environment. `text` is all that it has printed."""

    def __init__(self, environ: dict[str, str], *options: str) -> None:
        self.environ = environ
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "bridge", *options],
            cwd=PROJECT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.text += line

    def port(self, name: str) -> int:
        return int(self.environ[f"FKS_{name}_PORT"])

    def until(self, condition: Callable[[], object], within_s: float = UP_WITHIN_S) -> None:
        """Wait for it; fails with what the bridge printed when it takes too long."""
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.05)

    def until_up(self) -> BridgeProcess:
        self.until(lambda: "Ctrl-C stops everything." in self.text)
        return self

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /healthz; (0, {}) while nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port("HTTP"), timeout=5)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except OSError:
            return 0, {}
        finally:
            connection.close()

    def family(self) -> list[psutil.Process]:
        """Every process that the bridge has started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, words: str) -> psutil.Process:
        """The direct child with these words in its command line, once it is there."""
        self.until(lambda: self._children(words))
        [found] = self._children(words)
        return found

    def _children(self, words: str) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        found = [child for child in children if words in command_line(child)]
        return [child for child in found if "leash.py" not in command_line(child)]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Signal it, wait for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(15)
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextlib.contextmanager
def bridge_running(environ: dict[str, str], *options: str) -> Iterator[BridgeProcess]:
    """Up and well; stopped afterwards, whatever happened."""
    bridge = BridgeProcess(environ, *options)
    try:
        yield bridge.until_up()
    finally:
        bridge.stop()


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def alive(processes: list[psutil.Process], within_s: float = 0.0) -> list[str]:
    """Command lines of those that still run after `within_s`; zombies have ended."""
    deadline = time.monotonic() + within_s
    while (running := _running(processes)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return running


def _running(processes: list[psutil.Process]) -> list[str]:
    running = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                running.append(command_line(process))
    return running


def password_in(text: str) -> str | None:
    found = re.search(r"Sign in as operator with the password (\S+)", text)
    return found[1] if found else None
