"""STRICT=1 turns every skip, and every test that is expected to fail, into a failure."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return strictly(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return strictly(report)


def strictly(report: Report) -> Report:
    if os.environ.get("STRICT") == "1" and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"STRICT=1 allows no skip: {report.longrepr}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    return report
