"""Both services for the length of a `with` block: for tests, benchmarks and one-off commands."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fksbridge.config import Durability
from fksbridge.embedded import places
from fksbridge.embedded.postgres import postgres
from fksbridge.embedded.redis import redis_server
from fksbridge.embedded.service import Service, ServiceError

READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 10.0


@contextlib.contextmanager
def services(
    data_dir: Path, *, durability: Durability = "process", scratch: bool = False
) -> Iterator[dict[str, str]]:
    """PostgreSQL and Redis on `data_dir`; gives the DATABASE_URL and REDIS_URL that reach them."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(postgres(data_dir, scratch=scratch)))
        stack.enter_context(running(redis_server(data_dir, durability)))
        yield {
            "FKS_DATA_DIR": str(data_dir),
            "DATABASE_URL": places.database_url(data_dir),
            "REDIS_URL": places.redis_url(data_dir),
        }


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary data folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fks-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # the services pass through it, as a user of their own
        yield Path(folder)


@contextlib.contextmanager
def running(service: Service) -> Iterator[subprocess.Popen[bytes]]:
    """Raises ServiceError, with what the service printed, when it does not come up."""
    service.prepare()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            service.leashed(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(os.environ) | dict(service.environ),
            start_new_session=True,
        )
        try:
            if not _comes_up(service, process):
                output.seek(0)
                said = output.read().decode(errors="replace")
                raise ServiceError(f"{service.name} did not start: {said.strip()}")
            yield process
        finally:
            stop(service, process)


def _comes_up(service: Service, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        if service.ready():
            return True
        time.sleep(0.02)
    return False


def stop(service: Service, process: subprocess.Popen[bytes]) -> None:
    """Ask, wait, and kill what does not listen; then whatever it left in its process group."""
    if process.poll() is None:
        process.send_signal(service.stop_signal)
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
