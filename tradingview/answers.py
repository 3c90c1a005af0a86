"""JSON as the charts expect it: a body with `s` whatever the HTTP status, never cached."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpResponse


def answer(content: Any, status: int = 200) -> HttpResponse:
    body = msgspec.json.encode(content)
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def error(message: str, status: int) -> HttpResponse:
    return answer({"s": "error", "errmsg": message}, status)
