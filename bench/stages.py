"""Where a tick's time goes: our own code, stage by stage, called in one process.

Gateway: bytes to records (`Session`), and records to the journal. Worker: what one drain does in
its transaction. Beside them the founding sketch's body. `python -m bench.stages SECONDS` needs
services (`python -m fksbridge.embedded exec`) and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import django

from bench import baseline
from bench.background import last_line, module, running
from bench.feeder import MESSAGE
from bench.figures import Quantity, Round, Section

GATEWAY = {
    "baseline": "baseline: json.loads and a log line",
    "batched": "gateway: batches of 100",
    "single": "gateway: single ticks, 100 in a chunk",
    "alone": "gateway: single ticks, each arriving alone",
    "journal": "journal: commits of 1,600 ticks",
}
WORKER = {
    "begin": "begin, lock the cursor",
    "feeds": "find the feeds",
    "store": "store ticks, bars, last quotes, stream cursors",
    "verify": "verify",
    "record": "record findings",
    "signals": "strategies, all off",
    "commit": "move the cursor, commit",
}
SIZES = (300, 1_000, 8_192, 32_768)

STAGES = Section(
    "stages",
    "One tick through each stage, in one process",
    (
        *(Quantity(key, label, "us/tick") for key, label in GATEWAY.items()),
        *(
            Quantity(f"{stage}.{size}", f"worker, {size:,} a batch: {label}", "us/tick")
            for size in SIZES
            for stage, label in (WORKER | {"all": "all of it"}).items()
        ),
        *(Quantity(f"batch.{size}", f"worker: a batch of {size:,}", "ms") for size in SIZES),
    ),
)


def measure(seconds: float) -> Round:
    """In a process of its own with services of its own."""
    command = module("fksbridge.embedded", "exec", "--", *module("bench.stages", seconds))
    with running(command) as process:
        found: Round = last_line(process)
    return found


def us_per_tick(work: Callable[[], int], seconds: float) -> float:
    """Processor time of this thread; `work` returns how many ticks it handled."""
    work()
    ticks, began, ends = 0, time.thread_time(), time.monotonic() + seconds
    while time.monotonic() < ends:
        ticks += work()
    return (time.thread_time() - began) / ticks * 1e6


def sketch_us(seconds: float) -> float:
    """The baseline's body, without its socket and its threads."""

    def work() -> int:
        for _ in range(100):
            baseline.decode(MESSAGE)
        return 100

    with tempfile.TemporaryDirectory(prefix="fks-bench-") as folder:
        baseline.keep_log(str(Path(folder) / "sketch.log"))
        found = us_per_tick(work, seconds)
        baseline.stop_log()
    return found


def main() -> None:
    seconds = float(sys.argv[1])
    found = {"baseline": sketch_us(seconds)}  # first: Django sets up a log of its own
    os.environ["DJANGO_SETTINGS_MODULE"] = "fksbridge.settings"
    django.setup()
    # They import models, which want Django set up.
    from bench import stages_gateway, stages_worker

    found |= stages_gateway.measure(seconds)
    found |= stages_worker.measure(seconds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
