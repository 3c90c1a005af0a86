"""History on the pages: upload, terms, progress, cancel, refusals, undo."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditEntry
from market import tasks
from market.imports import actions, files, runner
from market.models import Import, ImportedBar, ImportState
from tests.dashboard import world
from tests.market.imports.samples import SAMPLES

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files lie here, and the worker's part is done when the test says so."""
    monkeypatch.setattr(actions, "folder", lambda: tmp_path / "imports")
    return tmp_path / "imports"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers that were handed to Celery."""
    numbers: list[int] = []
    monkeypatch.setattr(tasks.run_import, "delay", numbers.append)
    return numbers


def upload(browser: Client, data: bytes, name: str = "EURUSD1.csv") -> Any:
    file = SimpleUploadedFile(name, data)
    return browser.post("/imports/upload", {"file": file}, headers=HTMX)


def token_in(answer: Any) -> str:
    html: str = answer.content.decode()
    return html.partition('name="token" value="')[2].partition('"')[0]


def begun(browser: Client, data: bytes, **said: str) -> Import:
    """Both steps, for the client ICM-LIVE."""
    owner = world.client("ICM-LIVE")
    token = token_in(upload(browser, data))
    usual = {"client": str(owner.pk), "symbol": "EURUSD", "zone": "NY+7", "stamp": "open"}
    answer = browser.post("/imports/begin", {**usual, "period": "M1", "token": token} | said)
    assert answer.status_code == 302, answer.content.decode()
    return Import.objects.get()


def finish(job: Import) -> Import:
    while runner.advance(job.pk):
        pass
    job.refresh_from_db()
    return job


def test_everybody_may_look_and_operators_are_offered_the_act(
    as_viewer: Client, as_operator: Client
) -> None:
    for browser, offered in ((as_viewer, False), (as_operator, True)):
        html = browser.get("/imports").content.decode()
        assert "No history yet" in html
        assert ("Import a file" in html) is offered


@pytest.mark.parametrize(
    "path", ["/imports/upload", "/imports/begin", "/imports/1/cancel", "/imports/1/undo"]
)
def test_a_viewer_can_change_nothing(path: str, as_viewer: Client) -> None:
    assert as_viewer.post(path, headers=HTMX).status_code == 403


def test_what_a_file_does_not_say_is_asked_for_and_what_it_says_is_filled_in(
    as_operator: Client,
) -> None:
    html = upload(as_operator, SAMPLES["mt4_csv"]).content.decode()
    assert "MetaTrader 4 history (csv)" in html
    assert "say which" in html
    assert '<option value="M1" selected>' in html
    assert '<option value="open" selected>' in html


def test_a_format_that_states_its_zone_is_not_asked_for_one(as_operator: Client) -> None:
    html = upload(as_operator, SAMPLES["tradingview_csv"]).content.decode()
    assert "state their own time zone" in html
    assert 'name="zone"' not in html


def test_ticks_have_no_period_and_a_history_file_names_its_symbol(as_operator: Client) -> None:
    assert 'name="period"' not in upload(as_operator, SAMPLES["mt5_ticks"]).content.decode()
    assert 'value="EURUSD"' in upload(as_operator, SAMPLES["mt4_hst"]).content.decode()


@pytest.mark.parametrize(
    ("data", "reason"), [(b"hello\n", "The file is none of these"), (b"", "empty")]
)
def test_a_file_that_is_none_is_refused_where_it_was_chosen(
    data: bytes, reason: str, as_operator: Client, own_folder: Path
) -> None:
    answer = upload(as_operator, data)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not own_folder.exists() or list(own_folder.iterdir()) == []


def test_an_upload_becomes_an_import_that_a_worker_does(
    as_operator: Client, queued: list[int]
) -> None:
    job = begun(as_operator, gzip.compress(SAMPLES["mt4_csv"]))
    assert queued == [job.pk]
    assert (job.file_name, job.zone, job.stamp, job.period_s) == ("EURUSD1.csv", "NY+7", "open", 60)
    assert job.created_by is not None
    entry = AuditEntry.objects.get(action="import.begin")
    assert (entry.source, entry.actor_name) == ("page", "olga")
    assert finish(job).stored == 3


def test_a_zone_that_is_none_comes_back_with_the_reason_and_the_file_is_kept(
    as_operator: Client, queued: list[int]
) -> None:
    owner = world.client("ICM-LIVE")
    token = token_in(upload(as_operator, SAMPLES["mt4_csv"]))
    said = {"client": owner.pk, "symbol": "EURUSD", "stamp": "open", "period": "M1", "token": token}
    answer = as_operator.post("/imports/begin", said | {"zone": "Atlantis"}, headers=HTMX)
    assert answer.status_code == 422
    assert "is no time zone" in answer.content.decode()
    again = as_operator.post("/imports/begin", said | {"zone": "NY+7", "token": token_in(answer)})
    assert again.status_code == 302
    assert queued == [Import.objects.get().pk]


@pytest.mark.parametrize("token", ["", "forged", "WyJ4Il0:abc:def"])
def test_a_file_that_is_not_there_any_more_has_to_be_chosen_again(
    token: str, as_operator: Client
) -> None:
    answer = as_operator.post("/imports/begin", {"token": token}, headers=HTMX)
    assert answer.status_code == 409
    assert "choose it again" in answer.content.decode()


def test_the_page_shows_how_far_an_import_is_and_stops_asking_when_it_is_done(
    as_viewer: Client, as_operator: Client, queued: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.next_block, "__defaults__", (60,))
    job = begun(as_operator, SAMPLES["mt4_csv"])
    runner.advance(job.pk, slice_s=0)
    part = {**HTMX, "HX-Target": "import-facts"}
    html = as_viewer.get(f"/imports/{job.pk}").content.decode()
    assert 'value="33"' in html
    assert 'hx-trigger="fresh:import from:body, every 1s"' in html
    assert as_viewer.get(f"/imports/{job.pk}", headers=part).status_code == 200
    finish(job)
    assert as_viewer.get(f"/imports/{job.pk}", headers=part).status_code == 286
    assert "<progress" not in as_viewer.get("/imports").content.decode()


def test_refused_rows_are_shown_with_line_reason_and_text(
    as_viewer: Client, as_operator: Client, queued: list[int]
) -> None:
    bad = b"2022.08.15,10:08,1.0,1.0,1.0,<script>,1\r\n"
    job = finish(begun(as_operator, SAMPLES["mt4_csv"] + bad))
    html = as_viewer.get(f"/imports/{job.pk}").content.decode()
    assert "A column that must be a number is none." in html
    assert "&lt;script&gt;" in html
    assert "<script>,1" not in html


def test_an_operator_cancels_an_import(
    as_operator: Client, queued: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.next_block, "__defaults__", (60,))
    job = begun(as_operator, SAMPLES["mt4_csv"])
    runner.advance(job.pk, slice_s=0)
    assert as_operator.post(f"/imports/{job.pk}/cancel", headers=HTMX).status_code == 204
    assert finish(job).state == ImportState.CANCELLED
    assert not ImportedBar.objects.exists()
    refused = as_operator.post(f"/imports/{job.pk}/cancel", headers=HTMX)
    assert (refused.status_code, refused.content) == (409, b"It is not under way any more.")


def test_undo_asks_first_and_then_takes_everything_out(
    as_operator: Client, queued: list[int]
) -> None:
    job = finish(begun(as_operator, SAMPLES["mt4_csv"]))
    question = as_operator.get(f"/imports/{job.pk}/undo", headers=HTMX).content.decode()
    assert "All 3 rows" in question
    as_operator.post(f"/imports/{job.pk}/undo")
    assert finish(job).state == ImportState.UNDONE
    assert not ImportedBar.objects.exists()
    assert queued == [job.pk, job.pk]


def test_the_same_file_again_is_refused_with_the_number_of_the_first(
    as_operator: Client, queued: list[int]
) -> None:
    job = finish(begun(as_operator, SAMPLES["mt4_csv"]))
    token = token_in(upload(as_operator, SAMPLES["mt4_csv"]))
    said = {"client": job.feed.source.client_id, "symbol": "EURUSD", "zone": "UTC", "stamp": "open"}
    answer = as_operator.post(
        "/imports/begin", said | {"period": "M1", "token": token}, headers=HTMX
    )
    assert answer.status_code == 422
    assert f"number {job.pk}" in answer.content.decode()
