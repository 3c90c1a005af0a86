"""Processes of a worker's pool end with the worker, at whatever moment it is killed."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from tests.house.bridge_process import PROJECT, alive

# What Celery's prefork pool does, with a worker that is killed at the moment of the test's choice.
POOL = """
import os, signal, sys, time
from celery.signals import worker_before_create_process, worker_process_init
import fksbridge.celery

worker, begins_late = os.getpid(), sys.argv[1] == "before"
worker_before_create_process.send(sender=None)
if pool_process := os.fork():
    print(pool_process, flush=True)
    sys.stdin.readline()
    os.kill(worker, signal.SIGKILL)
while begins_late and os.getppid() == worker:
    time.sleep(0.01)
worker_process_init.send(sender="worker")
print("begun", flush=True)
time.sleep(60)
"""

# What Celery's pool of one does, in the worker itself.
SOLO = """
from celery.signals import worker_process_init
import fksbridge.celery

worker_process_init.send(sender="worker")
"""


@pytest.mark.parametrize("killed", ["before", "after"])
def test_a_pool_process_ends_with_its_worker_killed_before_or_after_it_began(killed: str) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", POOL, killed],
        cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        pool_process = psutil.Process(int(worker.stdout.readline()))
        if killed == "after":
            assert worker.stdout.readline() == "begun\n"
        worker.stdin.write("die\n")
        worker.stdin.flush()
        assert worker.stdout.read() == ""
        assert worker.wait(10) == -9
    assert alive([pool_process], within_s=5) == []


def test_a_worker_that_works_alone_is_no_pool_process_of_its_parent() -> None:
    solo = [sys.executable, "-c", SOLO]
    assert subprocess.run(solo, cwd=PROJECT, check=False).returncode == 0
