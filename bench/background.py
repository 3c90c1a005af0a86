"""Processes of a measurement: started, heard, and always ended."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

from tests.e2e.bridge import PROJECT

ENDS_WITHIN_S = 120.0


class BenchError(Exception):
    """A measurement that failed; the text is a sentence for whoever ran it."""


def module(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", name, *map(str, arguments)]


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The process for the length of the block; killed at the end if it still runs."""
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        output_of(process).close()


def output_of(process: subprocess.Popen[str]) -> IO[str]:
    """What `running` piped."""
    return cast(IO[str], process.stdout)


@contextlib.contextmanager
def server(command: list[str]) -> Iterator[list[int]]:
    """A server that prints its ports on its first line; gives the ports."""
    with running(command) as process:
        line = output_of(process).readline()
        if not line:
            raise BenchError(f"{' '.join(command[1:])} did not start.")
        yield [int(port) for port in line.split()]


def last_line(
    process: subprocess.Popen[str], on_line: Callable[[dict[str, Any]], None] = lambda _: None
) -> dict[str, Any]:
    """Wait for the end and return the last line of JSON; the ones before go to `on_line`."""
    held: dict[str, Any] | None = None
    for line in output_of(process):
        if held is not None:
            on_line(held)
        held = json.loads(line)
    code = process.wait(ENDS_WITHIN_S)
    if held is None or code != 0:
        raise BenchError(f"{process.args!r} ended with exit code {code} after {held}.")
    return held
