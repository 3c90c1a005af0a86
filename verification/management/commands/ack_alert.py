"""`manage.py ack_alert ID [--note TEXT] [--json]`: somebody has taken it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from verification import actions
from verification.models import Alert
from verification.reading import as_json, silenced


class Command(BaseCommand):
    help = "Acknowledge an alert."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int)
        parser.add_argument("--note", default="", help="kept in the alert's timeline")
        parser.add_argument("--json", action="store_true", help="print the alert as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        alert = Alert.objects.filter(pk=options["id"]).first()
        if alert is None:
            raise CommandError(f"There is no alert {options['id']}.")
        try:
            row = actions.acknowledge(alert, actor=None, source="command", note=options["note"])
        except actions.Refused as refused:
            raise CommandError(str(refused)) from None
        if options["json"]:
            quiet = bool(silenced([row.fingerprint]))
            self.stdout.write(json.dumps(as_json(row, silenced=quiet), cls=DjangoJSONEncoder))
        else:
            self.stdout.write(f"Acknowledged: {row.title}")
