from __future__ import annotations

import contextlib
import http.client
import re
import signal
import socket
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
import redis

from bridge_ingest import heartbeat
from fksbridge.embedded import places
from fksbridge.embedded.session import scratch_folder
from tests.house.bridge_process import (
    BridgeProcess,
    alive,
    bridge_environment,
    bridge_running,
    password_in,
)

# Starting a bridge takes ten seconds alone, and a minute beside a benchmark.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def running_bridge() -> Iterator[BridgeProcess]:
    with scratch_folder() as folder, bridge_running(bridge_environment(folder)) as bridge:
        yield bridge


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch_folder() as path:
        yield path


def refused(environ: dict[str, str], *options: str) -> str:
    """What a bridge says that does not start; it must end by itself, with exit code 1."""
    bridge = BridgeProcess(environ, *options)
    code = bridge.process.wait(30)
    bridge.stop()
    assert code == 1, bridge.text
    return bridge.text


def last_sign_of(bridge: BridgeProcess, name: str) -> int:
    """The process that showed life last under this name."""
    folder = Path(bridge.environ["FKS_DATA_DIR"])
    with redis.Redis.from_url(places.redis_url(folder), protocol=2) as client:
        value = client.get(heartbeat.key(name))
    assert isinstance(value, bytes)
    return msgspec.json.decode(value, type=heartbeat.Sign).pid


def test_it_is_well_once_it_says_so(running_bridge: BridgeProcess) -> None:
    status, body = running_bridge.health()
    assert (status, body["status"]) == (200, "ok")
    assert f"http://127.0.0.1:{running_bridge.port('HTTP')}" in running_bridge.text
    assert "Durability: process." in running_bridge.text


def test_the_printed_password_signs_the_operator_in(running_bridge: BridgeProcess) -> None:
    password = password_in(running_bridge.text)
    assert password is not None
    connection = http.client.HTTPConnection("127.0.0.1", running_bridge.port("HTTP"), timeout=10)
    connection.request("GET", "/sign-in")
    page = connection.getresponse()
    cookie = (page.getheader("Set-Cookie") or "").partition(";")[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token is not None
    fields = {"csrfmiddlewaretoken": token[1], "username": "operator", "password": password}
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/sign-in", urllib.parse.urlencode(fields), headers)
    answer = connection.getresponse()
    connection.close()
    assert (answer.status, answer.getheader("Location")) == (302, "/")


@pytest.mark.parametrize(
    ("name", "words", "sign"),
    [
        ("postgres", "bin/postgres", None),
        ("redis", "redis-server", None),
        ("gateway", "manage.py gateway", "gateway"),
        ("web", "daphne", None),
        ("worker.0", "worker.0@", "worker.shard.0"),
        ("worker.strategies", "worker.strategies@", "worker.strategies"),
        ("worker.default", "worker.default@", "worker.default"),
        ("beat", "fksbridge --quiet beat", "beat"),
    ],
)
def test_whatever_is_killed_comes_back_and_all_is_well_again(
    running_bridge: BridgeProcess, name: str, words: str, sign: str | None
) -> None:
    victim = running_bridge.child(words)
    printed = len(running_bridge.text)
    victim.kill()
    sentence = f"{name} was killed by SIGKILL; it is started again"
    running_bridge.until(lambda: sentence in running_bridge.text[printed:])
    heir = running_bridge.child(words).pid
    assert heir != victim.pid
    if sign is not None:  # the last sign of the dead one may still count as life
        running_bridge.until(lambda: last_sign_of(running_bridge, sign) == heir)
    running_bridge.until(lambda: running_bridge.health()[0] == 200)


def test_nothing_listens_beyond_the_loopback_interface(running_bridge: BridgeProcess) -> None:
    listening: set[str] = set()
    for process in running_bridge.family():
        with contextlib.suppress(psutil.NoSuchProcess):  # PostgreSQL's come and go
            listening |= {
                connection.laddr.ip
                for connection in process.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            }
    assert listening == {"127.0.0.1"}


def test_a_second_bridge_on_the_same_folder_is_refused(running_bridge: BridgeProcess) -> None:
    folder = Path(running_bridge.environ["FKS_DATA_DIR"])
    text = refused(bridge_environment(folder))
    assert "A bridge already runs on" in text
    assert f"(process {running_bridge.process.pid})" in text
    assert len(text.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "FKS_HTTP_PORT",
        "FKS_TCP_PORT",
        "FKS_GATEWAY_HTTP_PORT",
        "FKS_TLS_PORT",
        "FKS_ZMQ_PORT",
        "FKS_ZMQ_SUB_PORT",
    ],
)
def test_a_port_that_is_taken_is_told_in_one_sentence(folder: Path, name: str) -> None:
    environ = bridge_environment(folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environ[name])))
        taken.listen()
        text = refused(environ)
    assert f"Port {environ[name]} is taken ({name} sets another)" in text
    assert len(text.strip().splitlines()) == 1


def test_a_demonstration_does_not_run_in_production(folder: Path) -> None:
    secret = "s" * 40
    environ = bridge_environment(
        folder, FKS_ENV="production", FKS_SECRET_KEY=secret, FKS_KEY_PEPPERS=f"1:{secret}"
    )
    assert "does not run in production" in refused(environ, "--demo")


def test_stopped_or_killed_it_leaves_no_process_and_goes_on_with_its_data(folder: Path) -> None:
    environ = bridge_environment(folder)
    first = BridgeProcess(environ).until_up()
    family = first.family()
    began = time.monotonic()
    assert first.stop(signal.SIGINT) == 0
    assert alive(family, within_s=began + 5 - time.monotonic()) == []
    assert time.monotonic() - began < 5
    assert password_in(first.text) is not None

    second = BridgeProcess(environ).until_up()
    assert password_in(second.text) is None
    family = second.family()
    second.process.kill()
    second.stop()
    assert alive(family, within_s=5) == []

    with bridge_running(environ) as third:
        assert third.health()[0] == 200
