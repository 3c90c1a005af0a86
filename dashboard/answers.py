"""How views answer: the same address serves a whole page, or, to htmx, the part that was asked for.

An act that went well comes back as the part it changed, with a short word in the corner; one that
did not comes back with its reason, shown where it was clicked. Without scripts both become a
redirect with a message.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from dashboard.permissions import may

ROWS_A_PAGE = 50


def is_partial(request: HttpRequest) -> bool:
    """True when htmx asks for a part and not for the page in full."""
    return bool(request.headers.get("HX-Request")) and not (
        request.headers.get("HX-Boosted") or request.headers.get("HX-History-Restore-Request")
    )


def wants(request: HttpRequest, part: str) -> bool:
    """True when htmx will put the answer into the element with id `part`."""
    return is_partial(request) and request.headers.get("HX-Target") == part


def sent(request: HttpRequest) -> QueryDict | None:
    """What a form was filled in with; None before anything was sent, also when all is empty."""
    return request.POST if request.method == "POST" else None


def page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render with `may`, so that a template offers only what this person may do."""
    response = render(request, template, {"may": may(request.user), **context}, status=status)
    # One address, two answers: a browser going back must not show a part as a page.
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def done(
    request: HttpRequest, text: str, url: str, response: HttpResponse, *, event: str = ""
) -> HttpResponse:
    """`response` to htmx, with `text` in the corner; to others a redirect to `url` with it.

    `event` is raised on the page's body, for parts beside the answer that must be fetched again.
    """
    if not is_partial(request):
        messages.success(request, text)
        return HttpResponseRedirect(url)
    raised: dict[str, Any] = {"toast": {"text": text, "state": "verified"}}
    response["HX-Trigger"] = json.dumps(raised | ({event: {}} if event else {}))
    return response


def refused(request: HttpRequest, reason: str, url: str, status: int = 409) -> HttpResponse:
    """Nothing was changed; why not is shown where it was clicked, or after a redirect to `url`."""
    if is_partial(request):
        return HttpResponse(reason, status=status, content_type="text/plain; charset=utf-8")
    messages.error(request, reason)
    return HttpResponseRedirect(url)


def go(request: HttpRequest, text: str, url: str) -> HttpResponse:
    """Leave for `url`, with `text` on arrival; htmx follows as a browser would."""
    messages.success(request, text)
    if not is_partial(request):
        return HttpResponseRedirect(url)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = url
    return response


def dialog(
    request: HttpRequest, body: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """`body` in a dialog over the page, or, without scripts, on a page of its own.

    `context` has `title`, and `back`, the address that a page of its own leads back to.
    """
    in_dialog = is_partial(request)
    template = "dashboard/dialog.html" if in_dialog else "dashboard/dialog_page.html"
    return page(request, template, {"body": body, "in_dialog": in_dialog, **context}, status)


def changed(
    request: HttpRequest,
    text: str,
    url: str,
    template: str,
    context: dict[str, Any],
    *,
    event: str = "",
) -> HttpResponse:
    """After an act in a dialog: the dialog goes, and the parts that it changed are put in place.

    `template` holds parts marked `hx-swap-oob`; it gets `oob` as True.
    """
    if not is_partial(request):
        return done(request, text, url, HttpResponse())
    answer = page(request, template, {"oob": True, **context})
    return done(request, text, url, answer, event=event)


def paged(request: HttpRequest, rows: QuerySet[Any], size: int = ROWS_A_PAGE) -> Page[Any]:
    """The page that the address asks for; a page that is not there becomes the nearest one."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def query_without_page(request: HttpRequest) -> str:
    """The address's other parameters, ending in `&` when there are any."""
    query = request.GET.copy()
    query.pop("page", None)
    return f"{query.urlencode()}&" if query else ""
