"""NinjaTrader played on Mono: the client's own source, compiled as it is, on strict stubs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.e2e.bridge import PROJECT, LiveBridge

SOURCES = Path(os.environ.get("NINJATRADER_SOURCES", PROJECT / "ninjatrader"))
"""Another folder when defects are seeded, see `tests/terminals/defects.py`."""
_HERE = Path(__file__).parent / "ninjatrader"


def compile_client(folder: Path, sources: Path = SOURCES) -> Path:
    """The client by C# 5 without a warning, against the stubs. Returns the driver's program.

    Raises RuntimeError with the compiler's words.
    """
    annotations = "-r:System.ComponentModel.DataAnnotations.dll"
    stubs, client, driver = (folder / name for name in ("Stubs.dll", "Custom.dll", "Driver.exe"))
    _mcs("-target:library", f"-out:{stubs}", str(_HERE / "Stubs.cs"))
    ours = [str(source) for source in sorted(sources.glob("*.cs"))]
    strict = ("-warn:4", "-warnaserror+", "-debug")
    _mcs("-target:library", *strict, f"-r:{stubs}", annotations, f"-out:{client}", *ours)
    _mcs("-target:exe", f"-r:{stubs}", f"-r:{client}", f"-out:{driver}", str(_HERE / "Driver.cs"))
    return driver


def _mcs(*arguments: str) -> None:
    command = ["mcs", "-langversion:5", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


def _profiling(folder: Path) -> list[str]:
    """Mono's options when `tests/terminals/executed.py` asks which lines are executed."""
    reports = os.environ.get("NINJATRADER_COVERAGE")
    if not reports:
        return []
    only_ours = folder / "filter.txt"
    only_ours.write_text("+[Custom]\n")
    report = Path(reports) / f"{uuid4()}.xml"
    return [f"--profile=coverage:output={report},covfilter-file={only_ours}"]


class NinjaTrader:
    """A running platform with a user folder of its own. Use it as a context manager."""

    def __init__(self, program: Path, folder: Path, culture: str = "en_US.UTF-8") -> None:
        self.folder = folder
        self._is_killed = False
        environ = {**os.environ, "LANG": culture, "LC_ALL": culture}
        self._process = subprocess.Popen(
            ["mono", "--debug", *_profiling(folder), str(program)],
            env=environ,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def settings_file(self) -> Path:
        return self.folder / "FKSBridge" / "FKSBridge.ini"

    def configure(self, bridge: LiveBridge, client: str, key: str, **more: object) -> None:
        """Writes the settings file; names as they stand there. Without orders, unless asked for."""
        given = {"host": "127.0.0.1", "port": bridge.tcp_port, "client": client, "key": key}
        given |= {"orders": "no", **more}
        self.settings_file.parent.mkdir(exist_ok=True)
        text = "".join(f"{name} = {value}\n" for name, value in given.items())
        self.settings_file.write_text(text)

    def start(self) -> None:
        """The platform starts its AddOns."""
        self.do("start", self.folder)

    def chart(
        self, name: str, symbol: str, kind: str = "Minute", value: int = 1, how: str = "closed"
    ) -> None:
        """`how`: "closed" or "each_tick" (the indicator's Calculate), or "delta", the example."""
        self.do("chart", name, symbol, kind, value, how)

    def market(self, chart: str, kind: str, price: float, volume: int, time_ms: int) -> None:
        self.do("market", chart, kind, repr(price), volume, time_ms)

    def bar(self, chart: str, close_ms: int, *values: float) -> None:
        """`values` are open, high, low, close, volume."""
        self.do("bar", chart, close_ms, *map(repr, values))

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.do("status")
        return found

    def printed(self) -> list[str]:
        lines: list[str] = self.do("printed")
        return lines

    def drawn(self, chart: str) -> dict[str, Any]:
        """Tag to what is there now; `log` holds every tag in the order of drawing."""
        found: dict[str, Any] = self.do("drawn", chart)
        return found

    def do(self, *words: object) -> Any:
        """One command of the driver. Raises RuntimeError with what the client threw."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\t".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def held(self, what: str) -> list[str]:
        """What the process has open whose name contains `what`: `socket:` or a file's name."""
        opened = Path(f"/proc/{self._process.pid}/fd")
        names = []
        for each in opened.iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                names.append(str(each.readlink()))
        return [name for name in names if what in name]

    def kill(self) -> None:
        """The platform dies between two instructions."""
        self._process.kill()
        self._is_killed = True

    def __enter__(self) -> NinjaTrader:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has died; its exit code tells below
            self._process.stdin.close()
        said = ""
        try:
            code = self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)  # mono then says where each thread is
            time.sleep(1)
            self._process.kill()
            code = self._process.wait(10)
            said = self._process.stdout.read()
        self._process.stdout.close()
        assert code == 0 or self._is_killed, f"the platform did not end in order: {code} {said}"
