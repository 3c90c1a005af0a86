"""Ten million records through the shared memory, in bursts, both sides killed at random."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.terminals.mql.build import PROJECT, SOURCE4

HERE = Path(__file__).parent
RECORDS = int(os.environ.get("SOAK_RECORDS", "10000000"))
CAPACITY = 131_072

pytestmark = [pytest.mark.soak, pytest.mark.requires("gcc")]


class Side:
    """A process that is started again each time it was killed."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self.kills = 0
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )

    def kill(self) -> None:
        """Unless it is done."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self.kills += 1
            self.end()
            self.start()

    @property
    def code(self) -> int | None:
        return self._process.poll()

    def end(self) -> str:
        return self._process.communicate()[0]


@pytest.fixture
def producer(tmp_path: Path) -> Path:
    made = tmp_path / "producer"
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
    sources = [HERE / "producer.c", *sorted((SOURCE4 / "native").glob("*.c"))]
    subprocess.run(["gcc", *flags, *sources, "-o", made], check=True)
    return made


def seen(log: Path) -> tuple[int, int]:
    """How many records were seen, each counted once, and how many were seen again after a kill.

    Fails where one is missing.
    """
    through = again = 0
    for line in log.read_text().splitlines():
        first, count = map(int, line.split())
        assert first <= through, f"records {through} to {first - 1} are missing"
        again += through - first
        through = first + count
    return through, again


def test_no_record_is_lost_though_both_sides_are_killed_at_random(
    producer: Path, name: str, tmp_path: Path
) -> None:
    log, dice, began = tmp_path / "seen", random.Random(41), time.monotonic()
    shared = [name, str(CAPACITY), str(RECORDS)]
    consumer = [sys.executable, "-m", "tests.terminals.soak.consumer", *shared, str(log)]
    sides = [Side([str(producer), *shared]), Side(consumer)]
    victims = itertools.cycle(sides)
    while None in (codes := [side.code for side in sides]):
        assert 1 not in codes, "a record was damaged"
        assert time.monotonic() - began < 600, f"{seen(log)[0]:,} of {RECORDS:,} after 10 minutes"
        time.sleep(dice.uniform(0.02, 0.2))
        next(victims).kill()
    refused = int(sides[0].end())
    sides[1].end()
    assert codes == [0, 0]
    through, again = seen(log)
    assert through == RECORDS
    assert min(side.kills for side in sides) > 0
    print(
        f"{through:,} records in {time.monotonic() - began:.0f} s, none lost; producer killed "
        f"{sides[0].kills} times, consumer {sides[1].kills}; {again:,} records were seen again by "
        f"the next consumer, {refused:,} were refused by a full ring and written again"
    )
