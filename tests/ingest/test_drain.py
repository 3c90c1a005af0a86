"""From the journal into rows: once each, whoever dies, and past what nobody can store."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.test import Client as Browser

from audit.models import AuditEntry
from bridge_ingest import heartbeat, names
from bridge_ingest.clock import now_us
from bridge_ingest.journal import aside
from bridge_ingest.journal.layout import Records, pack_events
from bridge_ingest.models import Gap, JournalCursor, Refusal, Session, Stream, StreamCursor
from bridge_ingest.stats import client_stats
from fksbridge.drain import Drain
from fksbridge.embedded import places
from fksbridge.health import process_names
from fksbridge.pipeline import TickPipeline
from market import adopt
from market.models import Bar, FeedState
from tests.market.conftest import Terminal

pytestmark = pytest.mark.django_db(transaction=True)
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def fresh(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


@pytest.fixture
def oanda(fresh: None) -> Terminal:
    return Terminal("OANDA")


def journal(client: redis.Redis, *entries: Records | bytes, field: bytes = b"t") -> list[str]:
    """Entries of shard 0, as commits of the gateway leave them; returns their ids."""
    data = [each if isinstance(each, bytes) else each.tobytes() for each in entries]
    return [client.xadd(names.journal("0"), {field: each}).decode() for each in data]  # type: ignore[union-attr]


def journal_events(client: redis.Redis, *commits: list[dict[str, Any]] | bytes) -> list[str]:
    data = [each if isinstance(each, bytes) else pack_events(each) for each in commits]
    key = names.journal(names.EVENTS_SHARD)
    return [client.xadd(key, {b"e": each}).decode() for each in data]  # type: ignore[union-attr]


def empty(drain: Drain) -> None:
    while drain.run():
        pass


def stored() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM market_tick ORDER BY stream_id, seq")
        return [row[0] for row in cursor.fetchall()]


def ticks_in_bars() -> int:
    """Every tick is in one bar of a minute."""
    return sum(Bar.objects.filter(period_s=60).values_list("ticks", flat=True))


def backlog(client: redis.Redis, shard: str = "0") -> int:
    return int(client.xlen(names.journal(shard)))


def health(browser: Browser) -> dict[str, str]:
    """What is not well, while every process shows life."""
    for name in process_names():
        heartbeat.beat(name)
    parts: dict[str, str] = browser.get("/healthz").json()["parts"]
    return {name: why for name, why in parts.items() if why != "ok"}


# Workers that die, or are overtaken.


def _waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        row = cursor.fetchone()
    return bool(row and row[0])


def _wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def _worker_process() -> subprocess.Popen[bytes]:
    database = str(connection.settings_dict["NAME"])
    url = places.database_url(Path(os.environ["FKS_TEST_FOLDER"]), database)
    code = (
        "import django; django.setup();"
        "from bridge_ingest.store import sync_redis;"
        "from fksbridge.drain import Drain; Drain('0', sync_redis()).run()"
    )
    told = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, env=os.environ | told)


def _hold_up(worker: subprocess.Popen[bytes]) -> None:
    """Wait until it has copied its ticks, and kill it there."""
    try:
        _wait_for(_waits_for_a_lock)
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_killed_between_copy_and_commit_leaves_all_of_it_to_the_next(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    journal(redis_client, *(oanda.ticks("EURUSD", [1.1, 1.2, 1.3]) for _ in range(3)))
    with transaction.atomic(), connection.cursor() as cursor:
        # Ticks are copied before cursors move: here the worker is held up, and dies.
        cursor.execute("LOCK TABLE bridge_ingest_streamcursor IN EXCLUSIVE MODE")
        _hold_up(_worker_process())
    assert (stored(), backlog(redis_client)) == ([], 3)
    Drain("0", redis_client).run()
    assert stored() == list(range(1, 10))
    assert (ticks_in_bars(), FeedState.objects.get().ticks) == (9, 9)
    assert backlog(redis_client) == 0


def test_what_was_stored_by_a_worker_that_died_before_it_trimmed_is_not_stored_again(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    *_, last = journal(redis_client, oanda.ticks("EURUSD", [1.1]), oanda.ticks("EURUSD", [1.2]))
    JournalCursor.objects.create(shard="0", entry_id=last)
    journal(redis_client, oanda.ticks("EURUSD", [1.3]))
    Drain("0", redis_client).run()
    assert (stored(), backlog(redis_client)) == ([3], 0)


def test_a_worker_whose_cursor_another_one_moved_forgets_and_goes_on_from_there(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    one, other = Drain("0", redis_client), Drain("0", redis_client)
    journal(redis_client, oanda.ticks("EURUSD", [1.1]))
    assert one.run() is False
    journal(redis_client, oanda.ticks("EURUSD", [1.2]))
    assert other.run() is False
    journal(redis_client, oanda.ticks("EURUSD", [1.3]))
    assert one.run() is True  # it has noticed, and stored nothing
    assert stored() == [1, 2]
    assert one.run() is False
    assert stored() == [1, 2, 3]
    assert (ticks_in_bars(), StreamCursor.objects.get().stored) == (3, 3)


def test_two_workers_at_once_store_each_tick_once(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    journal(redis_client, *(oanda.ticks("EURUSD", [1.1] * 50) for _ in range(40)))

    def work() -> None:
        client = redis.Redis.from_url(settings.FKS.redis_url, protocol=2)
        try:
            empty(Drain("0", client))
        finally:
            client.close()
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored() == list(range(1, 2001))
    assert (ticks_in_bars(), StreamCursor.objects.get().stored) == (2000, 2000)


# Redis that goes away.


def test_a_worker_that_loses_redis_after_its_commit_stores_nothing_twice(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    journal(redis_client, oanda.ticks("EURUSD", [1.1, 1.2]))
    own = redis.Redis.from_url(settings.FKS.redis_url, protocol=2, single_connection_client=True)
    number: Any = own.client_id()
    failures: list[Exception] = []

    def work() -> None:
        try:
            Drain("0", own).run()
        except redis.RedisError as error:
            failures.append(error)
        finally:
            connections.close_all()

    worker = threading.Thread(target=work)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE bridge_ingest_streamcursor IN EXCLUSIVE MODE")
        worker.start()
        _wait_for(_waits_for_a_lock)
        assert redis_client.client_kill_filter(_id=number) == 1
    worker.join()
    own.close()
    assert len(failures) == 1
    assert (stored(), backlog(redis_client)) == ([1, 2], 1)
    journal(redis_client, oanda.ticks("EURUSD", [1.3]))
    Drain("0", redis_client).run()
    assert (stored(), backlog(redis_client)) == ([1, 2, 3], 0)


def test_without_redis_a_worker_says_so_and_moves_nothing(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    journal(redis_client, oanda.ticks("EURUSD", [1.1]))
    nowhere = redis.Redis.from_url("unix:///nowhere/redis.sock", protocol=2)
    drain = Drain("0", nowhere)
    with pytest.raises(redis.ConnectionError):
        drain.run()
    assert (stored(), JournalCursor.objects.count()) == ([], 0)
    assert Drain("0", redis_client).run() is False
    assert stored() == [1]


# What nobody can store.


def _gap(stream: int, first: int) -> dict[str, Any]:
    of = {"client": None, "stream": stream, "received_us": now_us()}
    return {"kind": "gap", **of, "from": first, "to": first + 4, "reason": "gone"}


def _garbage(of: Records, **changes: int) -> bytes:
    broken = of.copy()
    for name, value in changes.items():
        broken[name] = value
    return broken.tobytes()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda ticks: ticks.tobytes()[:-1], "ValueError: An entry of 71 bytes"),
        (lambda ticks: ticks.tobytes() + b"x" * 28, "ValueError: An entry of 100 bytes"),
        (lambda ticks: _garbage(ticks, event_us=2**62), "ValueError: year "),
        (lambda ticks: _garbage(ticks, received_us=-(2**62)), "DataError: "),
    ],
)
def test_a_damaged_entry_is_set_aside_and_everything_around_it_is_stored(
    redis_client: redis.Redis,
    oanda: Terminal,
    client: Browser,
    damage: Callable[[Records], bytes],
    reason: str,
) -> None:
    good = [oanda.ticks("EURUSD", [1.1, 1.2]) for _ in range(9)]
    damaged = damage(oanda.ticks("EURUSD", [1.1]))
    ids = journal(redis_client, *good[:4], damaged, *good[4:])
    empty(Drain("0", redis_client))
    assert stored() == list(range(1, 19))
    assert (ticks_in_bars(), backlog(redis_client)) == (18, 0)
    [piece] = aside.pieces(redis_client, "0")
    assert (piece.name, piece.size) == (f"{ids[4]} 1", len(damaged))
    assert piece.reason.startswith(reason)
    assert aside.payload(redis_client, "0", piece.name) == damaged
    ailing = health(client)
    assert list(ailing) == ["worker.shard.0"]
    assert reason in ailing["worker.shard.0"]


def test_two_damaged_entries_that_would_fit_together_shift_nothing(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    halves = oanda.ticks("EURUSD", [1.1]).tobytes()
    good = oanda.ticks("EURUSD", [1.2, 1.3])
    journal(redis_client, halves[:30], good, halves[30:])
    Drain("0", redis_client).run()
    assert stored() == [2, 3]
    assert len(aside.pieces(redis_client, "0")) == 2


def test_an_entry_without_the_shards_field_is_set_aside(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    journal(redis_client, b"what is this", field=b"x")
    journal(redis_client, oanda.ticks("EURUSD", [1.1]))
    Drain("0", redis_client).run()
    assert (stored(), len(aside.pieces(redis_client, "0"))) == ([1], 1)


@pytest.mark.parametrize("source", [-7, 0, 999_999, 2**31 - 1])
def test_ticks_of_an_unknown_source_are_set_aside_and_the_others_of_their_commit_stored(
    redis_client: redis.Redis, oanda: Terminal, client: Browser, source: int
) -> None:
    known, strange = oanda.ticks("EURUSD", [1.1, 1.2]), oanda.ticks("EURUSD", [9.0])
    strange["source"] = source
    journal(redis_client, known.tobytes() + strange.tobytes())
    Drain("0", redis_client).run()
    assert stored() == [1, 2]
    [piece] = aside.pieces(redis_client, "0")
    assert aside.payload(redis_client, "0", piece.name) == strange.tobytes()
    told = health(client)["worker.shard.0"]
    assert f"unknown_source: 1 ticks of sources without a client: {source}" in told


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"kind": "from the future"}, "LookupError: Nobody handles events of the kind"),
        ({"no": "kind"}, "KeyError: 'kind'"),
        ({"kind": "gap", "stream": 1}, "KeyError: "),
        (_gap(2**31 - 1, 1), "IntegrityError: "),
        (_gap(2**40, 1), "DataError: "),
    ],
)
def test_a_bad_event_is_set_aside_alone_and_the_others_of_its_commit_are_stored(
    redis_client: redis.Redis, oanda: Terminal, client: Browser, bad: dict[str, Any], reason: str
) -> None:
    first = [_gap(oanda.stream, 1), bad, _gap(oanda.stream, 11)]
    journal_events(redis_client, [_gap(oanda.stream, 21)], first, [_gap(oanda.stream, 31)])
    empty(Drain(names.EVENTS_SHARD, redis_client))
    assert (Gap.objects.count(), Stream.objects.get().lost) == (4, 20)
    assert backlog(redis_client, names.EVENTS_SHARD) == 0
    [piece] = aside.pieces(redis_client, names.EVENTS_SHARD)
    assert piece.reason.startswith(reason)
    kept = aside.payload(redis_client, names.EVENTS_SHARD, piece.name)
    assert msgspec.msgpack.decode(kept) == [bad]
    assert list(health(client)) == ["worker.default"]


@pytest.mark.parametrize(
    "damaged", [b"", b"\xc1", b"\x81", msgspec.msgpack.encode({"kind": "gap"})]
)
def test_events_that_cannot_be_read_are_set_aside_whole(
    redis_client: redis.Redis, oanda: Terminal, damaged: bytes
) -> None:
    journal_events(redis_client, damaged, [_gap(oanda.stream, 1)])
    empty(Drain(names.EVENTS_SHARD, redis_client))
    assert Gap.objects.count() == 1
    [piece] = aside.pieces(redis_client, names.EVENTS_SHARD)
    assert aside.payload(redis_client, names.EVENTS_SHARD, piece.name) == damaged


def test_where_everything_fails_the_shard_stops_and_keeps_the_rest(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    good = oanda.ticks("EURUSD", [1.1])
    journal(redis_client, *([b"?"] * (aside.MOST + 5)), good)
    with pytest.raises(ValueError, match="no whole number of records"):
        empty(Drain("0", redis_client))
    assert len(aside.pieces(redis_client, "0")) == aside.MOST
    assert (backlog(redis_client), stored()) == (6, [])


def test_the_operator_sees_what_was_set_aside_and_drops_it(
    redis_client: redis.Redis, oanda: Terminal, client: Browser
) -> None:
    [entry] = journal(redis_client, b"???")
    Drain("0", redis_client).run()
    shown = StringIO()
    call_command("set_aside", "--json", stdout=shown)
    [told] = json.loads(shown.getvalue())
    assert (told["shard"], told["name"]) == ("0", f"{entry} 1")
    assert base64.b64decode(told["bytes"]) == b"???"
    with pytest.raises(CommandError, match="Nothing called 'x'"):
        call_command("set_aside", "--forget", "0", "x")
    shown = StringIO()
    call_command("set_aside", "--forget", "0", told["name"], stdout=shown)
    assert shown.getvalue() == "Nothing is set aside.\n"
    row = AuditEntry.objects.get()
    assert (row.action, row.object_name) == ("journal.forget", f"0 {told['name']}")
    assert health(client) == {}


# Events and ticks of one batch.


def test_a_commit_of_ticks_and_events_is_counted_to_the_last_item(
    redis_client: redis.Redis, oanda: Terminal
) -> None:
    ticks = oanda.ticks("EURUSD", [1.1, 1.2, 1.3])
    of = {"client": oanda.client.pk, "stream": oanda.stream, "session": str(uuid4())}
    of["received_us"] = now_us()
    who = {"transport": "tcp", "peer": "127.0.0.1"}
    session = {
        **who, "key": None, "gateway": "g", "platform": "mt5", "version": "", "account": "",
        "mode": "live", "utc_offset_s": 0,
    }  # fmt: skip
    refused = {"code": "price", "field": "bid", "reason": "bid is -1", "body": "{}", **who}
    value = {"source": oanda.source("EURUSD"), "name": "rsi", "value": 55.0, "period": ""}
    value |= {"event_us": now_us(), "flags": 0}
    figures = {"items": 7, "duplicates": 2, "refused": 1, "ack_p50_ms": None, "ack_p99_ms": None}
    journal(redis_client, ticks)
    journal_events(
        redis_client,
        [
            {"kind": "session_opened", **of, **session},
            {"kind": "refusal", **of, "seq": 4, **refused},
            {"kind": "indicator", **of, "seq": 5, **value},
            {"kind": "gap", **of, "from": 6, "to": 7, "reason": "gone"},
            {"kind": "session_closed", **of, **figures, "code": "closed", "reason": "bye"},
        ],
    )
    for shard in ("0", names.EVENTS_SHARD):
        assert Drain(shard, redis_client).run() is False
    stats = client_stats(oanda.client)
    assert (stats.produced, stats.stored, stats.refused, stats.lost) == (7, 4, 1, 2)
    assert (stats.duplicates, stats.sessions, stats.open_sessions) == (2, 1, 0)
    assert (Refusal.objects.get().seq, Session.objects.get().items) == (4, 7)


def test_small_commits_are_stored_together(redis_client: redis.Redis, oanda: Terminal) -> None:
    drain, count = Drain("0", redis_client), 60
    entries = [oanda.ticks("EURUSD", [1.1]) for _ in range(count)]

    def commit() -> None:
        for entry in entries:
            journal(redis_client, entry)
            time.sleep(0.01)

    began = time.monotonic()
    thread = threading.Thread(target=commit)
    thread.start()
    while thread.is_alive() or backlog(redis_client):
        drain.run()
    thread.join()
    most = (time.monotonic() - began) / TickPipeline.pace_s + 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT xmin::text) FROM market_tick")
        stored_ticks, transactions = cursor.fetchone() or (0, 0)
    assert stored_ticks == count
    assert transactions <= most
