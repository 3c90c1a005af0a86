"""`manage.py import_history FILE... --client NAME`: history from files; `--undo ID`: out again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridge_ingest.models import Client
from bridge_ingest.protocol.messages import PERIODS_S
from market.imports import actions, reading, runner
from market.imports.actions import ImportRefused
from market.imports.files import FileRefused
from market.imports.shape import REASONS, Code
from market.models import Import, ImportState

_EXAMPLES = (
    "Formats are recognised by what a file holds: exports of MetaTrader 4 and 5 (csv, .hst), "
    "copy_rates, NinjaTrader, our NinjaTrader indicator and TradingView; .gz too. "
    "The work is done here and now; it needs no worker."
)


class Command(BaseCommand):
    help = f"Import history from files, or undo an import. {_EXAMPLES}"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
        parser.add_argument("--client", help="Whose history it is.")
        parser.add_argument("--symbol", help="As the terminal names it; a .hst file says it.")
        parser.add_argument("--zone", default="", help="Zone of its times: NY+7, Europe/Athens, +2")
        parser.add_argument("--stamp", default="", choices=["", "open", "close"])
        parser.add_argument("--period", choices=list(PERIODS_S), help="Where it can't be told.")
        parser.add_argument("--undo", type=int, metavar="ID", help="Take out what it stored.")
        parser.add_argument("--json", action="store_true", help="One JSON object for each file.")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["undo"] is not None:
            self._report(_undone(options["undo"]), options["json"])
            return
        if not options["files"] or not options["client"]:
            raise CommandError("Say which FILE and whose: --client NAME.")
        client = Client.objects.filter(name=options["client"]).first()
        if client is None:
            raise CommandError(f"There is no client {options['client']}.")
        failed = [path for path in options["files"] if not self._import(path, client, options)]
        if failed:
            raise CommandError(f"Not imported: {', '.join(map(str, failed))}.")

    def _import(self, path: Path, client: Client, options: dict[str, Any]) -> bool:
        try:
            job = _begun(path, client, options)
        except (FileRefused, ImportRefused) as error:
            self._say_refused(path, error.code, str(error), options["json"])
            return False
        while runner.advance(job.pk):
            pass
        job.refresh_from_db()
        self._report(job, options["json"])
        return job.state == ImportState.DONE

    def _say_refused(self, path: Path, code: str, text: str, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"file": str(path), "code": code, "reason": text}))
        else:
            self.stderr.write(f"{path}: {code}: {text}")

    def _report(self, job: Import, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(_as_json(job)))
            return
        self.stdout.write(
            f"{job.file_name}: {job.get_state_display()}, number {job.pk}: {job.stored:,} rows "
            f"stored, {job.duplicates:,} were there, {job.refused:,} refused"
        )
        for code, count in sorted(job.reasons.items()):
            self.stdout.write(f"  {count:,} {code}: {REASONS[Code(code)]}")
        for line, code, text in job.samples[:10]:
            self.stdout.write(f"  line {line}: {code}: {text}")
        if job.failure:
            self.stdout.write(f"  {job.failure}")


def _begun(path: Path, client: Client, options: dict[str, Any]) -> Import:
    with _opened(path) as source:
        taken = actions.receive(source)
    try:
        known = reading.know(taken.head)
        period_s = PERIODS_S.get(options["period"] or "")
        terms = reading.agree(
            known, zone=options["zone"], stamp=options["stamp"], period_s=period_s
        )
    except FileRefused:
        taken.path.unlink()
        raise
    return actions.begin(
        taken,
        terms,
        client=client,
        symbol=options["symbol"] or known.layout.symbol,
        file_name=path.name,
        actor=None,
        source="command",
    )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        source = path.open("rb")
    except OSError as error:
        raise FileRefused("unreadable", f"{error.strerror}.") from error
    with source:
        yield source


def _undone(number: int) -> Import:
    try:
        job = actions.undo(Import.objects.get(pk=number), actor=None, source="command")
    except Import.DoesNotExist:
        raise CommandError(f"There is no import {number}.") from None
    except ImportRefused as error:
        raise CommandError(str(error)) from None
    while runner.advance(job.pk):
        pass
    job.refresh_from_db()
    return job


def _as_json(job: Import) -> dict[str, Any]:
    names = (
        *("file_name", "format", "zone", "stamp", "period_s", "state", "stored"),
        *("refused", "duplicates", "reasons", "samples", "failure", "sha256"),
    )
    told = {name: getattr(job, name) for name in names}
    times = {name: getattr(job, name) for name in ("first_time", "last_time")}
    moments = {name: moment and moment.isoformat() for name, moment in times.items()}
    return {
        "id": job.pk,
        "client": job.feed.source.client.name,
        "symbol": job.feed.source.symbol,
        **told,
        **moments,
    }
