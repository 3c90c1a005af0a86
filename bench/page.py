"""`docs/performance.md`: prose by hand, figures from `docs/performance.json`, which a run wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Section
from bench.report import Report, markdown

DOCS = Path(__file__).resolve().parents[1] / "docs"
FIGURES = DOCS / "performance.json"
PAGE = DOCS / "performance.md"
BEGIN = "<!-- figures: written by python -m bench --publish -->"
END = "<!-- end of figures -->"


def publish(report: Report, sections: Sequence[Section]) -> None:
    FIGURES.write_text(json.dumps(report.as_json(), indent=1) + "\n", "utf-8")
    PAGE.write_text(with_figures(PAGE.read_text("utf-8"), markdown(report, sections)), "utf-8")


def with_figures(page: str, figures: str) -> str:
    """The page with its figures replaced. Raises ValueError when it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{figures}\n{END}{after}"
