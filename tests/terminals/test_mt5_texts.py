"""Whatever the programs for MetaTrader 5 can say, their page explains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.terminals.mql.build import PROJECT

PAGE = PROJECT / "docs" / "terminals" / "metatrader5.md"
_NO_MESSAGES = {
    r"Content-Type: application/json\r\nAuthorization: Bearer",  # a header
    "%I64u %I64u %I64d %I64d %I64d %d",  # what a stream's random name is made of
    "waiting",  # counts in the chart's corner
}


def texts(source: str) -> list[str]:
    """Every text of three words or more in a program, save inputs and JSON, without its edges."""
    code = [
        line for line in source.splitlines() if not line.lstrip().startswith(("//", "#", "input"))
    ]
    joined = re.sub(r'"\s*\+\s*\n\s*"', "", "\n".join(code))
    found = re.findall(r'"((?:\\.|[^"\\\n])*)"', joined)
    said = [text for text in found if text.count(" ") > 1 and '\\"' not in text]
    return [text.removeprefix("FKS Bridge: ").strip(" :;,.()") for text in said]


SOURCES = sorted((PROJECT / "mql5").rglob("*.mq[5h]"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_text_of_a_program_stands_in_its_page(source: Path) -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    said = texts(source.read_text("ascii"))
    said = [" ".join(text.replace("\\\\", "\\").split()) for text in said]
    assert [text for text in said if text not in page and text not in _NO_MESSAGES] == []


def test_texts_are_found_in_the_programs() -> None:
    found = [text for source in SOURCES for text in texts(source.read_text("ascii"))]
    assert len(found) >= 80
    assert "the bridge has been silent for 45 s" in found
    assert texts('Alert("FKS Bridge: one two " +\n      "three four");') == ["one two three four"]
