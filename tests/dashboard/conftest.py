"""People of three roles, signed-in browsers, and a real web process for tests that need one."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.dashboard import world


@pytest.fixture
def viewer(db: None) -> User:
    return world.person("vera", "viewer")


@pytest.fixture
def operator(db: None) -> User:
    return world.person("olga", "operator")


@pytest.fixture
def as_viewer(viewer: User) -> Client:
    browser = Client()
    browser.force_login(viewer)
    return browser


@pytest.fixture
def as_operator(operator: User) -> Client:
    browser = Client()
    browser.force_login(operator)
    return browser
