"""Who may read: a signed-in operator, a key of scope `read`, or a chart on this very machine.

The stock UDF client can send no header, so a key may also stand in the path:
/api/v1/k/<key>/config.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from bridge_ingest import keys
from bridge_ingest.gateway.peers import is_loopback
from bridge_ingest.keys import KeyRefused
from bridge_ingest.models import Scope
from tradingview.answers import error

View = Callable[[HttpRequest], HttpResponse]
_FORWARDING = (
    "HTTP_CF_CONNECTING_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_FORWARDED",
    "HTTP_X_REAL_IP",
)


def readable(view: View) -> Callable[..., HttpResponse]:
    """Let a GET through to `view`, or answer 401, 403 or 405 with a reason."""

    @wraps(view)
    def guarded(request: HttpRequest, key: str = "") -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return error("Only GET is answered here.", 405)
        try:
            check(request, key or _bearer(request))
        except KeyRefused as refused:
            return error(refused.reason, 403 if refused.code in ("scope", "ip") else 401)
        return view(request)

    return guarded


def check(request: HttpRequest, key: str) -> None:
    """Raises KeyRefused. A key that was given must fit, whoever else the caller may be."""
    if key:
        keys.authenticate(key, Scope.READ, _address(request))
    elif not (request.user.is_authenticated or _is_plain_loopback(request)):
        raise KeyRefused("auth", "Sign in, or give a key of scope read.")


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_plain_loopback(request: HttpRequest) -> bool:
    """A forwarded request never is: behind a proxy on this host every stranger looks like it."""
    forwarded = any(name.startswith(_FORWARDING) for name in request.META)
    address = str(request.META.get("REMOTE_ADDR", ""))
    return bool(settings.FKS.plain_loopback) and not forwarded and is_loopback(address)


def _address(request: HttpRequest) -> str:
    """Behind the operator's proxies, as the sign-in page sees it too."""
    of_request: Callable[[HttpRequest], str] = import_string(settings.AXES_CLIENT_IP_CALLABLE)
    return of_request(request)
