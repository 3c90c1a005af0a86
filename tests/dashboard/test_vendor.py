"""Vendored files are what their packages published, and each says under which terms."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "static" / "vendor", ROOT / "tests" / "dashboard" / "vendor"]
ROW = re.compile(r"^\| (\S+) \| (\S+) \| (\S+) \| (\S+) \| ([0-9a-f]{64}) \|$", re.MULTILINE)


def rows(folder: Path) -> dict[str, str]:
    text = (folder / "README.md").read_text()
    return {name: digest for name, _, _, _, digest in ROW.findall(text)}


@pytest.mark.parametrize("folder", FOLDERS, ids=["static", "tests"])
def test_every_vendored_file_has_the_digest_that_the_readme_states(folder: Path) -> None:
    found = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in rows(folder)
    }
    assert found == rows(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=["static", "tests"])
def test_no_vendored_file_is_left_out_of_the_readme(folder: Path) -> None:
    kept = {path.name for path in folder.iterdir() if path.suffix in (".js", ".mjs", ".woff2")}
    assert kept == set(rows(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=["static", "tests"])
def test_each_vendored_file_has_its_licence_beside_it(folder: Path) -> None:
    licences = {path.name.removesuffix(".LICENSE") for path in folder.glob("*.LICENSE")}
    for name in rows(folder):
        assert any(name.startswith(licence) for licence in licences), name
