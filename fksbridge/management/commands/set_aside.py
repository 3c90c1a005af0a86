"""`manage.py set_aside`: pieces of the journal that could not be stored, and why."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from audit import actions as audit
from bridge_ingest.journal import aside
from bridge_ingest.models import JournalCursor
from bridge_ingest.store import sync_redis
from fksbridge.pipeline import all_shards


class Command(BaseCommand):
    help = "Show what of the journal could not be stored; --forget drops it once you have seen it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forget", nargs=2, metavar=("SHARD", "NAME"), help="drop one piece")
        parser.add_argument("--json", action="store_true", help="print JSON, with the bytes")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["forget"]:
            _forget(*options["forget"])
        found = [(shard, each) for shard in all_shards() for each in _pieces(shard)]
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(*each) for each in found]))
            return
        for shard, piece in found:
            at = datetime.fromtimestamp(piece.at_ms / 1000, UTC)
            told = f"{shard}  {piece.name!r}  {at:%Y-%m-%d %H:%M:%S} UTC  {piece.size:,} bytes"
            self.stdout.write(f"{told}\n    {piece.reason}")
        if not found:
            self.stdout.write("Nothing is set aside.")


def _pieces(shard: str) -> list[aside.Piece]:
    return aside.pieces(sync_redis(), shard)


def _as_json(shard: str, piece: aside.Piece) -> dict[str, Any]:
    data = aside.payload(sync_redis(), shard, piece.name)
    told = {"shard": shard, "name": piece.name, "at_ms": piece.at_ms, "reason": piece.reason}
    return {**told, "bytes": base64.b64encode(data).decode()}


@transaction.atomic
def _forget(shard: str, name: str) -> None:
    found = [piece for piece in _pieces(shard) if piece.name == name]
    if not found:
        raise CommandError(f"Nothing called {name!r} is set aside of the shard {shard!r}.")
    cursor, _ = JournalCursor.objects.get_or_create(shard=shard)
    before = {"reason": found[0].reason, "size": found[0].size}
    audit.record(
        actor=None,
        action="journal.forget",
        object=cursor,
        object_name=f"{shard} {name}",
        before=before,
        source="command",
    )
    aside.forget(sync_redis(), shard, name)
