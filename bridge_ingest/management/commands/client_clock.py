"""`manage.py client_clock NAME`: where a terminal's clock stands from UTC, and what is used."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridge_ingest import clocks
from bridge_ingest.actions import ActionRefused
from bridge_ingest.models import Client


class Command(BaseCommand):
    help = "Show a client's clock as stated, measured and in force; decide which offset is used."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--use", metavar="OFFSET", help="use this offset: UTC+3, UTC-5:30")
        choice.add_argument("--stated", action="store_true", help="use what the terminal states")
        choice.add_argument("--refuse", action="store_true", help="the measured one is a fault")
        parser.add_argument(
            "--auto", action="store_true", help="with --use: follow measured steps of one hour"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        client = Client.objects.filter(name=options["name"]).first()
        if client is None:
            raise CommandError(f"There is no client {options['name']}.")
        if options["auto"] and not options["use"]:
            raise CommandError("--auto goes with --use: say from which offset it follows.")
        try:
            _decide(client, options)
        except ActionRefused as refused:
            raise CommandError(str(refused)) from None
        told = _as_json(client)
        self.stdout.write(json.dumps(told) if options["json"] else _lines(told))


def _decide(client: Client, options: dict[str, Any]) -> None:
    if options["use"]:
        offset_s = clocks.read_offset(options["use"])
        clocks.use_offset(client, offset_s, follow=options["auto"], actor=None, source="command")
    elif options["stated"]:
        clocks.use_stated(client, actor=None, source="command")
    elif options["refuse"]:
        clocks.refuse_measured(client, actor=None, source="command")


def _as_json(client: Client) -> dict[str, Any]:
    found = clocks.standing(client)
    clock = found.clock
    return {
        "client": client.name,
        "mode": str(clock.mode),
        "in_force_s": clock.in_force_s,
        "stated_s": clock.stated_s,
        "measured_s": clock.measured_s,
        "measured_at": clock.measured_at.isoformat() if clock.measured_at else None,
        "proposed_s": found.proposed_s,
        "refused": found.is_refused,
    }


def _lines(told: dict[str, Any]) -> str:
    def shown(name: str) -> str:
        return "not known" if told[name] is None else clocks.written(told[name])

    measured = f"{shown('measured_s')}" + (
        f", last at {told['measured_at']}" if told["measured_at"] else ""
    )
    lines = [
        f"in force  {shown('in_force_s')} ({told['mode']})",
        f"stated    {shown('stated_s')}",
        f"measured  {measured}",
    ]
    if told["proposed_s"] is not None:
        proposed = clocks.written(told["proposed_s"])
        lines.append(f"proposed  {proposed}: --use {proposed}, or --refuse if the clock is wrong")
    return "\n".join(lines)
