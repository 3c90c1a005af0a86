from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TESTS = {
    "skipped": "@pytest.mark.skip(reason='no chromium')\ndef test_it(): pass",
    "expected to fail": "@pytest.mark.xfail\ndef test_it(): assert False",
    "a whole module": "pytest.skip('no chromium', allow_module_level=True)",
    "passing": "def test_it(): pass",
    "failing": "def test_it(): assert False",
}


def run(folder: Path, source: str, strict: str) -> int:
    (folder / "test_it.py").write_text(f"import pytest\n{source}\n")
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.strict"]
    plain = ["--rootdir", str(folder), str(folder)]
    # Without the plugins of the run, which take seconds to load.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    environ = os.environ | alone | {"STRICT": strict, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [*command, *plain], cwd=folder, env=environ, capture_output=True, check=False
    )
    return done.returncode


@pytest.mark.parametrize("kind", ["skipped", "expected to fail", "a whole module"])
def test_strict_makes_a_skip_a_failure(tmp_path: Path, kind: str) -> None:
    assert run(tmp_path, TESTS[kind], strict="1") in (1, 2)


@pytest.mark.parametrize(("kind", "code"), [("skipped", 0), ("passing", 0), ("failing", 1)])
def test_otherwise_a_skip_is_a_skip(tmp_path: Path, kind: str, code: int) -> None:
    assert run(tmp_path, TESTS[kind], strict="") == code


@pytest.mark.parametrize(("kind", "code"), [("passing", 0), ("failing", 1)])
def test_strict_leaves_other_outcomes_alone(tmp_path: Path, kind: str, code: int) -> None:
    assert run(tmp_path, TESTS[kind], strict="1") == code
