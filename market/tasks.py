"""Celery's side of imports: tasks carry an import's number, never its rows."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.db import Error as DatabaseError
from kombu.exceptions import OperationalError

from market.imports import actions, runner

log = structlog.get_logger(__name__)


@shared_task
def run_import(pk: int) -> None:
    """Work on an import for a second, then queue up again behind other tasks."""
    try:
        more = runner.advance(pk)
    except DatabaseError as error:
        # Nothing of the block was stored; `drive_imports` takes the import up again.
        log.error("import_interrupted", number=pk, error=str(error))
        return
    except Exception as error:
        runner.fail(pk, f"internal: {type(error).__name__}: {error}")
        raise
    if more:
        run_import.delay(pk)


def start(pk: int) -> None:
    """Have a worker begin at once. Should Redis be away, `drive_imports` starts it later."""
    try:
        run_import.delay(pk)
    except OperationalError as error:
        log.warning("import_not_queued", number=pk, error=str(error))


@shared_task
def drive_imports() -> None:
    """Take up imports whose worker died, and clear away files that nobody came back to."""
    actions.drop_forgotten()
    for pk in runner.forsaken():
        run_import.delay(pk)
