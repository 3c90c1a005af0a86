"""Zero bytes, which no text in PostgreSQL can hold, are refused before a view asks it."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from tradingview.answers import error

_SAID = "A zero byte stands in the address."


def refuse_zero_bytes(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 400 to an address with one; forms look at their fields themselves."""

    def answer(request: HttpRequest) -> HttpResponse:
        # A quoted cookie may hold one; none of ours does.
        request.COOKIES = {k: v for k, v in request.COOKIES.items() if "\0" not in v}
        if "\0" not in request.path_info and "%00" not in request.META.get("QUERY_STRING", ""):
            return get_response(request)
        if request.path_info.startswith("/api/v1/"):
            return error(_SAID, 400)
        raise BadRequest(_SAID)

    return answer
