"""Many ticks: acknowledged, verified and stored, a second, by a whole bridge with its storage."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import processes
from bench.background import BenchError, last_line, module, running, server
from bench.figures import Quantity, Round, Section, ratio
from bench.house import LOAD_TERMINALS, House
from bench.probe import LOAD_SYMBOLS
from bench.processes import Usage

# A little over the goal of 250,000: the time counts from the first tick to the last one stored.
PACED_PER_S = 255_000.0
GOAL_PER_S = 250_000.0
BASELINE_CLIENTS = (4, 8)
WINDOW_S = 5.0
STORED_WITHIN_S = 180.0
_LOOK_EVERY_S = 0.5
_OURS = ("gateway", "worker.shards", "worker.strategies", "worker.default", "web", "beat")
_MEASURED = (*_OURS, "redis", "postgres")

Sample = tuple[float, int]
"""Monotonic seconds, ticks stored."""


def _quantities(ratio_at_least: float | None) -> tuple[Quantity, ...]:
    return (
        Quantity("acked_per_s", "acknowledged", "ticks/s", at_least=GOAL_PER_S),
        Quantity("stored_per_s", "stored and verified", "ticks/s", at_least=GOAL_PER_S),
        Quantity("slowest_per_s", "stored, slowest 5 s", "ticks/s"),
        Quantity("behind_s", "last ack until all is stored", "s"),
        Quantity("compared", "feed-seconds compared", "%"),
        Quantity("baseline_per_s", "baseline: decoded", "ticks/s"),
        Quantity("ratio", "stored / baseline", "x", at_least=ratio_at_least),
        *(Quantity(f"cores.{name}", f"cores: {name}") for name in _MEASURED),
        Quantity("cores.generator", "cores: load generator"),
        Quantity("cores.others", "cores: all else on this machine"),
        Quantity("cpu_us", "processor time of all of these", "us/tick"),
        Quantity("memory.start", "memory of all, at the start", "MB"),
        Quantity("memory.middle", "memory of all, in the middle", "MB"),
        Quantity("memory.end", "memory of all, at the end", "MB"),
        *(Quantity(f"memory.{name}", f"memory at the end: {name}", "MB") for name in _MEASURED),
    )


# At a given pace the ratio says only how fast the baseline is.
PACED = Section("paced", "Ingest at 255,000 ticks/s", _quantities(None))
UNPACED = Section("unpaced", "Ingest as fast as it is taken", _quantities(15.0))


def baseline_per_s(seconds: float) -> float:
    """What the founding sketch decodes at its best: with few clients or more, whichever is more."""
    return max(_baseline_with(clients, seconds / 2) for clients in BASELINE_CLIENTS)


def _baseline_with(clients: int, seconds: float) -> float:
    with tempfile.TemporaryDirectory(prefix="fks-bench-") as folder:
        log = Path(folder) / "sketch.log"
        with (
            server(module("bench.baseline", log)) as (port,),
            running(module("bench.feeder", port, clients, seconds)) as feeder,
        ):
            fed = last_line(feeder)
        logged = sum(1 for _ in log.open())
    if logged < fed["ticks"]:
        raise BenchError(f"The baseline logged {logged} of {fed['ticks']} ticks.")
    return float(fed["ticks"]) / float(fed["seconds"])


def measure(house: House, rate: float, seconds: float, baseline: float) -> Round:
    """One load over four connections, until the last of its ticks is stored."""
    before, compared = house.stored(), house.compared()
    watcher = Watcher(house, seconds)
    with running(house.load(rate, seconds)) as load, watcher:
        total = last_line(load)
        acked_at = time.monotonic()
    _check(total)
    stored_at = house.wait_until_stored(before + total["acked"], STORED_WITHIN_S)
    watcher.look(stored_at)
    if house.stored() != before + total["acked"]:
        raise BenchError(f"{house.stored() - before:,} ticks stored, {total['acked']:,} acked.")
    began_at = acked_at - total["seconds"]
    per_s = total["acked"] / (stored_at - began_at)
    feed_seconds = len(LOAD_TERMINALS) * LOAD_SYMBOLS * seconds
    used = watcher.figures(generator_cpu_s=total["cpu_s"])
    return {
        "acked_per_s": total["acked_per_s"],
        "stored_per_s": per_s,
        "slowest_per_s": slowest(watcher.samples, WINDOW_S),
        "behind_s": stored_at - acked_at,
        "compared": min(100.0, 100 * (house.compared() - compared) / feed_seconds),
        "baseline_per_s": baseline,
        "ratio": ratio(per_s, baseline),
        "cpu_us": used.pop("cpu_s") / total["acked"] * 1e6,
        **used,
    }


def _check(total: dict[str, Any]) -> None:
    if not total["settled"] or total["acked"] != total["sent"] or total["rejected"]:
        raise BenchError(f"Not everything was acknowledged: {total}.")


class Watcher:
    """Looks at the store twice a second, at processes at the start, in the middle, at the end."""

    def __init__(self, house: House, seconds: float) -> None:
        self.samples: list[Sample] = []
        self._house = house
        self._middle_at = time.monotonic() + seconds / 2
        self._looks: list[tuple[float, dict[str, Usage]]] = []
        self._busy_s = processes.busy_s()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher")

    def __enter__(self) -> Watcher:
        self.look(time.monotonic())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def look(self, at: float) -> None:
        self._looks.append((at, self._house.usage()))

    def figures(self, generator_cpu_s: float) -> Round:
        (began, first), *_, (ended, last) = self._looks
        elapsed = ended - began
        cores = processes.cores(first, last, elapsed) | {"generator": generator_cpu_s / elapsed}
        ours = sum(cores.values())
        return {
            **{f"cores.{name}": cores.get(name, 0.0) for name in (*_MEASURED, "generator")},
            "cores.others": (processes.busy_s() - self._busy_s) / elapsed - ours,
            "cpu_s": ours * elapsed,
            **{
                f"memory.{when}": processes.memory_mb(look, *_MEASURED)
                for when, (_, look) in zip(("start", "middle", "end"), self._looks, strict=True)
            },
            **{f"memory.{name}": processes.memory_mb(last, name) for name in _MEASURED},
        }

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            now = time.monotonic()
            self.samples.append((now, self._house.stored()))
            if len(self._looks) == 1 and now >= self._middle_at:
                self.look(now)


def slowest(samples: Sequence[Sample], window_s: float) -> float:
    """The lowest rate over any window, from the first window on that begins with something stored.

    A run shorter than a window gives its rate as a whole.
    """
    started = [at for at, (_, count) in enumerate(samples) if count > samples[0][1]]
    rows = samples[started[0] :] if started else samples
    rates = [
        (later - count) / (later_at - at)
        for at, count in rows
        for later_at, later in [next_after(rows, at + window_s)]
        if later_at >= at + window_s
    ]
    if rates:
        return min(rates)
    (first_at, first), (last_at, last) = rows[0], rows[-1]
    return (last - first) / (last_at - first_at) if last_at > first_at else 0.0


def next_after(samples: Sequence[Sample], at: float) -> Sample:
    """The first sample at or after a moment, or the last of all."""
    return next((sample for sample in samples if sample[0] >= at), samples[-1])
