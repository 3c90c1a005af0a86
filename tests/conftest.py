"""Real services for every test run, and fixtures that many rooms share."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from fksbridge.embedded.session import services
from market import partitions
from tests.e2e import managing
from tests.e2e.bridge import LiveBridge
from tests.scheduling import (
    pytest_xdist_make_scheduler,  # noqa: F401 - a hook, found by its name
)
from tests.strict import (  # noqa: F401 - hooks, found by their names
    pytest_make_collect_report,
    pytest_runtest_makereport,
)

_services = contextlib.ExitStack()


def pytest_sessionstart(session: pytest.Session) -> None:
    """PostgreSQL and Redis, once per run, at the addresses that tests/settings.py has chosen."""
    # A shell that starts us in the background has us, and all that we start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    option = session.config.option
    hands_out = option.dist != "no" and not hasattr(session.config, "workerinput")
    if not (option.collectonly or hands_out):
        _services.enter_context(services(Path(os.environ["FKS_TEST_FOLDER"]), scratch=True))


def pytest_sessionfinish() -> None:
    managing.close()
    _services.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.requires("chromium")`: skip, saying what is missing."""
    for mark in item.iter_markers("requires"):
        for program in mark.args:
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")


@pytest.fixture
def redis_client() -> Iterator[redis.Redis]:
    """The run's Redis, empty, and emptied again afterwards."""
    client = redis.Redis.from_url(settings.FKS.redis_url, protocol=2)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture(autouse=True)
def ticks_gone(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The tick table is no model's, so the end of a test that commits would not empty it."""
    yield
    mark = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or (
        mark and mark.kwargs.get("transaction")
    )
    if commits:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE market_tick")
            for day in partitions.existing():
                cursor.execute(f"DROP TABLE {partitions.name_of(day)}")


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def bridge() -> Iterator[LiveBridge]:
    """One whole bridge for all tests that need one; each brings clients and symbols of its own."""
    with tempfile.TemporaryDirectory(prefix="fks-e2e-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # embedded services pass through it as a user of their own
        live = LiveBridge(folder)
        try:
            live.start()
            yield live
        finally:
            if live.process is not None and live.process.poll() is None:
                live.stop()
