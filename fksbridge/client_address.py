"""Who a request comes from, believing no more proxies than the operator has set up."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def of_request(request: HttpRequest) -> str:
    """The client's address: X-Forwarded-For counted from the right by FKS_TRUSTED_PROXIES.

    Whatever stands further left was written by the client and proves nothing.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    hops: int = settings.FKS.trusted_proxies
    header = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
    forwarded = [part.strip() for part in header.split(",")]
    if hops == 0 or len(forwarded) < hops or not forwarded[-hops]:
        return direct
    return forwarded[-hops]
