"""Which lines and branches of the Pine scripts does no test execute?

    python -m tests.terminals.executed_pine

Runs the scripts' tests with V8's block coverage over the JavaScript that PineTS makes of each,
adds up all runs, prints what none of them executed, and ends with 1 if there is anything. The body
of an `if`, its `else`, either side of `?:`, and what stands behind `and` or `or` are branches.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from tests.e2e.bridge import PROJECT

Part = tuple[str, str]
"""A script's name, or "shared", and the text."""

_TESTS = PROJECT / "tests" / "terminals" / "test_pine.py"

_NOT_THE_SCRIPTS = [
    r"\|\| 500000",  # PineTS's limit of iterations
    r"throw new Error\(\"Loop exceeded maximum iterations \(\w+\)\"\);",
    r": i >= 10",  # a `for` counts down where its bounds are that way round
    r": i--",
]
"""What PineTS puts around a script's loops, whole."""


_DIFFERING = re.compile(
    r"(?<=[A-Za-z_])\d+|\$\.get\(\$\.get\((?=undefined, 0\), 0\))|(?<=undefined), 0\), 0\)"
)
"""PineTS's numbers of variables, and the two forms in which it writes that there is no series."""


def run_tests(folder: Path) -> None:
    """Each run of a script leaves a report in the folder. Raises CalledProcessError."""
    environ = {**os.environ, "PINE_COVERAGE": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", str(_TESTS)]
    subprocess.run(command, cwd=PROJECT, env=environ, check=True)


def executed(report: dict[str, Any]) -> bytearray:
    """For each character of the source 1 where it ran: of nested ranges the innermost counts."""
    marks = bytearray(len(report["source"]))
    ranges = [each for function in report["functions"] for each in function["ranges"]]
    for each in sorted(ranges, key=lambda r: (r["startOffset"], -r["endOffset"])):
        begin, end = each["startOffset"], each["endOffset"]
        marks[begin:end] = bytes([each["count"] > 0]) * (end - begin)
    return marks


def parts_of(report: dict[str, Any]) -> Iterator[tuple[Part, bytearray]]:
    """Each shared function, and the rest of the script, with what was executed of it.

    What the scripts share is the same in each (a test says so), so it counts wherever it ran.
    PineTS numbers variables through a whole script; but for that a function's text is the same.
    """
    source, marks = report["source"], executed(report)
    for function in report["functions"]:
        begin, end = (function["ranges"][0][name] for name in ("startOffset", "endOffset"))
        if function["functionName"] in shared_functions():
            kept = kept_of(source[begin:end])
            text = "".join(source[begin + at] for at in kept)
            yield ("shared", text), bytearray(marks[begin + at] for at in kept)
            marks[begin:end] = b"\1" * (end - begin)
    yield (report["script"], source), marks


def kept_of(text: str) -> list[int]:
    """Where the characters stand that do not differ from script to script."""
    dropped = {at for each in _DIFFERING.finditer(text) for at in range(*each.span())}
    return [at for at in range(len(text)) if at not in dropped]


@cache
def shared_functions() -> frozenset[str]:
    text = next((PROJECT / "pine").glob("*.pine")).read_text("utf-8")
    shared = text[text.index("// >>>") : text.index("// <<<")]
    return frozenset(re.findall(r"^(f_\w+)\(", shared, re.MULTILINE))


def added_up(reports: Iterable[dict[str, Any]]) -> dict[Part, bytearray]:
    """What any run executed of each part."""
    total: dict[Part, bytearray] = {}
    for part, marks in chain.from_iterable(map(parts_of, reports)):
        before = total.get(part, bytearray(len(marks)))
        total[part] = bytearray(a | b for a, b in zip(before, marks, strict=True))
    return total


def missed(source: str, marks: bytearray) -> Iterator[str]:
    """The parts that no run executed, but for what is not the script's own."""
    for part in re.finditer(rb"\0+", bytes(marks)):
        text = source[part.start() : part.end()].strip()
        if text and not any(re.fullmatch(pattern, text) for pattern in _NOT_THE_SCRIPTS):
            yield text


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        run_tests(Path(name))
        reports = (json.loads(path.read_text("utf-8")) for path in Path(name).glob("*.json"))
        total = added_up(reports)
    failures = 0
    for (script, source), marks in sorted(total.items()):
        found = list(missed(source, marks))
        failures += len(found)
        name = source[: source.index(")") + 1] if script == "shared" else script
        print(f"{name}: {len(found)} of its parts missed")
        for text in found:
            print("   " + " ".join(text.split())[:200])
    absent = {path.name for path in (PROJECT / "pine").glob("*.pine")} - {s for s, _ in total}
    print(f"never run: {', '.join(sorted(absent)) or 'none'}")
    return 1 if failures or absent else 0


if __name__ == "__main__":
    sys.exit(main())
