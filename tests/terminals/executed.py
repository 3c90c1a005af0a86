"""Which lines of NinjaTrader's client does no test execute?

    python -m tests.terminals.executed

Runs the client's tests with Mono's coverage profiler (Debian: libmono-profiler), adds up what each
run of the client executed, prints every line that none did, and ends with 1 if there is one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.e2e.bridge import PROJECT

_TESTS = sorted((PROJECT / "tests" / "terminals").glob("test_ninjatrader*.py"))


def run_tests(folder: Path) -> None:
    """Each run of the client leaves a report in the folder. Raises CalledProcessError."""
    environ = {**os.environ, "NINJATRADER_COVERAGE": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", *map(str, _TESTS)]
    subprocess.run(command, cwd=PROJECT, env=environ, check=True)


def executions(folder: Path) -> Counter[tuple[str, int]]:
    """How often each line, (file name, number), ran; 0 for those that never did."""
    found: Counter[tuple[str, int]] = Counter()
    for report in folder.glob("*.xml"):
        for method in _methods(report):
            file = Path(method.get("filename", "")).name
            for each in method.iter("statement"):
                line = int(each.get("line", "0"))
                if file and line:
                    found[file, line] += int(each.get("counter", "0"))
    return found


def _methods(report: Path) -> list[ET.Element]:
    """None for a platform that its test killed: then the report was not written to its end."""
    try:
        return list(ET.parse(report).iter("method"))  # noqa: S314 - Mono's own report
    except ET.ParseError:
        return []


def _text(file: str, line: int) -> str:
    """A brace alone is no statement: of some the compiler makes a place that nothing reaches."""
    return (PROJECT / "ninjatrader" / file).read_text("utf-8").splitlines()[line - 1].strip()


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        run_tests(Path(name))
        found = executions(Path(name))
    found = Counter({place: n for place, n in found.items() if _text(*place) not in "{}"})
    never = sorted(place for place, count in found.items() if count == 0)
    for file, line in never:
        print(f"{file}:{line}: {_text(file, line)}")
    print(f"{len(found) - len(never):,} of {len(found):,} lines are executed")
    return 1 if never or not found else 0


if __name__ == "__main__":
    sys.exit(main())
