"""Do the commands that look for lines no test runs find one when there is one?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.terminals import executed, executed_pine
from tests.terminals.ninja import SOURCES, NinjaTrader, compile_client
from tests.terminals.tradingview import Candle, Chart, closings, needs_a_runtime

PROFILER = Path("/usr/lib/libmono-profiler-coverage.so")
DEAD_CODE = """
namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    public static class Dead
    {
        public static int Never(int n)
        {
            return n + 1;
        }
    }
}
"""
DEAD_BRANCHES = """//@version=6
indicator("Dead")
f_never(float value) =>
    value > 1e9 ? value + 11 : value
if close < 0 and open < 22
    alert("33")
plot(f_never(close))
"""


@pytest.mark.requires("mcs", "mono")
@pytest.mark.skipif(not PROFILER.exists(), reason="libmono-profiler is not installed")
def test_a_line_of_ninjatraders_client_that_never_runs_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, reports = tmp_path / "sources", tmp_path / "reports"
    for folder in (sources, reports, tmp_path / "built", tmp_path / "user"):
        folder.mkdir()
    for source in SOURCES.glob("*.cs"):
        (sources / source.name).write_text(source.read_text("utf-8"))
    (sources / "Dead.cs").write_text(DEAD_CODE)
    monkeypatch.setenv("NINJATRADER_COVERAGE", str(reports))
    with NinjaTrader(compile_client(tmp_path / "built", sources), tmp_path / "user") as platform:
        assert platform.do("pause", 1, 1) == 400
    found = executed.executions(reports)
    assert {line: count for (file, line), count in found.items() if file == "Dead.cs"} == {
        7: 0, 8: 0, 9: 0
    }  # fmt: skip
    text = (sources / "FKSClient.cs").read_text().splitlines()
    ran = {text[line - 1].strip() for (file, line), n in found.items() if "Client" in file and n}
    assert "return TimeSpan.FromMilliseconds(longest * (0.5 + chance / 2));" in ran
    assert "thread.Start();" not in ran


@pytest.mark.requires("node")
@needs_a_runtime
def test_a_branch_of_a_script_that_never_runs_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dead.pine").write_text(DEAD_BRANCHES)
    monkeypatch.setattr("tests.terminals.tradingview.PINE", tmp_path)
    monkeypatch.setenv("PINE_COVERAGE", str(tmp_path))
    bars = [Candle(n * 60_000, (n + 1) * 60_000, 1.0, 2.0, 0.5, 1.5, 1.0) for n in range(3)]
    Chart().run("dead.pine", bars[:2], closings(bars[2:]))
    reports = [json.loads(path.read_text("utf-8")) for path in tmp_path.glob("*.json")]
    [((_, source), marks)] = executed_pine.added_up(reports).items()
    found = "\n".join(executed_pine.missed(source, marks))
    assert [mark in found for mark in ("11", "22", "33")] == [True, True, True]
