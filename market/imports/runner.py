"""The work of an import, block by block: each block is one transaction, so that any process can go
on where another stopped, at the byte and with the counts that the last one committed."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from bridge_ingest import symbols
from bridge_ingest.clock import from_us, now_us
from bridge_ingest.live import publish_event
from market.imports import clocks, files, formats, reading, store
from market.imports.actions import path_of
from market.imports.files import Position
from market.imports.reading import Terms
from market.imports.shape import HEAD_BYTES, Code, Refusal, Rows
from market.models import Import, ImportState

log = structlog.get_logger(__name__)

SAMPLES_KEPT = 100
SLICE_S = 1.0
"""A worker turns to other tasks after so much work on one import."""
_IDLE_FOR = timedelta(seconds=10)
_OPEN = (
    ImportState.WAITING,
    ImportState.RUNNING,
    ImportState.CANCELLING,
    ImportState.UNDOING,
)


def advance(pk: int, *, slice_s: float = SLICE_S) -> bool:
    """Work on an import for a while; returns whether more is to be done.

    False also while another process works on it. What can't be read ends the import as failed.
    """
    ends = time.monotonic() + slice_s
    while _step(pk):
        if time.monotonic() >= ends:
            return True
    return False


def forsaken() -> list[int]:
    """Imports that nobody works on though more is to be done: their worker died."""
    idle = Import.objects.filter(state__in=_OPEN, touched_at__lt=timezone.now() - _IDLE_FOR)
    return list(idle.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def fail(pk: int, reason: str) -> None:
    """End an import that can't go on; what it stored stays until it is undone."""
    job = Import.objects.select_for_update().get(pk=pk)
    job.failure = reason[:300]
    _end(job, ImportState.FAILED, "import.fail")


@transaction.atomic
def _step(pk: int) -> bool:
    job = Import.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
    if job is None or job.state not in _OPEN:
        return False
    if job.state == ImportState.CANCELLING:
        return _take_out(job, ImportState.CANCELLED)
    if job.state == ImportState.UNDOING:
        return _take_out(job, ImportState.UNDONE)
    return _read_on(job)


def _take_out(job: Import, state: ImportState) -> bool:
    removed = store.remove(job)
    log.info("import_taken_out", number=job.pk, rows=removed)
    _end(job, state, "import.taken_out")
    return False


def _read_on(job: Import) -> bool:
    """One block. The row is locked, so nobody else reads it too."""
    try:
        terms = terms_of(job)
        at = Position(job.offset, job.line)
        block, position, passed_over = files.next_block(path_of(job), terms.layout, at)
    except OSError as error:
        job.failure = f"unreadable: {error}"[:300]
        _end(job, ImportState.FAILED, "import.fail")
        return False
    moment_us = now_us()
    parsed = reading.read(block, terms, job.carry, moment_us)
    written = store.write(job, parsed.rows, moment_us)
    refusals = [*passed_over, *parsed.refusals, *_differing(written.differing)]
    job.stored += len(written.stored)
    job.duplicates += written.duplicates
    _note(job, parsed.rows, refusals)
    return _go_on(job, position)


def terms_of(job: Import) -> Terms:
    """As `begin` was given them. Raises OSError when the file is not there any more."""
    form = formats.FORMATS[job.format]
    with path_of(job).open("rb") as source:
        layout = form.recognise(source.read(HEAD_BYTES))
    if layout is None:
        raise OSError("the file was changed while it was imported")
    name = job.feed.source.symbol
    nonpositive = symbols.allows_nonpositive(name)
    zone = clocks.zone_of(job.zone)
    return Terms(form, layout, zone, job.stamp, job.period_s, nonpositive)


def _differing(rows: Rows) -> list[Refusal]:
    shown = (
        f"{from_us(row['time_us']):%Y-%m-%d %H:%M} {row['open']} {row['high']} {row['low']} "
        f"{row['close']}"
        for row in rows
    )
    return [
        Refusal(line, Code.DIFFERS, text)
        for line, text in zip(rows["line"].tolist(), shown, strict=True)
    ]


def _note(job: Import, rows: Rows, refusals: list[Refusal]) -> None:
    if len(rows):
        first, last = from_us(rows["time_us"].min()), from_us(rows["time_us"].max())
        job.first_time = min(job.first_time or first, first)
        job.last_time = max(job.last_time or last, last)
    job.refused += len(refusals)
    reasons = Counter(job.reasons)
    reasons.update(refusal.code.value for refusal in refusals)
    job.reasons = dict(reasons)
    job.samples = [*job.samples, *map(list, refusals)][:SAMPLES_KEPT]


def _go_on(job: Import, position: Position) -> bool:
    job.offset, job.line = position
    if job.offset >= job.size_bytes:
        _end(job, ImportState.DONE, "import.done")
        return False
    job.state, job.touched_at = ImportState.RUNNING, timezone.now()
    job.save()
    publish_event({"kind": "import", "id": job.pk})
    return True


def _end(job: Import, state: ImportState, action: str) -> None:
    now: datetime = timezone.now()
    job.state, job.touched_at, job.finished_at = state, now, now
    job.save()
    counts = {name: getattr(job, name) for name in ("stored", "refused", "duplicates", "reasons")}
    told = counts | ({"failure": job.failure} if job.failure else {})
    audit.record(actor=None, action=action, object=job, after=told, source="automatic")
    publish_event({"kind": "import", "id": job.pk})
    path = path_of(job)
    transaction.on_commit(lambda: path.unlink(missing_ok=True))
