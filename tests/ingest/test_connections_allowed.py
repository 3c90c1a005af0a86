"""The gateway asks the system for as many open files as its sessions need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.bridge import PROJECT

PROGRAM = """
import os, resource, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()
from bridge_ingest.management.commands.gateway import allow_connections
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_connections(5000)
print("now", *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "now", "is_warned"),
    [
        (1024, 8192, "now 5500 8192", False),
        (7000, 8192, "now 7000 8192", False),
        (1024, 2048, "now 2048 2048", True),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_the_hard_one_lets_it(
    soft: int, hard: int, now: str, is_warned: bool
) -> None:
    """In a process of its own: what is lowered here can't be raised again."""
    program = PROGRAM.format(soft=soft, hard=hard)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == now
    assert ("too_few_files" in done.stdout + done.stderr) == is_warned
