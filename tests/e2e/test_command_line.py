"""Management commands on the real command line; the tests' quicker way does the same."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e import managing
from tests.e2e.bridge import PROJECT, LiveBridge


def typed(bridge: LiveBridge, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What an operator's shell runs."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=bridge.environ, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_a_client_made_on_the_command_line_is_the_bridges_client(bridge: LiveBridge) -> None:
    issued = typed(bridge, "issue_key", "--client", "TYPED", "--platform", "mt5", "--json")
    key = json.loads(issued.stdout)["key"]
    assert bridge.stats("TYPED")["produced"] == 0
    signal = ["--symbol", "EURUSD", "--action", "BUY", "--entry", "1.1", "--stop-loss", "1.09"]
    pushed = typed(bridge, "push_signal", "--client", "TYPED", *signal, "--json")
    assert (issued.returncode, pushed.returncode) == (0, 0), pushed.stderr
    assert json.loads(pushed.stdout)["id"]
    assert typed(bridge, "revoke_key", key[:14], "--json").returncode == 0
    assert bridge.manage("list_alerts", "--client", "TYPED") == []


@pytest.mark.parametrize(
    "words",
    [
        "bars NONE --period M1 --json",
        "client_stats NOBODY --json",
        "create_operator",
        "import_history nowhere.csv",
        "list_alerts --client NOBODY",
        "match_symbol --client NOBODY",
        "no_such_command",
        "quotes NONE",
        "rebuild_bars --check --json",
    ],
)
def test_a_command_ends_and_says_the_same_in_either_way(bridge: LiveBridge, words: str) -> None:
    arguments = words.split()
    by_shell = typed(bridge, *arguments)
    quicker = managing.manage(bridge.environ, *arguments)
    said = [by_shell.returncode, by_shell.stdout, by_shell.stderr]
    assert [quicker.returncode, quicker.stdout, quicker.stderr] == said


def test_a_command_sees_the_environment_of_its_own_call(bridge: LiveBridge) -> None:
    for columns in ("40", "120"):
        environ = {**bridge.environ, "COLUMNS": columns}
        command = [sys.executable, "manage.py", "issue_key", "--help"]
        typed_there = subprocess.run(
            command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True
        )
        assert managing.manage(environ, "issue_key", "--help").stdout == typed_there.stdout
