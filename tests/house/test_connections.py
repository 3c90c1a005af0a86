"""What requests leave behind at PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connection

from fksbridge.asgi import django_application
from tests.e2e.bridge import wait_for

REQUESTS = 25


async def _config() -> int:
    """One request of the datafeed, as a server makes it; the status."""
    scope: Any = {
        "type": "http", "method": "GET", "path": "/api/v1/config", "query_string": b"",
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 5), "server": ("::", 80),
    }  # fmt: skip
    events = [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return events.pop() if events else await asyncio.Event().wait()

    async def send(event: Any) -> None:
        sent.append(event)

    await django_application(scope, receive, send)
    return int(sent[0]["status"])


def _open() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    return int(count)


@pytest.mark.django_db(transaction=True)
def test_a_request_takes_its_connection_to_postgres_with_it() -> None:
    async def ask() -> list[int]:
        return [await _config() for _ in range(REQUESTS)]

    before = _open()
    assert asyncio.run(ask()) == [200] * REQUESTS
    wait_for(lambda: _open() <= before + 2, 10, "PostgreSQL to see them closed")
