from __future__ import annotations

import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from fksbridge.config import PROJECT
from fksbridge.embedded import places
from fksbridge.embedded.account import service_account
from fksbridge.embedded.postgres import await_backends_gone, postgres
from fksbridge.embedded.redis import newest_server, redis_server
from fksbridge.embedded.service import Service, ServiceError
from fksbridge.embedded.session import running, scratch_folder
from tests.house.bridge_process import alive


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch_folder() as path:
        yield path


def client_of(folder: Path) -> redis.Redis:
    return redis.Redis.from_url(places.redis_url(folder), protocol=2, decode_responses=True)


def count_rows(folder: Path) -> int:
    with psycopg.connect(places.database_url(folder)) as connection:
        row = connection.execute("SELECT count(*) FROM ticks").fetchone()
    assert row is not None
    return int(row[0])


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def wait_for_end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def test_postgres_killed_in_the_middle_of_writes_starts_again_with_what_it_confirmed(
    folder: Path,
) -> None:
    service = postgres(folder)
    with running(service) as first:
        with psycopg.connect(places.database_url(folder)) as connection:
            connection.execute("CREATE TABLE ticks (seq bigint)")
        with closing(psycopg.connect(places.database_url(folder), autocommit=True)) as writer:
            for seq in range(200):
                writer.execute("INSERT INTO ticks VALUES (%s)", [seq])
            backends = descendants(first.pid)
            wait_for_end(first)
            await_backends_gone(places.postgres_data(folder))
            # One on its way out has no folder any more by which to find it, for a moment.
            assert alive(backends, within_s=0.5) == []
        with running(service):
            assert count_rows(folder) == 200


def test_redis_killed_in_the_middle_of_writes_starts_again_with_what_it_confirmed(
    folder: Path,
) -> None:
    service = redis_server(folder, "process")
    with running(service) as first:
        client = client_of(folder)
        for number in range(500):
            client.xadd("fks:journal:0", {"t": number})
        wait_for_end(first)
        with running(service):
            assert client.xlen("fks:journal:0") == 500
        client.close()


@pytest.mark.parametrize(("durability", "fsync"), [("process", "no"), ("power", "always")])
def test_the_durability_decides_about_fsync(folder: Path, durability: str, fsync: str) -> None:
    with running(redis_server(folder, durability)):  # type: ignore[arg-type]
        client = client_of(folder)
        assert client.config_get("append*")["appendonly"] == "yes"
        assert client.config_get("append*")["appendfsync"] == fsync
        assert client.config_get("save")["save"] == ""
        client.close()


def test_postgres_confirms_only_what_it_has_written(folder: Path) -> None:
    with running(postgres(folder)), psycopg.connect(places.database_url(folder)) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_nothing_listens_on_the_network(folder: Path) -> None:
    with (
        running(postgres(folder, scratch=True)) as database,
        running(redis_server(folder, "process")) as store,
    ):
        for leader in (database.pid, store.pid):
            found = psutil.Process(leader).net_connections("inet")
            assert [c for c in found if c.status == psutil.CONN_LISTEN] == []


def test_only_the_owner_reaches_sockets_and_data(folder: Path) -> None:
    with running(postgres(folder, scratch=True)), running(redis_server(folder, "process")):
        for place in (
            places.sockets(folder),
            places.postgres_data(folder),
            places.redis_data(folder),
        ):
            assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_under_root_the_services_run_as_a_user_of_their_own(folder: Path) -> None:
    account = service_account()
    with (
        running(postgres(folder, scratch=True)) as database,
        running(redis_server(folder, "process")) as store,
    ):
        owners = {psutil.Process(p.pid).username() for p in (database, store)}
    assert owners == {psutil.Process().username() if account is None else account.name}
    assert owners != {"root"}


def test_a_service_dies_with_the_process_that_started_it(folder: Path) -> None:
    source = (
        "import sys, time; from pathlib import Path;"
        "from fksbridge.embedded.session import services;"
        "folder = Path(sys.argv[1]);\n"
        "with services(folder, scratch=True): print('up', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", source, str(folder)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "up\n"
    served = descendants(holder.pid)
    assert len(served) > 5
    holder.kill()
    holder.communicate()
    assert alive(served, within_s=5) == []


def test_a_first_start_that_is_cut_short_leaves_nothing_half_done(folder: Path) -> None:
    draft = places.postgres_data(folder).with_name("postgres.new")
    draft.mkdir(mode=0o700)
    (draft / "PG_VERSION").write_text("18\n")
    with running(postgres(folder, scratch=True)):
        pass
    assert not draft.exists()


def test_a_socket_left_by_a_killed_redis_is_no_obstacle(folder: Path) -> None:
    places.sockets(folder).mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(places.redis_socket(folder)))
    with running(redis_server(folder, "process")):
        pass


def test_data_of_a_newer_redis_is_not_given_to_an_older_one(folder: Path) -> None:
    places.redis_data(folder).mkdir(mode=0o700)
    (places.redis_data(folder) / "version").write_text("99.0.1")
    with pytest.raises(ServiceError, match=r"was written by Redis 99\.0\.1"):
        redis_server(folder, "process").prepare()


def test_the_newest_server_on_path_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("redis-server", "7.0.15"), ("valkey-server", "8.1.3")):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho 'Server v={version} sha=0'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    assert newest_server() == (folder / "valkey-server", (8, 1, 3))


def test_a_service_that_ends_at_once_is_told_with_its_words() -> None:
    service = Service("oven", [sys.executable, "-c", "raise SystemExit('no gas')"], ready=bool)
    with pytest.raises(ServiceError, match="oven did not start: no gas"), running(service):
        pass


def test_exec_runs_a_command_beside_services_of_its_own_and_ends_with_its_code() -> None:
    source = (
        "import os, psycopg, redis, sys;"
        "psycopg.connect(os.environ['DATABASE_URL']).close();"
        "redis.Redis.from_url(os.environ['REDIS_URL']).ping();"
        "print(os.environ['FKS_DATA_DIR']); sys.exit(7)"
    )
    command = [sys.executable, "-m", "fksbridge.embedded", "exec", "--scratch", "--"]
    done = subprocess.run(
        [*command, sys.executable, "-c", source],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert done.returncode == 7
    assert not Path(done.stdout.strip()).exists()
    assert done.stderr == ""
