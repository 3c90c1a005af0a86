from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fksbridge.embedded.service import Service, ServiceError
from fksbridge.supervisor import child
from fksbridge.supervisor.console import Console
from fksbridge.supervisor.plan import Tier
from fksbridge.supervisor.supervisor import Supervisor
from tests.house.supervised import (
    DIES,
    FORKS,
    SLEEPS,
    STUBBORN,
    eventually,
    processes,
    program,
)

PROJECT = Path(__file__).parents[2]


class Stage:
    """A supervisor whose console is text that can be read afterwards."""

    def __init__(self, folder: Path) -> None:
        self.text = io.StringIO()
        self.console = Console(self.text)
        self.supervisor = Supervisor(folder, self.console)

    async def play(self, work: Callable[[Supervisor], Awaitable[None]]) -> str:
        failure = await self.supervisor.run(work)
        self.console.close()
        return failure


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def name() -> str:
    """No other child on this machine is called so."""
    return f"child-{uuid.uuid4().hex[:8]}"


def end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def test_a_killed_child_is_started_again_at_once_and_it_is_said(
    stage: Stage, name: str
) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([program(name, SLEEPS)], stop_within_s=1))
        [first] = processes(name)
        first.kill()
        await eventually(lambda: [p for p in processes(name) if p.pid != first.pid])
        end()

    assert await stage.play(work) == ""
    assert f"{name} was killed by SIGKILL; it is started again." in stage.text.getvalue()
    assert processes(name) == []


async def test_a_child_that_dies_five_times_stops_everything_with_its_last_words(
    stage: Stage, name: str
) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([program(f"{name}-healthy", SLEEPS)], stop_within_s=1))
        await supervisor.start(Tier([program(name, DIES)], stop_within_s=1))

    failure = await stage.play(work)
    assert failure == (
        f"{name} died 5 times within 30 s; the last time it ended with exit code 1: the oil is out"
    )
    assert stage.text.getvalue().count("it is started again") == 4
    assert processes(f"{name}-healthy") == []


async def test_what_a_killed_child_left_in_its_group_ends_with_it(stage: Stage, name: str) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([program(name, FORKS)], stop_within_s=1))
        await eventually(lambda: len(processes(name)) == 2)
        before = {p.pid for p in processes(name)}
        next(p for p in processes(name) if p.ppid() == os.getpid()).kill()
        await eventually(lambda: len(processes(name)) == 2)
        await eventually(lambda: not before & {p.pid for p in processes(name)})
        end()

    assert await stage.play(work) == ""
    assert processes(name) == []


async def test_a_child_that_does_not_listen_is_killed(stage: Stage, name: str) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([program(name, STUBBORN)], stop_within_s=0.3))
        await eventually(lambda: "deaf" in stage.text.getvalue())
        end()

    began = time.monotonic()
    assert await stage.play(work) == ""
    assert time.monotonic() - began < 3
    assert processes(name) == []


async def test_asked_a_second_time_it_has_no_more_patience(stage: Stage, name: str) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([program(name, STUBBORN)], stop_within_s=60))
        await eventually(lambda: "deaf" in stage.text.getvalue())
        end()
        asyncio.get_running_loop().call_later(0.3, end)

    assert await stage.play(work) == ""
    assert processes(name) == []


async def test_the_last_to_start_is_the_first_to_stop(
    stage: Stage, name: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    source = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        f"    open({str(journal)!r}, 'a').write(sys.argv[1] + ' ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); print('listening', flush=True); time.sleep(600)"
    )

    async def work(supervisor: Supervisor) -> None:
        for part in ("storage", "workers", "terminals"):
            await supervisor.start(Tier([program(f"{part}", source)], stop_within_s=2))
        await eventually(lambda: stage.text.getvalue().count("listening") == 3)
        end()

    assert await stage.play(work) == ""
    assert journal.read_text() == "terminals workers storage "


