"""Figures as the screen prints them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard import formatting

VECTORS: dict[str, list[tuple[list[Any], Any]]] = json.loads(
    (Path(__file__).parent / "figure_vectors.json").read_text()
)
CASES = [(name, given, wanted) for name, cases in VECTORS.items() for given, wanted in cases]


@pytest.mark.parametrize(("name", "given", "wanted"), CASES)
def test_a_figure_reads_as_agreed_with_the_browser(
    name: str, given: list[Any], wanted: Any
) -> None:
    found = getattr(formatting, name)(*given)
    assert (list(found) if isinstance(found, tuple) else found) == wanted


def test_a_tick_of_long_ago_shows_its_date() -> None:
    then = datetime(2014, 5, 2, 12, 30, tzinfo=UTC)
    assert formatting.age_text(12 * 365 * 86_400, then) == "2014-05-02"


def test_a_figure_that_nobody_has_told_is_a_dash() -> None:
    assert formatting.compact(None) == "\u2013"
