"""`python -m agent shm` as a process that tests start, kill and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.e2e.bridge import PROJECT

CAPACITY = 8192


class AgentProcess:
    """Serves pairs for one client until killed or stopped. Use it as a context manager."""

    def __init__(
        self,
        folder: Path,
        port: int,
        client: str,
        key: str,
        *names: str,
        capacity: int = CAPACITY,
        options: Sequence[str] = (),
    ) -> None:
        self._words = ["--client", client, "--port", str(port), "--capacity", str(capacity)]
        self._words += options
        self._names = names
        self._key = key
        self._output = folder / "agent.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AgentProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        words = [sys.executable, "-m", "agent", "shm", *self._names, *self._words]
        environ = {**os.environ, "FKS_AGENT_KEY": self._key}
        with self._output.open("ab") as out:
            self._process = subprocess.Popen(
                words, cwd=PROJECT, env=environ, stdout=out, stderr=out
            )

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        return self._end(signal.SIGINT)

    def wait(self) -> int:
        """Until it ends by itself; returns the exit code."""
        assert self._process is not None
        return self._process.wait(15)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
