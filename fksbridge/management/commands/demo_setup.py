"""`manage.py demo_setup`: the demonstration's clients, keys, and rules quick enough to watch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from bridge_ingest import actions
from bridge_ingest.models import Client, Scope
from fksbridge.supervisor.plan import demo_file
from verification.actions import set_rule
from verification.models import Rule, RuleSetting

TERMINALS = (
    ("ICM-LIVE", "mt5", "MetaTrader 5 broker (simulated)"),
    ("FTMO-DEMO", "mt5", "MetaTrader 5 broker (simulated)"),
    ("OANDA-MT4", "mt4", "MetaTrader 4 through the agent (simulated)"),
    ("CQG", "ninjatrader", "NinjaTrader 8 (simulated)"),
    ("TV-ALERTS", "tradingview", "TradingView alerts (simulated)"),
)
# The defaults suit real markets, where minutes of silence are normal; a visitor has less time.
QUICK_RULES = {
    Rule.MUTE: {"silence_s": 15.0, "others_within_s": 10.0, "close_after_s": 5.0},
    Rule.CROSSED: {
        "window_s": 20.0,
        "min_ticks": 20,
        "clear_after_s": 10.0,
        "close_after_s": 10.0,
    },
    Rule.CLOCK: {"clear_after_s": 10.0, "close_after_s": 10.0},
    Rule.GAP: {"close_after_s": 60.0},
}


class Command(BaseCommand):
    help = "Makes the demonstration's clients with fresh keys, and the file its terminals read."

    def handle(self, **_: Any) -> None:
        for rule, parameters in QUICK_RULES.items():
            if not RuleSetting.objects.filter(rule=rule, instrument=None).exists():
                set_rule(rule, None, parameters, actor=None, source="automatic")
        path = demo_file(settings.FKS)
        write_privately(path, json.dumps(configuration(), indent=1))
        self.stdout.write(f"The demonstration's terminals are described in {path.name}.")


def configuration() -> dict[str, Any]:
    """What `python -m agent simulate --demo` reads."""
    config = settings.FKS
    return {
        "host": "127.0.0.1",
        "tcp_port": config.tcp_port,
        "http_port": config.gateway_http_port,
        "state_dir": str(config.data_dir / "terminals"),
        "terminals": [_terminal(*terminal) for terminal in TERMINALS],
    }


def _terminal(name: str, platform: str, note: str) -> dict[str, str]:
    client = Client.objects.filter(name=name).first() or actions.register_client(
        name=name, platform=platform, note=note, actor=None, source="automatic"
    )
    # The last run's key, whose text nobody has kept. An operator's own keys stay.
    for key in client.keys.filter(revoked_at=None, created_by=None):
        actions.revoke_key(key, actor=None, source="automatic")
    is_webhook = platform == "tradingview"
    scopes = [Scope.WEBHOOK] if is_webhook else [Scope.INGEST, Scope.SIGNALS]
    issued = actions.issue_key(client, scopes=scopes, actor=None, source="automatic")
    secret = "token" if is_webhook else "key"
    return {"client": name, "kind": platform, secret: issued.text}


def write_privately(path: Path, text: str) -> None:
    """Keys are in it: readable by its owner only, from the first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
