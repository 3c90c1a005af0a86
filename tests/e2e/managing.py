"""Management commands without the second of set-up that a new Python costs each time.

A server process has Django set up once for a bridge's settings, and forks for each command. What a
command is given and what it leaves is as with `python manage.py`: arguments, environment, exit
code, output. `tests/e2e/test_command_line.py` runs each command through the real command line.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_PROJECT = Path(__file__).resolve().parents[2]
_READ_AT_SET_UP = ("FKS_", "DJANGO_", "DATABASE_URL", "REDIS_URL")
_WITHIN_S = 60
_FORK = multiprocessing.get_context("fork")

_servers: dict[frozenset[tuple[str, str]], subprocess.Popen[str]] = {}


def manage(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; after 60 s it is killed, which is exit code -9."""
    server = _server_for(environ)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps({"arguments": arguments, "environ": dict(environ)}) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    assert answer, "the server of management commands has died; its last words stand above"
    return subprocess.CompletedProcess(["manage.py", *arguments], **json.loads(answer))


def close() -> None:
    """End every server that this process has started."""
    while _servers:
        _, server = _servers.popitem()
        server.communicate()  # its input ends, and with it the server


def _server_for(environ: Mapping[str, str]) -> subprocess.Popen[str]:
    of_settings = {name: environ[name] for name in environ if name.startswith(_READ_AT_SET_UP)}
    settings = frozenset(of_settings.items())
    if settings not in _servers:
        command = [sys.executable, "-m", "tests.e2e.managing"]
        _servers[settings] = subprocess.Popen(
            command, cwd=_PROJECT, env=environ,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    return _servers[settings]


# The server's side.


def _serve() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fksbridge.settings")
    django.setup()
    for line in sys.stdin:
        print(json.dumps(_run(**json.loads(line))), flush=True)


def _run(arguments: list[str], environ: dict[str, str]) -> dict[str, Any]:
    _import_for(arguments[0])
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = _FORK.Process(target=_become, args=(arguments, environ, out, err))
        child.start()
        child.join(_WITHIN_S)
        if child.is_alive():
            child.kill()
            child.join()
        return {"returncode": child.exitcode, "stdout": _text(out), "stderr": _text(err)}


def _import_for(command: str) -> None:
    """What the command and the system checks before it import is imported once, before the fork."""
    from django.conf import settings
    from django.core.management import get_commands, load_command_class
    from django.urls import get_resolver

    get_resolver(settings.ROOT_URLCONF).url_patterns  # noqa: B018 - a lazy import
    with suppress(KeyError):  # an unknown one is the command line's to refuse
        load_command_class(get_commands()[command], command)


def _become(arguments: list[str], environ: dict[str, str], out: IO[str], err: IO[str]) -> None:
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["manage.py", *arguments]
    from manage import main

    main()


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    _serve()
