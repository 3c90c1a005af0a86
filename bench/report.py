"""What was measured, as JSON that can be kept, as a table for a terminal, and as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench.figures import Quantity, Round, Section, Summary, number, summaries

_LABEL_WIDTH, _UNIT_WIDTH, _MEDIAN_WIDTH, _RANGE_WIDTH = 48, 9, 10, 21


@dataclass
class Report:
    """`rounds` by section; `load` is the machine's load average before each round."""

    machine: dict[str, Any]
    options: dict[str, Any]
    began_at: str
    load: list[float] = field(default_factory=list)
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, options: dict[str, Any]) -> Report:
        return cls(machine(), options, datetime.now(UTC).isoformat(timespec="seconds"))

    @classmethod
    def read(cls, values: dict[str, Any]) -> Report:
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def add(self, section: Section, found: Round) -> None:
        self.rounds.setdefault(section.name, []).append(
            {key: float(f"{value:.6g}") for key, value in found.items()}
        )


def machine() -> dict[str, Any]:
    return {
        "processor": processor(Path("/proc/cpuinfo")),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def processor(described_in: Path) -> str:
    for line in described_in.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def circumstances(report: Report) -> str:
    """One sentence: when, on what, how often, and how busy the machine was."""
    of = report.machine
    loads = ", ".join(f"{load:.1f}" for load in report.load)
    return (
        f"Measured {report.began_at[:10]} on {of['cores']} cores ({of['processor']}), "
        f"{of['memory_gb']} GB, {of['system']}, Python {of['python']}; "
        f"{report.options['rounds']} rounds, ingest for {report.options['seconds']:g} s each; "
        f"load average before each round {loads}."
    )


def verdict(quantity: Quantity, found: Summary) -> str:
    """Nothing where nothing is promised."""
    if not quantity.goal:
        return ""
    return "met" if quantity.met(found.median) else "MISSED"


def text(report: Report, sections: Sequence[Section]) -> str:
    """A table for a terminal, 100 columns wide."""
    lines = [circumstances(report)]
    for section, rows in _filled(report, sections):
        lines += [
            "",
            f"{section.title:<{_LABEL_WIDTH + _UNIT_WIDTH + 1}}{'median':>10}  min to max",
        ]
        for quantity, found in rows:
            spread = f"{number(found.low)} to {number(found.high)}"
            goal = f"{quantity.goal} {verdict(quantity, found)}".strip()
            lines.append(
                f"  {quantity.label:<{_LABEL_WIDTH - 1}}{quantity.unit:<{_UNIT_WIDTH}}"
                f"{number(found.median):>{_MEDIAN_WIDTH}}  {spread:<{_RANGE_WIDTH}}{goal}".rstrip()
            )
    return "\n".join([*lines, *(f"\nFAILED {failure}" for failure in report.failures)])


def markdown(report: Report, sections: Sequence[Section]) -> str:
    """The same as Markdown."""
    parts = [circumstances(report)]
    for section, rows in _filled(report, sections):
        parts.append(f"\n### {section.title}\n")
        parts.append("| figure | unit | median | min to max | goal | |\n|---|---|---|---|---|---|")
        for quantity, found in rows:
            cells = (
                quantity.label, quantity.unit, number(found.median),
                f"{number(found.low)} to {number(found.high)}", quantity.goal,
                verdict(quantity, found),
            )  # fmt: skip
            parts.append(f"| {' | '.join(cells)} |")
    return "\n".join(parts) + "\n"


def _filled(
    report: Report, sections: Sequence[Section]
) -> Iterator[tuple[Section, list[tuple[Quantity, Summary]]]]:
    for section in sections:
        if section.name in report.rounds:
            yield section, summaries(section, report.rounds[section.name])
