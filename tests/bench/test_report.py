"""What a run is written down as."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import page, report
from bench.__main__ import GROUPS, SECTIONS, options_of
from bench.figures import Quantity, Section
from bench.report import Report

SECTION = Section(
    "speed",
    "Speed",
    (
        Quantity("rate", "stored", "ticks/s", at_least=250_000),
        Quantity("p99", "ack p99", "ms", at_most=5),
        Quantity("cores", "cores: gateway"),
    ),
)


@pytest.fixture
def measured() -> Report:
    found = Report(
        machine={
            "processor": "Abacus",
            "cores": 2,
            "memory_gb": 24,
            "system": "Linux 6",
            "python": "3.11",
        },
        options={"rounds": 3, "seconds": 60.0},
        began_at="2026-11-21T05:00:00+00:00",
        load=[0.5, 1.25],
    )
    for rate, p99 in ((251_000, 7.0), (260_000, 4.0), (249_000, 6.0)):
        found.add(SECTION, {"rate": rate, "p99": p99, "cores": 0.40123456})
    return found


def test_a_table_shows_median_range_and_what_became_of_the_promise(measured: Report) -> None:
    measured.failures.append("Speed: it fell over.")
    lines = report.text(measured, [SECTION]).splitlines()
    assert "on 2 cores (Abacus), 24 GB" in lines[0]
    assert "load average before each round 0.5, 1.2." in lines[0]
    rows = [" ".join(line.split()) for line in lines[3:6]]
    assert rows == [
        "stored ticks/s 251,000 249,000 to 260,000 >= 250,000 met",
        "ack p99 ms 6 4 to 7 <= 5 MISSED",
        "cores: gateway 0.401 0.401 to 0.401",
    ]
    assert lines[-1] == "FAILED Speed: it fell over."


def test_a_report_survives_being_written_and_read(measured: Report) -> None:
    again = Report.read(json.loads(json.dumps(measured.as_json())))
    assert report.markdown(again, [SECTION]) == report.markdown(measured, [SECTION])
    assert "| ack p99 | ms | 6 | 4 to 7 | <= 5 | MISSED |" in report.markdown(again, [SECTION])


def test_figures_take_their_place_between_the_prose() -> None:
    written = page.with_figures(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n", "new\n")
    assert written == f"before\n{page.BEGIN}\n\nnew\n\n{page.END}\nafter\n"
    assert page.with_figures(written, "new\n") == written
    with pytest.raises(ValueError, match="lacks"):
        page.with_figures("prose", "new\n")


def test_the_processor_is_read_or_its_kind_named(tmp_path: Path) -> None:
    described = tmp_path / "cpuinfo"
    described.write_text("processor : 0\nmodel name : Abacus 3000\nflags : fast\n")
    assert report.processor(described) == "Abacus 3000"
    described.write_text("CPU implementer : 0x41\n")
    assert report.processor(described)


def test_each_section_can_be_asked_for() -> None:
    assert options_of([]).what == []
    assert options_of(["signal", "stages", "--rounds", "1"]).what == ["signal", "stages"]
    with pytest.raises(SystemExit):
        options_of(["speed"])
    names = [section.name for section in SECTIONS]
    assert len(set(names)) == len(names) == sum(len(group) for group in GROUPS.values())
    for section in SECTIONS:
        keys = [quantity.key for quantity in section.quantities]
        assert len(set(keys)) == len(keys)
