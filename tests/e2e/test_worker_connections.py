"""What workers' tasks, some ten of which come every second, cost PostgreSQL."""

from __future__ import annotations

import time

import psycopg

from fksbridge.embedded import places
from tests.e2e.bridge import LiveBridge

WATCHED_S = 4
PROCESSES = 8
"""All that work for a bridge and speak to PostgreSQL: each may reach CONN_MAX_AGE just then."""


def test_tasks_go_on_with_the_connection_of_the_one_before(bridge: LiveBridge) -> None:
    with psycopg.connect(places.database_url(bridge.folder), autocommit=True) as store:

        def opened() -> int:
            row = store.execute(
                "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
            ).fetchone()
            assert row is not None
            return int(row[0])

        before = opened()
        time.sleep(WATCHED_S)
        assert opened() - before <= PROCESSES
