"""The limits that CONTRIBUTING.md sets, counted over the whole source."""

from __future__ import annotations

import ast
import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOMS = [
    "agent",
    "audit",
    "bridge_ingest",
    "dashboard",
    "execution",
    "fksbridge",
    "market",
    "signals",
    "tradingview",
    "verification",
]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> list[Path]:
    found = itertools.chain.from_iterable((PROJECT / name).rglob("*.py") for name in folders)
    return sorted(path for path in found if "migrations" not in path.parts)


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function):
            yield node


def lines_of(function: Function) -> int:
    """Lines from `def` to the end, without the docstring, which may be as long as it helps."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines


@pytest.mark.parametrize("folder", ROOMS)
def test_modules_stay_under_400_lines(folder: str) -> None:
    long = {
        str(path.relative_to(PROJECT)): length
        for path in modules(folder)
        if (length := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert long == {}


def test_functions_are_short() -> None:
    lengths = sorted(lines_of(f) for path in modules(*ROOMS) for f in functions(path))
    assert statistics.median(lengths) <= 10
    assert lengths[int(len(lengths) * 0.9)] <= 35


def test_whoever_catches_every_exception_raises_it_or_gives_it_a_code() -> None:
    """A handler of `Exception` must raise, hand the error on by its name, or log it whole."""
    silent = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for path in modules(*ROOMS)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and swallows(node)
    ]
    assert silent == []


def catches_everything(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


def swallows(handler: ast.ExceptHandler) -> bool:
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    return not any(
        isinstance(node, ast.Raise)
        or (isinstance(node, ast.Name) and node.id == handler.name)
        or (isinstance(node, ast.Attribute) and node.attr == "exception")
        for node in inside
    )


def test_no_room_leaves_work_for_later() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "HA" + "CK")
    left = [
        f"{path.relative_to(PROJECT)}: {mark}"
        for path in modules(*ROOMS, "tests")
        for mark in marks
        if mark in path.read_text("utf-8")
    ]
    assert left == []
