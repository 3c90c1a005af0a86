"""The command is a thin face on the page's own action."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
import redis
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest.models import Client
from signals.models import Signal
from tests.signals.builders import make_client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def oanda(redis_client: redis.Redis) -> Client:
    return make_client("OANDA")


def run(*arguments: str) -> str:
    printed = StringIO()
    call_command("push_signal", *arguments, stdout=printed)
    return printed.getvalue()


def test_a_signal_is_pushed_and_printed_as_json(oanda: Client) -> None:
    make_client("Charts", "tradingview")
    answer = json.loads(
        run(
            "--client", "OANDA", "Charts", "--symbol", "EURUSD", "--action", "BUY",
            "--entry", "1.08125", "--stop-loss", "1.0802", "--take-profit", "1.0823",
            "--expires", "60", "--note", "hello", "--json",
        )
    )  # fmt: skip
    signal = Signal.objects.get()
    assert answer["id"] == str(signal.pk)
    assert answer["deliveries"] == [{"client": "OANDA", "symbol": "EURUSD", "state": "queued"}]
    assert [each["client"] for each in answer["turned_away"]] == ["Charts"]
    assert timedelta(seconds=55) < signal.expires_at - timezone.now() <= timedelta(seconds=60)
    assert AuditEntry.objects.get().actor_name == "command line"


def test_for_people_it_prints_a_line_per_client(oanda: Client) -> None:
    make_client("Charts", "tradingview")
    printed = run("--client", "OANDA", "Charts", "--symbol", "EURUSD", "--action", "CLOSE")
    assert "OANDA: queued as EURUSD" in printed
    assert "Charts: not sent. TradingView opens no connection" in printed


def test_an_iso_expiry_and_all_clients(oanda: Client) -> None:
    moment = timezone.now().replace(microsecond=0) + timedelta(hours=1)
    run("--all", "--symbol", "EURUSD", "--action", "CLOSE", "--expires", moment.isoformat())
    assert Signal.objects.get().expires_at == moment


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--client", "NOBODY"], "No client is called NOBODY"),
        (["--client", "OANDA", "--expires", "tomorrow"], "takes seconds or an ISO time"),
        (["--client", "OANDA", "--expires", "2026-11-20T09:30:00"], "needs an offset"),
        (["--client", "OANDA", "--expires", "inf"], "out of range"),
        (["--client", "OANDA", "--expires", "-5"], "lies in the past"),
        (["--client", "OANDA", "--entry", "nan"], "carries no entry|number above zero"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(
    oanda: Client, arguments: list[str], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        run("--symbol", "EURUSD", "--action", "CLOSE", *arguments)
    assert not Signal.objects.exists()
