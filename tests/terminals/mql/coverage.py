"""Which lines of the MetaTrader programs no test has run.

    python -m tests.terminals.mql.coverage

Runs the tests of the programs with coverage and prints every line that none of them reached, and
every file that no test compiles; exit code 1 when there is one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.terminals.mql.build import PROJECT, SOURCE, SOURCE4

_TESTS = [
    "tests/terminals/test_mql_language.py",
    "tests/terminals/test_mt5_expert.py",
    "tests/terminals/test_mt5_others.py",
    "tests/terminals/test_mt5_story.py",
    "tests/terminals/test_mt4_expert.py",
]


def main() -> int:
    cache = PROJECT / ".pytest_cache" / "mql-coverage"
    shutil.rmtree(cache, ignore_errors=True)
    environ = {**os.environ, "MQL_COVERAGE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={cache}", *_TESTS]
    failed = subprocess.run(command, cwd=PROJECT, env=environ, check=False).returncode
    counts = counted(sorted(cache.rglob("program.gcno")))
    missed = sorted(place for place, count in counts.items() if count == 0)
    for path, line in missed:
        print(f"{path}:{line}: {_text(path, line)}")
    strangers = never_compiled(cache)
    for stranger in strangers:
        print(f"{stranger}: no test compiles it")
    print(f"{len(counts) - len(missed)} of {len(counts)} lines run")
    return 1 if missed or strangers or failed or not counts else 0


def never_compiled(cache: Path) -> list[Path]:
    """Programs, and files for programs, that are part of nothing below the cache."""
    sources = [*SOURCE.rglob("*.mq[5h]*"), *SOURCE4.rglob("*.mq[4h]*")]
    programs = {folder.name.rpartition("-")[0] for folder in cache.rglob("*") if folder.is_dir()}
    parts = {f"{file.parent.name}/{file.name}" for file in cache.rglob("*.hpp")}
    return sorted(
        path
        for path in sources
        if path.stem not in programs and f"{path.parent.name}/{path.name}.hpp" not in parts
    )


def counted(notes: list[Path]) -> dict[tuple[str, int], int]:
    """How often each line of the programs was run, over all of them."""
    counts: dict[tuple[str, int], int] = defaultdict(int)
    for note in notes:
        command = ["gcov", "--json-format", "--stdout", str(note)]
        found = subprocess.run(command, cwd=note.parent, capture_output=True, check=True).stdout
        for report in found.splitlines():
            for source in json.loads(report)["files"]:
                place = Path(source["file"])
                if place.is_relative_to(SOURCE) or place.is_relative_to(SOURCE4):
                    for line in source["lines"]:
                        counts[source["file"], line["line_number"]] += line["count"]
    return counts


def _text(path: str, line: int) -> str:
    return Path(path).read_text().splitlines()[line - 1].strip()


if __name__ == "__main__":
    sys.exit(main())
