"""`manage.py issue_key`: a key for a client, printed once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bridge_ingest import actions
from bridge_ingest.models import Client, Platform


class Command(BaseCommand):
    help = "Issue an API key; makes the client if it is new. The key is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", required=True, help="name of the client")
        parser.add_argument("--platform", choices=Platform.values, help="needed for a new client")
        scopes = ",".join(actions.DEFAULT_SCOPES)
        parser.add_argument("--scopes", default=scopes, help=f"comma-separated (default {scopes})")
        parser.add_argument("--expires-days", type=float, help="default: never")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        days = options["expires_days"]
        expires_at = timezone.now() + timedelta(days=days) if days else None
        try:
            client = self._client(options["client"], options["platform"])
            issued = actions.issue_key(
                client, scopes=scopes, expires_at=expires_at, actor=None, source="command"
            )
        except actions.ActionRefused as refused:
            raise CommandError(str(refused)) from None
        told = {"client": client.name, "prefix": issued.row.prefix, "key": issued.text}
        text = f"{client.name}: {issued.text}\nKeep it now; it is not shown again."
        self.stdout.write(json.dumps(told) if options["json"] else text)

    def _client(self, name: str, platform: str | None) -> Client:
        client = Client.objects.filter(name=name).first()
        if client is not None:
            return client
        if platform is None:
            raise CommandError(f"{name} is a new client: say which --platform it is.")
        return actions.register_client(name=name, platform=platform, actor=None, source="command")
