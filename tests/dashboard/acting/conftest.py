"""The third person, an admin (the other two are next door), and requests as htmx makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client

from tests.dashboard import world

Answer = Any  # Django's test response, which the stubs leave untyped


@pytest.fixture
def admin(db: None) -> User:
    return world.person("ada", "admin")


@pytest.fixture
def as_admin(admin: User) -> Client:
    browser = Client()
    browser.force_login(admin)
    return browser


@pytest.fixture(autouse=True)
def clean_redis(redis_client: redis.Redis) -> redis.Redis:
    """Outboxes and the cache start empty."""
    return redis_client


def htmx(target: str = "") -> dict[str, str]:
    """The headers of a request that htmx makes for the element `target`."""
    return {"HX-Request": "true"} | ({"HX-Target": target} if target else {})


@pytest.fixture
def commits(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """What waits for the commit is run, as it is outside of tests."""

    def capture() -> Any:
        return django_capture_on_commit_callbacks(execute=True)

    return capture
