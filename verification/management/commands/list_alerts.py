"""`manage.py list_alerts [--open] [--json]`: what disagrees, the newest first."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from verification.models import Alert
from verification.reading import as_json, silenced


class Command(BaseCommand):
    help = "List alerts, the newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--open", action="store_true", help="only those that are not resolved")
        parser.add_argument("--client", help="only of this client")
        parser.add_argument("--limit", type=int, default=100, help="at most so many (100)")
        parser.add_argument("--json", action="store_true", help="print one JSON array")

    def handle(self, *_args: Any, **options: Any) -> None:
        rows = Alert.objects.select_related("client", "instrument", "acknowledged_by", "assignee")
        if options["open"]:
            rows = rows.filter(resolved_at=None)
        if options["client"]:
            rows = rows.filter(client__name=options["client"])
        alerts = list(rows[: options["limit"]])
        quiet = silenced(alert.fingerprint for alert in alerts)
        if options["json"]:
            listed = [as_json(alert, silenced=alert.fingerprint in quiet) for alert in alerts]
            self.stdout.write(json.dumps(listed, cls=DjangoJSONEncoder))
            return
        for alert in alerts:
            self.stdout.write(_line(alert, silenced=alert.fingerprint in quiet))
        if not alerts:
            self.stdout.write("No open alert." if options["open"] else "No alert.")


def _line(alert: Alert, *, silenced: bool) -> str:
    state = "resolved" if alert.resolved_at else "acknowledged" if alert.acknowledged_at else "open"
    marks = " (silenced)" if silenced else ""
    opened = f"{alert.opened_at:%Y-%m-%d %H:%M:%S}"
    return f"{alert.pk:>6}  {opened}  {alert.severity:<4}  {state:<12}  {alert.title}{marks}"
