from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")
URL = re.compile(r"""url\(["']?([^"')]+)["']?\)""")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make demo` and production serve."""
    folder = tmp_path_factory.mktemp("data")
    environ = os.environ | {
        "DJANGO_SETTINGS_MODULE": "fksbridge.settings",
        "FKS_DATA_DIR": str(folder),
        "FKS_ENV": "demo",
    }
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=PROJECT, env=environ, check=True)
    return folder / "static"


def hashed(collected: Path, ending: str) -> list[Path]:
    paths = json.loads((collected / "staticfiles.json").read_text())["paths"]
    found = [collected / path for path in paths.values() if path.endswith(ending)]
    assert found
    return found


def test_modules_import_each_other_by_hashed_names(collected: Path) -> None:
    for module in hashed(collected, ".js"):
        for target in IMPORT.findall(module.read_text("utf-8")):
            assert (module.parent / target).is_file(), f"{module.name} imports {target}"
            assert re.search(r"\.[0-9a-f]{12}\.m?js$", target), f"{module.name} imports {target}"


def test_style_sheets_name_fonts_and_pictures_by_hashed_names(collected: Path) -> None:
    for sheet in hashed(collected, ".css"):
        for target in URL.findall(sheet.read_text("utf-8")):
            if not target.startswith("data:"):
                assert (sheet.parent / target).is_file(), f"{sheet.name} names {target}"


def test_text_is_compressed_beforehand(collected: Path) -> None:
    for sheet in hashed(collected, ".css"):
        assert sheet.with_name(f"{sheet.name}.gz").is_file() or sheet.stat().st_size < 200
