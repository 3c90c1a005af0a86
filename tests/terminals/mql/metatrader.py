"""A terminal for one program: scripted symbols, clock and trade server, real sockets."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

REASON_REMOVE, REASON_CHARTCHANGE, REASON_PARAMETERS, REASON_ACCOUNT = 1, 3, 5, 6
_SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=71",
    "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=72",
}


class CriticalError(AssertionError):
    """The program was stopped: by the terminal's rules or by a sanitizer; holds the report."""


class MetaTrader:
    """One program on one chart. `folder` is the terminal's own and outlives a restart.

    Use it as a context manager: leaving it closes the terminal, which must leave nothing open.
    """

    def __init__(self, program: Path, folder: Path, **inputs: object) -> None:
        self._errors = (folder / "stderr.txt").open("w+")
        self._process = subprocess.Popen(
            [str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **_SANITIZERS},
        )
        files = folder / "Files"
        files.mkdir(exist_ok=True)
        self.set("folder", files)
        self.set("allow", "127.0.0.1")
        self.symbol("EURUSD")
        self.inputs(**inputs)

    def __enter__(self) -> MetaTrader:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.close()
            elif self._process.poll() is None:
                self.kill()
        finally:
            self._errors.close()

    # Its life.

    def start(self) -> int:
        """OnInit (or OnStart); returns its result, 0 for success."""
        return int(self._ask("init"))

    def restart(self, reason: int) -> int:
        """What a change of timeframe, inputs or account does: OnDeinit, then OnInit."""
        self._ask("deinit", reason)
        return self.start()

    def close(self) -> None:
        """Close the terminal. Raises CriticalError when anything leaks or was left open."""
        if self._process.poll() is None:
            self._close_pipe(self._process.stdin)
            if self.await_death() != 0:
                raise CriticalError(self._report())

    def kill(self) -> None:
        """The terminal crashes."""
        self._process.send_signal(signal.SIGKILL)
        self.await_death()

    def await_death(self) -> int:
        """Wait for the process to be gone; returns its exit code."""
        code = self._process.wait(20)
        self._close_pipe(self._process.stdin)
        self._close_pipe(self._process.stdout)
        return code

    def _close_pipe(self, pipe: IO[str] | None) -> None:
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    # What its user, its broker and its clock do.

    def inputs(self, **values: object) -> None:
        for name, value in values.items():
            self._ask("input", name, str(value).lower() if isinstance(value, bool) else value)

    def set(self, name: str, value: object) -> None:
        self._ask("set", name, int(value) if isinstance(value, bool) else value)

    def symbol(self, name: str, digits: int = 5, *, selected: bool = True) -> None:
        self._ask("symbol", name, digits, int(selected))

    def tick(self, name: str, time_ms: int, bid: float, ask: float, volume: float = 0) -> None:
        self._ask("tick", name, time_ms, repr(bid), repr(ask), volume)

    def ticks(self, name: str, rows: Iterable[tuple[int, float, float]]) -> None:
        """Many at once, quicker than one by one."""
        self._ask_all([f"tick\t{name}\t{t}\t{bid!r}\t{ask!r}" for t, bid, ask in rows])

    def bar(
        self, name: str, period_s: int, time_s: int, prices: tuple[float, ...], volume: int = 1
    ) -> None:
        self._ask("bar", name, period_s, time_s, *map(repr, prices), volume)

    def elapse(self, seconds: int, step_ms: int) -> None:
        """Let the virtual clock run; the timer fires once a step."""
        self._ask("elapse", seconds, step_ms)

    def command(self, *fields: object) -> None:
        """Any other command of the driver."""
        self._ask(*fields)

    @property
    def now_ms(self) -> int:
        """The virtual UTC."""
        return int(self._ask("now_ms"))

    # What can be seen.

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("state")
        return found

    @property
    def journal(self) -> list[str]:
        return list(self.state["journal"])

    @property
    def objects(self) -> list[dict[str, Any]]:
        return list(self.state["objects"])

    def wait_for(self, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The state once the condition holds; fails after 15 s with the journal."""
        ends = time.monotonic() + 15
        while not condition(state := self.state):
            assert time.monotonic() < ends, f"waited for {what}: {state}"
            time.sleep(0.02)
        return state

    def wait_for_journal(self, text: str) -> None:
        self.wait_for(lambda state: any(text in line for line in state["journal"]), text)

    # The driver's protocol.

    def _ask(self, *fields: object) -> Any:
        return self._ask_all(["\t".join(map(str, fields))])[0]

    def _ask_all(self, commands: list[str]) -> list[Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        answers: list[Any] = []
        for start in range(0, len(commands), 200):
            part = commands[start : start + 200]
            try:
                stdin.write("".join(f"{command}\n" for command in part))
                stdin.flush()
            except BrokenPipeError:
                self.await_death()
                raise CriticalError(self._report()) from None
            answers += [self._answer(stdout.readline()) for _ in part]
        return answers

    def _answer(self, line: str) -> Any:
        if not line:
            self.await_death()
            raise CriticalError(self._report())
        return json.loads(line)

    def _report(self) -> str:
        self._errors.flush()
        self._errors.seek(0)
        return f"exit code {self._process.returncode}\n{self._errors.read()[:6000]}"
