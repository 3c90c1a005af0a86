"""`manage.py prune_deviations --keep-days N`: forget old grid points and passing excursions."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from verification.housekeeping import forget_older_than


class Command(BaseCommand):
    help = "Remove deviations by the second, and excursions without an alert, older than N days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--keep-days", type=int, required=True)

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["keep_days"] < 1:
            raise CommandError("--keep-days must be 1 or more.")
        points, excursions = forget_older_than(options["keep_days"])
        self.stdout.write(f"Removed {points:,} seconds and {excursions:,} excursions.")