async def test_a_service_that_can_not_be_prepared_is_a_failure_in_a_sentence(
    stage: Stage, name: str
) -> None:
    def prepare() -> None:
        raise ServiceError("the disk is full")

    service = Service(name=name, command=["true"], prepare=prepare)

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([service], stop_within_s=1))

    assert await stage.play(work) == "the disk is full"


async def test_a_service_that_is_long_in_coming_up_is_waited_for_and_talked_about(
    stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "SAID_TO_BE_LATE_AFTER_S", 0.1)
    sentence = f"{name} is not up yet"
    slow = program(name, SLEEPS, ready=lambda: sentence in stage.text.getvalue())

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([slow], stop_within_s=1))
        end()

    assert await stage.play(work) == ""


async def test_a_service_that_never_comes_up_is_given_up(
    stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "READY_WITHIN_S", 0.2)
    source = f"print('still reading the log', flush=True); {SLEEPS}"
    never = program(name, source, ready=lambda: False)

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([never], stop_within_s=1))

    assert (await stage.play(work)).startswith(f"{name} did not come up within 0 s")
    assert processes(name) == []


async def test_a_defect_of_the_work_itself_is_not_swallowed(stage: Stage, name: str) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Tier([program(name, SLEEPS)], stop_within_s=1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stage.play(work)
    assert processes(name) == []


async def test_a_command_that_fails_is_told_with_its_last_words(stage: Stage) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.run_once("migrate", [sys.executable, "-c", DIES])

    assert await stage.play(work) == "migrate ended with exit code 1: the oil is out"


async def test_what_a_command_prints_is_given_back_and_not_logged(
    stage: Stage, tmp_path: Path
) -> None:
    outputs = []

    async def work(supervisor: Supervisor) -> None:
        command = [sys.executable, "-c", "import sys; print('secret'); print('x', file=sys.stderr)"]
        outputs.append(await supervisor.run_once("prepare", command))
        end()

    assert await stage.play(work) == ""
    assert outputs == ["secret\n"]
    assert (tmp_path / "prepare.log").read_text() == "x\n"
    assert "secret" not in stage.text.getvalue()


async def test_output_goes_to_a_file_and_under_its_name_to_the_terminal(
    stage: Stage, tmp_path: Path
) -> None:
    async def work(supervisor: Supervisor) -> None:
        talker = program("talker", f"print('one\\ntwo', flush=True); {SLEEPS}")
        await supervisor.start(Tier([talker], stop_within_s=1))
        await eventually(lambda: "two" in stage.text.getvalue())
        end()

    await stage.play(work)
    assert (tmp_path / "talker.log").read_text() == "one\ntwo\n"
    assert "talker         | one\ntalker         | two\n" in stage.text.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_within_five_seconds(tmp_path: Path, number: signal.Signals) -> None:
    supervisor = start_supervisor(tmp_path)
    began = time.monotonic()
    supervisor.send_signal(number)
    assert supervisor.wait(5) == 0
    assert time.monotonic() - began < 5
    assert left_of(supervisor) == []


def test_kill_9_of_the_supervisor_leaves_no_child_behind(tmp_path: Path) -> None:
    supervisor = start_supervisor(tmp_path)
    supervisor.kill()
    supervisor.wait()
    deadline = time.monotonic() + 5
    while processes(f"above-{os.getpid()}") and time.monotonic() < deadline:
        time.sleep(0.02)
    leaders = [p for p in processes(f"below-{os.getpid()}") if p.pid == os.getpgid(p.pid)]
    orphans = processes(f"below-{os.getpid()}")
    for orphan in orphans:  # a grandchild without a leash: this program's own matter
        orphan.kill()
    assert leaders == []
    assert processes(f"above-{os.getpid()}") == []


def start_supervisor(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.house.supervised", str(folder)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert started.stdout is not None
    assert started.stdout.readline() == "both are up\n"
    started.stdout.close()
    return started


def left_of(_: subprocess.Popen[str]) -> list[int]:
    mine = (f"above-{os.getpid()}", f"below-{os.getpid()}")
    return [process.pid for name in mine for process in processes(name)]
