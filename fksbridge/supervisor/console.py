"""What children print: to a file each, and, under their names, to the terminal."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import sys
import threading
from pathlib import Path
from typing import TextIO

FILE_BYTES = 5 * 1024 * 1024
FILES_KEPT = 3
WAITING_LINES = 10_000
NAME_WIDTH = 14


class Console:
    """Writes lines to a stream from a thread of its own.

    A terminal that has been paused (Ctrl-S, a full pipe) would otherwise stop the supervisor, then
    the children, whose output nobody reads any more. Lines that find no room are counted.
    """

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._left_out = 0
        self._thread = threading.Thread(target=self._write, name="console", daemon=True)
        self._thread.start()

    def say(self, sentence: str) -> None:
        try:
            self._lines.put_nowait(sentence)
        except queue.Full:
            self._left_out += 1

    def close(self, within_s: float = 1.0) -> None:
        """Write what waits; a stream that still blocks after `within_s` is left alone."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=within_s)
        self._thread.join(within_s)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                print(line, file=self._stream, flush=True)
            except OSError:
                return  # the terminal is gone; the files go on
            left_out, self._left_out = self._left_out, 0
            if left_out:
                print(f"({left_out} lines left out)", file=self._stream, flush=True)


class ChildLog:
    """One child's output: every line to its file, and to the console unless the child is quiet."""

    def __init__(self, name: str, folder: Path, console: Console | None) -> None:
        self.name = name
        self._last_line = ""
        self._console = console
        self._rest = b""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = logging.handlers.RotatingFileHandler(
            folder / f"{name}.log", maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8"
        )

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace").rstrip("\r"))

    def last_words(self) -> str:
        """For the end of a sentence: what the child printed last, if anything."""
        return f": {self._last_line}" if self._last_line else ""

    def close(self) -> None:
        if self._rest:
            self.feed(b"\n")
        self._file.close()

    def _line(self, line: str) -> None:
        self._last_line = line.strip() or self._last_line
        self._file.emit(logging.LogRecord(self.name, logging.INFO, "", 0, line, None, None))
        if self._console is not None:
            self._console.say(f"{self.name:<{NAME_WIDTH}} | {line}")
