"""History: which files were brought in, what became of their rows, and taking one out again."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bridge_ingest.protocol.messages import PERIODS_S
from dashboard.acting import acting_user
from dashboard.answers import dialog, done, go, page, paged, query_without_page, refused, wants
from dashboard.forms.imports import ZONES, TermsForm, UploadForm, received, token_of
from dashboard.permissions import Act, act_view, requires
from dashboard.reading.imports import ImportView
from dashboard.reading.imports import imports as all_imports
from market import tasks
from market.imports import actions, reading
from market.imports.actions import ImportRefused
from market.imports.files import FileRefused, Taken
from market.imports.reading import Known
from market.models import Import

STOP_POLLING = 286
"""htmx's own status: the answer is shown, and nothing is asked for again."""


@require_safe
@login_required
def imports(request: HttpRequest) -> HttpResponse:
    rows = paged(request, all_imports())
    views = [ImportView(job) for job in rows]
    context = {
        "page": rows,
        "views": views,
        "moving": any(view.moves for view in views),
        "query": query_without_page(request),
    }
    template = "list" if wants(request, "import-list") else "imports"
    return page(request, f"dashboard/imports/{template}.html", context)


@require_safe
@login_required
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One import's page; its moving part alone when htmx asks for it."""
    view = ImportView(get_object_or_404(all_imports(), pk=pk))
    if not wants(request, "import-facts"):
        return page(request, "dashboard/imports/import.html", {"view": view})
    status = 200 if view.moves else STOP_POLLING
    return page(request, "dashboard/imports/facts.html", {"view": view}, status)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.IMPORT_HISTORY)
def upload(request: HttpRequest) -> HttpResponse:
    """First the file: what it says of itself decides what has to be asked."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            taken = actions.receive(file.file)
            known = _known(taken)
        except FileRefused as error:
            form.add_error("file", str(error))
        else:
            token = token_of(taken, file.name)
            terms = TermsForm(known=known, initial={"token": token})
            return _terms(request, terms, known, file.name)
    context = {"form": form, "title": "Import history", "word": "Go on", "back": _list()}
    status = 422 if form.is_bound else 200
    return dialog(request, "dashboard/imports/upload.html", context, status)


@require_POST
@requires(Act.IMPORT_HISTORY)
def begin(request: HttpRequest) -> HttpResponse:
    """Then how it is to be read. The work itself is a worker's."""
    found = received(request.POST.get("token", ""))
    if found is None:
        return refused(request, "The file is not here any more; choose it again.", _list())
    taken, name = found
    known = reading.know(taken.head)
    form = TermsForm(request.POST, known=known)
    if form.is_valid():
        try:
            job = _begun(request, form.cleaned_data, taken, known, name)
        except FileRefused as error:
            form.add_error("zone" if "zone" in error.code else None, str(error))
        except ImportRefused as error:
            form.add_error(None, str(error))
        else:
            tasks.start(job.pk)
            url = reverse("dashboard:import", args=[job.pk])
            return go(request, f"{name} is being imported.", url)
    return _terms(request, form, known, name)


@act_view(Act.IMPORT_HISTORY)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Import, pk=pk)
    url = reverse("dashboard:import", args=[pk])
    try:
        actions.cancel(row, actor=acting_user(request), source="page")
    except ImportRefused as error:
        return refused(request, str(error), url)
    tasks.start(pk)
    text = "The import is being cancelled; what it stored goes."
    return done(request, text, url, HttpResponse(status=204))


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Act.IMPORT_HISTORY)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first."""
    row = get_object_or_404(all_imports(), pk=pk)
    url = reverse("dashboard:import", args=[pk])
    if request.method == "POST":
        try:
            actions.undo(row, actor=acting_user(request), source="page")
        except ImportRefused as error:
            return refused(request, str(error), url)
        tasks.start(pk)
        return go(request, f"{row.file_name} is being undone.", url)
    context = {
        "title": f"Undo {row.file_name}?",
        "text": f"All {row.stored:,} rows that it stored are taken out again. What came live and "
        "what other files brought stays. The file can be imported anew.",
        "word": "Undo",
        "back": url,
    }
    return dialog(request, "dashboard/confirm.html", context)


def _known(taken: Taken) -> Known:
    try:
        return reading.know(taken.head)
    except FileRefused:
        taken.path.unlink()
        raise


def _begun(
    request: HttpRequest, said: dict[str, Any], taken: Taken, known: Known, name: str
) -> Import:
    terms = reading.agree(
        known,
        zone=said.get("zone", ""),
        stamp=said.get("stamp", ""),
        period_s=PERIODS_S.get(said.get("period", "")),
    )
    return actions.begin(
        taken,
        terms,
        client=said["client"],
        symbol=said["symbol"],
        file_name=name,
        actor=acting_user(request),
        source="page",
    )


def _terms(request: HttpRequest, form: TermsForm, known: Known, name: str) -> HttpResponse:
    context = {
        "form": form,
        "known": known,
        "zones": ZONES,
        "title": f"Import {name}",
        "word": "Import",
        "back": _list(),
    }
    status = 422 if form.is_bound else 200
    return dialog(request, "dashboard/imports/terms.html", context, status)


def _list() -> str:
    return reverse("dashboard:imports")


urlpatterns = [
    path("imports", imports, name="imports"),
    path("imports/upload", upload, name="import-upload"),
    path("imports/begin", begin, name="import-begin"),
    path("imports/<int:pk>", one, name="import"),
    path("imports/<int:pk>/cancel", cancel, name="import-cancel"),
    path("imports/<int:pk>/undo", undo, name="import-undo"),
]
