"""`manage.py rebuild_bars --check`: do the stored bars follow from the stored ticks?"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from market import rebuild


class Command(BaseCommand):
    help = (
        "Build all bars afresh from the stored ticks and compare them with those that were built "
        "as the ticks came. Exit code 1 when they differ. Nothing is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", required=True, help="Compare only.")
        parser.add_argument("--json", action="store_true", help="Print the figures as JSON.")

    def handle(self, *_args: Any, **options: Any) -> None:
        found = rebuild.compare()
        if options["json"]:
            self.stdout.write(json.dumps(dataclasses.asdict(found) | {"equal": found.is_equal}))
        else:
            self.stdout.write(f"{found.bars:,} bars against {found.ticks:,} ticks")
            self.stdout.writelines(f"{line}\n" for line in found.differences)
        if not found.is_equal:
            raise CommandError(
                f"{found.missing} bars are missing, {found.invented} have no ticks, "
                f"{found.unequal} differ."
            )
