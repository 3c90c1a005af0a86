"""DATABASE_URL and REDIS_URL as Django and Celery want them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.db import connections
from psycopg.conninfo import conninfo_to_dict

# Names that Django takes apart from the connection's other options.
DJANGO_NAMES = {
    "dbname": "NAME",
    "user": "USER",
    "password": "PASSWORD",
    "host": "HOST",
    "port": "PORT",
}


def django_database(url: str) -> dict[str, Any]:
    """Django's database settings for a libpq address, its options included."""
    parts = conninfo_to_dict(url)
    named = {
        django: str(parts.pop(libpq)) for libpq, django in DJANGO_NAMES.items() if libpq in parts
    }
    return {
        "ENGINE": "django.db.backends.postgresql",
        **named,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": parts,
    }


def let_go(**_: object) -> None:
    """Close what a request has opened to PostgreSQL, when it has ended.

    Under ASGI each request runs in a thread of its own and opens a connection of its own: kept for
    CONN_MAX_AGE, a few hundred requests within a minute would use up all that PostgreSQL allows.
    """
    for each in connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close()


def celery_broker(redis_url: str) -> str:
    """Kombu names a Redis socket `redis+socket://` and its database `virtual_host`."""
    split = urlsplit(redis_url)
    if split.scheme != "unix":
        return redis_url
    return f"redis+socket://{split.path}?{split.query.replace('db=', 'virtual_host=')}"
