"""What an operator does with imports: one transaction, one audit entry each."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import actions as audit
from bridge_ingest import symbols
from bridge_ingest.clock import now_us
from bridge_ingest.live import publish_event
from bridge_ingest.models import Client, Source
from market import adopt
from market.imports import files, reading
from market.imports.files import FileRefused, Taken
from market.imports.reading import Terms
from market.imports.shape import HEAD_BYTES, Code
from market.models import Import, ImportState

LIVING = (ImportState.WAITING, ImportState.RUNNING, ImportState.DONE, ImportState.FAILED)
"""States in which rows of an import are stored, or will be."""
UNDER_WAY = (ImportState.WAITING, ImportState.RUNNING)
MAX_SYMBOL_LENGTH = 64
_PRICES_SEEN = 200
_RECEIVED = "received-"
_FORGOTTEN_S = 86_400
_HEAD_ROWS_BYTES = 256 * 1024


class ImportRefused(Exception):
    """The change can't be made; the text says why and what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def folder() -> Path:
    """Where files lie while they are imported; web and workers must share it."""
    here: Path = settings.FKS.data_dir / "imports"
    return here


def path_of(job: Import) -> Path:
    return folder() / f"{job.pk}"


def receive(source: BinaryIO) -> Taken:
    """Copy a file into our folder, where it waits to be begun. Raises FileRefused."""
    place = folder() / f"{_RECEIVED}{secrets.token_hex(16)}"
    return files.take(source, place, settings.FKS.import_limit_mb << 20)


def received(name: str, sha256: str) -> Taken:
    """A file that was received before, by its name in our folder. Raises OSError when it is gone.

    The name must come from us: it is not looked at.
    """
    place = folder() / name
    with place.open("rb") as source:
        head = source.read(HEAD_BYTES)
    return Taken(place, sha256, place.stat().st_size, head)


def drop_forgotten() -> None:
    """Received files that nobody came back to."""
    limit = time.time() - _FORGOTTEN_S
    for path in folder().glob(f"{_RECEIVED}*"):
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)


def begin(
    taken: Taken,
    terms: Terms,
    *,
    client: Client,
    symbol: str,
    file_name: str,
    actor: User | None,
    source: str,
) -> Import:
    """A new import of a file that lies in our folder; its work has still to be done.

    Raises FileRefused (`no_rows`) and ImportRefused (`imported_before`, `symbol`). Takes the file
    over; where it is refused the file goes.
    """
    try:
        with transaction.atomic():
            job = _made(taken, terms, client, symbol, file_name, actor)
            audit.record(
                actor=actor,
                action="import.begin",
                object=job,
                after=_told(job) | {"client": client.name, "symbol": symbol},
                source=source,
            )
            taken.path.replace(path_of(job))
            _changed(job)
    except (FileRefused, ImportRefused):
        taken.path.unlink()
        raise
    return job


def _made(
    taken: Taken, terms: Terms, client: Client, symbol: str, file_name: str, actor: User | None
) -> Import:
    name = symbol.strip()
    if not 0 < len(name) <= MAX_SYMBOL_LENGTH:
        raise ImportRefused("symbol", "Say the symbol as the terminal names it, such as EURUSD.")
    allowing = replace(terms, allows_nonpositive=symbols.allows_nonpositive(name))
    feed_id = _feed_of(client, name, _some_prices(taken, allowing))
    _refuse_repeated(taken, feed_id)
    start = files.beginning(terms.layout)
    now = timezone.now()
    return Import.objects.create(
        feed_id=feed_id,
        file_name=file_name[-255:],
        sha256=taken.sha256,
        size_bytes=taken.size_bytes,
        format=terms.format.code,
        zone=terms.zone.name,
        stamp=terms.stamp,
        period_s=terms.period_s,
        created_at=now,
        created_by=actor,
        touched_at=now,
        offset=start.offset,
        line=start.line,
    )


def _some_prices(taken: Taken, terms: Terms) -> list[float]:
    """Prices of the first good rows, which show the instrument's decimals."""
    start = files.beginning(terms.layout)
    block, _, _ = files.next_block(taken.path, terms.layout, start, _HEAD_ROWS_BYTES)
    rows = reading.read(block, terms, {}, now_us()).rows[:_PRICES_SEEN]
    if not len(rows):
        raise FileRefused("no_rows", "None of the first rows can be read; nothing was imported.")
    name = "close" if terms.period_s else "bid"
    prices: list[float] = rows[name].tolist()
    return prices


def _feed_of(client: Client, symbol: str, prices: list[float]) -> int:
    shard = symbols.shard_of(symbol, settings.FKS.shards)
    source, _ = Source.objects.get_or_create(
        client=client, symbol=symbol, defaults={"shard": shard}
    )
    return adopt.feeds_of({source.pk: prices})[source.pk].feed_id


def _refuse_repeated(taken: Taken, feed_id: int) -> None:
    same = Import.objects.filter(sha256=taken.sha256, feed_id=feed_id, state__in=LIVING)
    before = same.first()
    if before is not None:
        text = f"This file was imported for this feed before, as number {before.pk}; undo that one."
        raise ImportRefused("imported_before", text)


@transaction.atomic
def cancel(job: Import, *, actor: User | None, source: str) -> Import:
    """Stop an import that is under way; what it has stored goes. Raises ImportRefused."""
    row = Import.objects.select_for_update().get(pk=job.pk)
    if row.state not in UNDER_WAY:
        raise ImportRefused("not_running", "It is not under way any more.")
    return _moved(row, ImportState.CANCELLING, "import.cancel", actor, source)


@transaction.atomic
def undo(job: Import, *, actor: User | None, source: str) -> Import:
    """Take everything out again that an import stored. Raises ImportRefused.

    An import that later ones rest on (they left out what it had) is undone after them.
    """
    row = Import.objects.select_for_update().get(pk=job.pk)
    if row.state not in (ImportState.DONE, ImportState.FAILED):
        raise ImportRefused("not_done", f"It is {row.get_state_display().lower()}.")
    later = _resting_on(row)
    if later is not None:
        text = f"Number {later.pk} left out rows that this one had; undo number {later.pk} first."
        raise ImportRefused("rested_on", text)
    return _moved(row, ImportState.UNDOING, "import.undo", actor, source)


def _resting_on(row: Import) -> Import | None:
    """The last import that left out rows of the times of this one."""
    if row.first_time is None or row.last_time is None:
        return None
    left_out = Q(duplicates__gt=0) | Q(reasons__has_key=Code.DIFFERS.value)
    others = Import.objects.filter(feed_id=row.feed_id, pk__gt=row.pk, state__in=LIVING)
    overlapping = others.filter(first_time__lte=row.last_time, last_time__gte=row.first_time)
    return overlapping.filter(left_out, period_s=row.period_s).first()


def _moved(row: Import, state: str, action: str, actor: User | None, source: str) -> Import:
    row.state, row.touched_at = state, timezone.now()
    row.save(update_fields=["state", "touched_at"])
    audit.record(actor=actor, action=action, object=row, after=_told(row), source=source)
    _changed(row)
    return row


def _told(job: Import) -> dict[str, Any]:
    names = ("format", "zone", "stamp", "period_s", "stored", "refused", "duplicates", "sha256")
    return {name: getattr(job, name) for name in names}


def _changed(job: Import) -> None:
    publish_event({"kind": "import", "id": job.pk})
