"""Where MetaTrader 4's language and terminal differ from MetaTrader 5's, in the strict terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminals.conftest import Compile
from tests.terminals.mql.build import HERE, SOURCE4, CompileError
from tests.terminals.mql.metatrader import CriticalError, MetaTrader
from tests.terminals.mql.rewrite import rewrite

DIFFERENCES = HERE / "features" / "Differences.mq4"
needs_compiler = pytest.mark.requires("g++")

LACKING = """
#property strict
int OnInit()
{
   Print(TimeTradeServer(), GetTickCount64(), PositionsTotal(), OrderGetTicket(0), SocketCreate());
   Print(HistorySelect(0, 1), MqlTradeRequest(), CopyTicks(_Symbol, 1), ArrayRemove(1, 2, 3));
   MqlTick tick;
   return (int)tick.time_msc;
}
"""


def started(compile_mql: Compile, folder: Path, **inputs: object) -> MetaTrader:
    terminal = MetaTrader(compile_mql(DIFFERENCES), folder, **inputs)
    terminal.tick("EURUSD", terminal.now_ms, 1.1, 1.1002)
    return terminal


@needs_compiler
def test_what_differs_from_metatrader_5_is_as_metatrader_4_has_it(
    compile_mql: Compile, tmp_path: Path
) -> None:
    with started(compile_mql, tmp_path) as terminal:
        assert terminal.start() == 0
        assert terminal.journal == ["done"]


@needs_compiler
@pytest.mark.parametrize(
    ("case", "report"),
    [
        ("unselected", "no order is selected"),
        ("unnormalized", "a price that is not normalized"),
        ("volume", "a volume of 0.123"),
        ("pending", "only market orders are in the subset"),
        ("lots", "closing 0.2 of 0.1 lots"),
        ("comment", "comment of over 31 characters"),
    ],
)
def test_what_metatrader_4_would_refuse_stops_the_run(
    compile_mql: Compile, tmp_path: Path, case: str, report: str
) -> None:
    with (
        pytest.raises(CriticalError, match=report),
        started(compile_mql, tmp_path, InpCase=case) as terminal,
    ):
        terminal.start()


@needs_compiler
def test_what_metatrader_4_lacks_does_not_compile(compile_mql: Compile, tmp_path: Path) -> None:
    program = tmp_path / "Experts" / "Lacking.mq4"
    program.parent.mkdir()
    program.write_text(LACKING)
    with pytest.raises(CompileError) as fault:
        compile_mql(program)
    told = str(fault.value)
    for name in ("TimeTradeServer", "GetTickCount64", "PositionsTotal", "OrderGetTicket"):
        assert f'poisoned "{name}"' in told
    for name in ("SocketCreate", "HistorySelect", "MqlTradeRequest", "CopyTicks", "ArrayRemove"):
        assert f'poisoned "{name}"' in told
    assert "time_msc" in told


def test_no_program_uses_what_only_the_rewriter_would_let_pass() -> None:
    sources = sorted(SOURCE4.rglob("*.mq[h4]"))
    assert len(sources) == 5
    for path in sources:
        rewrite(path)
        text = path.read_text(encoding="ascii")
        assert "\t" not in text, f"{path} has tabs"
        assert max(map(len, text.splitlines())) <= 125, f"{path} has a line over 125 characters"
