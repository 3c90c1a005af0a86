"""`manage.py revoke_key`: a key opens nothing from now on."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridge_ingest import actions
from bridge_ingest.models import ApiKey


class Command(BaseCommand):
    help = "Revoke an API key by its prefix (fks_...); its sessions end within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="the shown part of the key, fks_ and ten characters")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        public_id = options["prefix"].removeprefix("fks_").partition("_")[0]
        key = ApiKey.objects.select_related("client").filter(public_id=public_id).first()
        if key is None:
            raise CommandError(f"No key begins with {options['prefix']}.")
        try:
            row = actions.revoke_key(key, actor=None, source="command")
        except actions.ActionRefused as refused:
            raise CommandError(str(refused)) from None
        revoked_at = row.revoked_at.isoformat() if row.revoked_at else None
        told = {"client": key.client.name, "prefix": row.prefix, "revoked_at": revoked_at}
        text = f"{row.prefix} of {key.client.name} is revoked."
        self.stdout.write(json.dumps(told) if options["json"] else text)
