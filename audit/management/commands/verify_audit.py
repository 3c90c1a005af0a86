"""`manage.py verify_audit`: is the audit log as it was written?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.verify import ChainReport, verify_chain


class Command(BaseCommand):
    help = "Walk the audit log's chain of digests and name the first entry that does not fit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument(
            "--head", help="A digest noted earlier; it must still be part of the chain."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        report = verify_chain(options["head"])
        self.stdout.write(_as_json(report) if options["json"] else _as_text(report))
        if not report.intact:
            sys.exit(1)


def _as_json(report: ChainReport) -> str:
    return json.dumps({"intact": report.intact, **asdict(report)})


def _as_text(report: ChainReport) -> str:
    if report.broken:
        return (
            f"Broken at entry {report.broken.entry_id}, which {report.broken.reason}. "
            f"The {report.entries} before it hold."
        )
    return f"{report.entries} entries, unbroken. Head {report.head}."
