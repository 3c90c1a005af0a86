from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache", "--config", str(config)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_every_floor_imports_only_floors_below_it() -> None:
    done = lint_imports(PROJECT / "pyproject.toml")
    assert done.returncode == 0, done.stdout


def test_a_floor_that_imports_upwards_is_found(tmp_path: Path) -> None:
    """The rule itself: upside down, the house must fail it."""
    config = tmp_path / "upside_down.toml"
    config.write_text(
        "[tool.importlinter]\n"
        'root_packages = ["bridge_ingest", "audit"]\n'
        "[[tool.importlinter.contracts]]\n"
        'name = "upside down"\n'
        'type = "layers"\n'
        'layers = ["audit", "bridge_ingest"]\n'
    )
    done = lint_imports(config)
    assert done.returncode == 1
    assert "audit" in done.stdout
