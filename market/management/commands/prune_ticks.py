"""`manage.py prune_ticks --keep-days N`: drop the partitions of old days."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from market import partitions


class Command(BaseCommand):
    help = "Drop whole days of ticks that are older than N days. Bars stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--keep-days", type=int, required=True, metavar="N")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["keep_days"] < 1:
            raise CommandError("--keep-days must be 1 or more.")
        dropped = partitions.drop_older_than(options["keep_days"])
        self.stdout.write(f"Days dropped: {len(dropped)}")
        self.stdout.writelines(f"{day}\n" for day in dropped)
