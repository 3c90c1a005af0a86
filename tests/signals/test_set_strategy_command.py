"""The command is a thin face on the page's own action."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEntry
from signals.models import StrategySetting

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    printed = StringIO()
    call_command("set_strategy", *arguments, stdout=printed)
    return printed.getvalue()


def test_a_strategy_is_switched_on_with_parameters_and_the_rest_at_their_defaults() -> None:
    answer = json.loads(run("tight_spread", "--on", "run_ticks=2", "cooldown_s=1.5", "--json"))
    row = StrategySetting.objects.get()
    assert answer == {"strategy": "tight_spread", "enabled": True, "parameters": row.parameters}
    chosen = ("run_ticks", "cooldown_s", "stop_pips")
    assert [row.parameters[name] for name in chosen] == [2, 1.5, 10]
    assert AuditEntry.objects.get().actor_name == "command line"


def test_for_people_it_prints_a_line() -> None:
    assert run("tight_spread", "--off").startswith("tight_spread is off: max_spread_pips=1, ")


def test_switching_off_keeps_the_parameters() -> None:
    run("tight_spread", "--on", "max_spread_pips=0.3")
    run("tight_spread", "--off")
    row = StrategySetting.objects.get()
    assert (row.enabled, row.parameters["max_spread_pips"]) == (False, 0.3)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["tight_spread"], "one of the arguments --on --off is required"),
        (["guess", "--on"], "invalid choice: 'guess'"),
        (["tight_spread", "--on", "run_ticks=0"], "Moves in a row must be a number from 1"),
        (["tight_spread", "--on", "run_ticks=many"], "run_ticks=many is not NAME=NUMBER"),
        (["tight_spread", "--on", "speed=1"], "speed is not a parameter"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        run(*arguments)
    assert not StrategySetting.objects.exists()
