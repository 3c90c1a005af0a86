"""The rewriter and the strict terminal: what may be used has its value, what is wrong stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminals.conftest import Compile
from tests.terminals.mql.build import HERE, PROJECT
from tests.terminals.mql.metatrader import CriticalError, MetaTrader
from tests.terminals.mql.rewrite import NotInSubsetError, rewrite

FEATURES = HERE / "features"
needs_compiler = pytest.mark.requires("g++")


@needs_compiler
def test_every_language_feature_that_programs_use_has_its_value(
    compile_mql: Compile, tmp_path: Path
) -> None:
    with MetaTrader(compile_mql(FEATURES / "Language.mq5"), tmp_path, InpReal=0.5) as terminal:
        assert terminal.start() == 0
        assert terminal.journal == ["inputs 7 0.5 true", "all as expected"]


@needs_compiler
@pytest.mark.parametrize(
    ("case", "report"),
    [
        ("index", "array out of range: index 3 of 3"),
        ("negative index", "array out of range: index -1 of 3"),
        ("fixed resize", "ArrayResize of an array of fixed size"),
        ("remove", "ArrayRemove 2 from 2"),
        ("format width", "%d of the wrong width"),
        ("format kind", "%s is given no string"),
        ("format double", "%d is given no integer"),
        ("format few", "too few arguments"),
        ("format many", "too many arguments"),
        ("integer division", "division by zero"),
        ("real division", "division by zero"),
        ("overflow", "signed integer overflow"),
        ("root", "MathSqrt of -1"),
        ("code page", "StringToCharArray without CP_UTF8"),
        ("sandbox", "a file outside the terminal's folder"),
        ("file left open", "left open: 0 sockets, 1 files"),
        ("socket left open", "left open: 1 sockets, 0 files"),
        ("sleep", "Sleep outside a script"),
        ("long name", "over 63 characters"),
        ("substring", "StringSubstr from 3 of 2"),
        ("volume", "a volume of 0.015"),
    ],
)
def test_what_is_wrong_stops_the_run(
    compile_mql: Compile, tmp_path: Path, case: str, report: str
) -> None:
    with pytest.raises(CriticalError, match=report):  # noqa: SIM117 - the inner one must be left
        with MetaTrader(compile_mql(FEATURES / "Stops.mq5"), tmp_path, InpCase=case) as terminal:
            terminal.start()


@needs_compiler
@pytest.mark.parametrize("call", ["SocketCreate", "WebRequest", "OrderSend", "Sleep"])
def test_an_indicator_is_stopped_at_calls_that_it_is_refused(
    compile_mql: Compile, tmp_path: Path, call: str
) -> None:
    program = compile_mql(FEATURES / "Indicators" / "Forbidden.mq5")
    with pytest.raises(CriticalError, match=call):  # noqa: SIM117
        with MetaTrader(program, tmp_path, InpCase=call) as terminal:
            terminal.start()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("int x = new CFoo();", "new: objects live in variables"),
        ("if(x == NULL) return;", "NULL: there are no pointers"),
        ("int table[2][3];", "one dimension"),
        ("int a[], b[];", "one declaration each"),
        ("input int InpX;", "without a default"),
        ('#resource \\"x.wav\\"', "#resource"),
        ('#include "near.mqh"', "write <FKS/Name.mqh>"),
        ("goto done;", "goto: use a loop"),
    ],
)
def test_what_is_outside_the_subset_is_refused_by_name_and_line(
    tmp_path: Path, source: str, why: str
) -> None:
    path = tmp_path / "Bad.mq5"
    path.write_text(f"// first line\n{source}\n")
    with pytest.raises(NotInSubsetError, match=rf"Bad\.mq5:2: .*{why}"):
        rewrite(path)


def test_no_program_uses_what_only_the_rewriter_would_let_pass() -> None:
    sources = sorted((PROJECT / "mql5").rglob("*.mq[h5]"))
    assert len(sources) >= 18
    for path in sources:
        rewrite(path)
        text = path.read_text(encoding="ascii")
        assert "\t" not in text, f"{path} has tabs"
        assert max(map(len, text.splitlines())) <= 125, f"{path} has a line over 125 characters"
