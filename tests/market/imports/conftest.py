"""A client whose history is imported, and files to import."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Protocol

import pytest
from django.db import connection

from bridge_ingest.models import Client
from market.imports import actions, reading, runner
from market.models import Import


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that are imported lie here, and none is left behind."""
    monkeypatch.setattr(actions, "folder", lambda: tmp_path / "imports")
    return tmp_path / "imports"


@pytest.fixture
def broker(db: None) -> Client:
    return Client.objects.create(name="ICM-LIVE", platform="mt5")


class Importer(Protocol):
    def __call__(self, data: bytes, *, zone: str = ..., symbol: str = ...) -> Import: ...


@pytest.fixture
def begin(broker: Client) -> Importer:
    """Begin an import of these bytes; its work is not done yet."""

    def begun(data: bytes, *, zone: str = "", symbol: str = "EURUSD") -> Import:
        taken = actions.receive(io.BytesIO(data))
        known = reading.know(taken.head)
        terms = reading.agree(known, zone=zone, period_s=known.period_s or 60)
        return actions.begin(
            taken,
            terms,
            client=broker,
            symbol=symbol,
            file_name="history.csv",
            actor=None,
            source="command",
        )

    return begun


@pytest.fixture
def imported(begin: Importer) -> Importer:
    """Import these bytes to the end."""

    def run(data: bytes, *, zone: str = "", symbol: str = "EURUSD") -> Import:
        return finish(begin(data, zone=zone, symbol=symbol))

    return run


def finish(job: Import) -> Import:
    while runner.advance(job.pk):
        pass
    job.refresh_from_db()
    return job


TABLES = ("market_importedtick", "market_importedbar", "market_tick", "market_bar",
          "market_terminalbar", "market_feedstate")  # fmt: skip


def everything() -> dict[str, list[tuple[object, ...]]]:
    """All rows that hold prices, live and imported."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table} ORDER BY {table}::text")  # noqa: S608
            found[table] = cursor.fetchall()
    return found
