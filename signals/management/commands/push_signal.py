"""`manage.py push_signal`: what the Signals page does, for those who automate."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bridge_ingest.models import Client
from signals.actions import Pushed, push
from signals.models import Action
from signals.ticket import TicketRefused


class Command(BaseCommand):
    help = "Push a signal to one or more clients."

    def add_arguments(self, parser: CommandParser) -> None:
        to = parser.add_mutually_exclusive_group(required=True)
        to.add_argument("--client", nargs="+", metavar="NAME", help="One or more clients.")
        to.add_argument("--all", action="store_true", help="Every client that can receive.")
        parser.add_argument("--symbol", required=True)
        parser.add_argument("--action", required=True, choices=Action.values)
        for price in ("entry", "stop-loss", "take-profit"):
            parser.add_argument(f"--{price}", type=float)
        parser.add_argument("--confidence", type=float, help="0 to 1")
        parser.add_argument("--note", default="")
        parser.add_argument(
            "--expires", default="300", help="Seconds from now, or an ISO time (default 300)."
        )
        parser.add_argument(
            "--execute", action="store_true", help="Execute at the terminal, not only draw."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        fields = ("symbol", "action", "entry", "stop_loss", "take_profit", "confidence", "note")
        try:
            pushed = push(
                **{name: options[name] for name in fields},
                clients="all" if options["all"] else _clients(options["client"]),
                expires_at=_moment(options["expires"]),
                execute=options["execute"],
                actor=None,
                source="command",
            )
        except TicketRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_as_json(pushed) if options["json"] else _as_text(pushed))


def _clients(names: list[str]) -> list[Client]:
    found = list(Client.objects.filter(name__in=names))
    missing = sorted(set(names) - {client.name for client in found})
    if missing:
        raise CommandError(f"No client is called {', '.join(missing)}.")
    return found


def _moment(text: str) -> datetime:
    try:
        seconds = float(text)
    except ValueError:
        return _iso(text)
    if not math.isfinite(seconds) or abs(seconds) > timedelta.max.total_seconds() / 2:
        raise CommandError("--expires is out of range.")
    return timezone.now() + timedelta(seconds=seconds)


def _iso(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError("--expires takes seconds or an ISO time, for example 300.") from error
    if moment.tzinfo is None:
        raise CommandError("--expires needs an offset, for example 2026-11-20T09:30:00Z.")
    return moment


def _as_json(pushed: Pushed) -> str:
    return json.dumps(
        {
            "id": str(pushed.signal.pk),
            "expires_at": pushed.signal.expires_at.isoformat(),
            "deliveries": [
                {"client": each.client.name, "symbol": each.symbol, "state": str(each.state)}
                for each in pushed.deliveries
            ],
            "turned_away": [
                {"client": each.client.name, "reason": each.reason} for each in pushed.turned
            ],
        }
    )


def _as_text(pushed: Pushed) -> str:
    lines = [f"{pushed.signal} {pushed.signal.pk}"]
    lines += [f"  {each.client.name}: {each.state} as {each.symbol}" for each in pushed.deliveries]
    lines += [f"  {each.client.name}: not sent. {each.reason}" for each in pushed.turned]
    return "\n".join(lines)
