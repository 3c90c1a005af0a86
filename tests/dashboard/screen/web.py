"""A real web process on the test's own database, for browsers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

READY_WITHIN_S = 60.0


@contextmanager
def web_process(port: int) -> Iterator[str]:
    """Daphne with the bridge's application; gives its address. The database must exist."""
    url = urlsplit(settings.FKS.database_url)
    database = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        [*command, "fksbridge.asgi:application"],
        env=os.environ | {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )
    try:
        _wait_until_it_answers(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The web process ended with {process.returncode}.")
        with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as asking:
            try:
                asking.request("GET", "/sign-in")
                asking.getresponse()
            except OSError:
                time.sleep(0.1)
            else:
                return
    raise RuntimeError(f"The web process did not answer within {READY_WITHIN_S:.0f} s.")
