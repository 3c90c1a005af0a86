"""`manage.py client_stats NAME`: produced, stored and what lies between."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridge_ingest.models import Client
from bridge_ingest.stats import client_stats


class Command(BaseCommand):
    help = "Show what a client produced, what is stored, and what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        client = Client.objects.filter(name=options["name"]).first()
        if client is None:
            raise CommandError(f"There is no client {options['name']}.")
        stats = client_stats(client).as_dict()
        if options["json"]:
            self.stdout.write(json.dumps({"client": client.name, **stats}))
            return
        for name, value in stats.items():
            self.stdout.write(f"{name.replace('_', ' '):>14} {value:>12,}")
