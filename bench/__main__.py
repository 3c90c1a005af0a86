"""`make bench`, or `python -m bench [SECTION ...]`: see docs/performance.md."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import (
    dashboard,
    forms,
    imports,
    ingest,
    latency,
    page,
    processes,
    sessions,
    shm,
    stages,
    webhooks,
)
from bench.background import BenchError
from bench.figures import Round, Section
from bench.house import House, house
from bench.report import Report, text

GROUPS = {
    "latency": (latency.LATENCY,),
    "signal": (latency.SIGNAL,),
    "dashboard": (dashboard.DASHBOARD,),
    "forms": (forms.FORMS,),
    "webhooks": (webhooks.WEBHOOKS,),
    "sessions": (sessions.MANY,),
    "ingest": (ingest.PACED, ingest.UNPACED),
    "imports": (imports.IMPORTS,),
    "shm": (shm.SHM,),
    "stages": (stages.STAGES,),
}
SECTIONS = tuple(section for group in GROUPS.values() for section in group)
_ROUND_STARTS_S = 30.0


class Bench:
    """All rounds of what was asked for."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        asked = options.what if options.what and "all" not in options.what else list(GROUPS)
        self._sections = [section for name in GROUPS if name in asked for section in GROUPS[name]]
        kept = {"seconds": options.seconds, "rounds": options.rounds, "rate": options.rate}
        self.report = Report.begin(kept)
        self._began = time.monotonic()

    def run(self) -> None:
        self.say(f"About {self._minutes():.0f} minutes.")
        for number in range(1, self._options.rounds + 1):
            self.report.load.append(round(processes.load_average(), 2))
            self.say(f"Round {number} of {self._options.rounds}.")
            self._round()

    def say(self, sentence: str) -> None:
        print(f"[{time.monotonic() - self._began:5.0f} s] {sentence}", file=sys.stderr, flush=True)

    def _round(self) -> None:
        """A bridge of its own for each round; the sections that store most come last.

        One that has stored millions of ticks uses more memory: sessions, whose goals are those of
        a bridge alone, have another.
        """
        alone = (sessions.MANY, shm.SHM, stages.STAGES)
        self._beside([section for section in self._sections if section not in alone])
        self._beside([section for section in self._sections if section is sessions.MANY])
        if shm.SHM in self._sections:
            self._measure(shm.SHM, lambda: shm.measure(self._options.seconds, self.say))
        if stages.STAGES in self._sections:
            self.say("stages")
            each_s = max(1.0, self._options.seconds / 20)
            self._measure(stages.STAGES, lambda: stages.measure(each_s))

    def _beside(self, sections: list[Section]) -> None:
        """One after another on one bridge."""
        if sections:
            self.say("starting a bridge")
            with house() as opened:
                for section in sections:
                    self._measure(section, partial(self._ours, section, opened))

    def _measure(self, section: Section, measured: Callable[[], Round]) -> None:
        """What fails is told and counts, and the other sections go on."""
        try:
            self.report.add(section, measured())
        except BenchError as failure:
            self.report.failures.append(f"{section.title}: {failure}")
            self.say(self.report.failures[-1])

    def _ours(self, section: Section, opened: House) -> Round:
        seconds, say = self._options.seconds, self.say
        if section is latency.LATENCY:
            return latency.measure(opened, seconds, say)
        if section is latency.SIGNAL:
            return latency.measure_signals(opened, seconds, say)
        if section is dashboard.DASHBOARD:
            return dashboard.measure(opened, seconds, say)
        if section is forms.FORMS:
            return forms.measure(opened, seconds, say)
        if section is imports.IMPORTS:
            return imports.measure(opened, len(self.report.load), say)
        if section is webhooks.WEBHOOKS:
            return webhooks.measure(opened, seconds, say)
        if section is sessions.MANY:
            return sessions.measure(opened, seconds, say)
        say("baseline")
        baseline = ingest.baseline_per_s(min(10.0, seconds))
        paced = section is ingest.PACED
        say("ingest, paced" if paced else "ingest, unpaced")
        return ingest.measure(opened, self._options.rate if paced else 0, seconds, baseline)

    def _minutes(self) -> float:
        each_s: float = self._options.seconds + _ROUND_STARTS_S
        rounds: int = self._options.rounds
        return rounds * len(self._sections) * each_s / 60


def group(name: str) -> str:
    """Argparse's own check of choices does not let a list of them be empty."""
    if name not in (*GROUPS, "all"):
        raise argparse.ArgumentTypeError(f"there is no {name}")
    return name


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ", ".join([*GROUPS, "all"])
    parser.add_argument("what", nargs="*", type=group, metavar="SECTION", help=f"{names} (all)")
    parser.add_argument("--seconds", type=float, default=60.0, help="a section (60)")
    parser.add_argument("--rounds", type=int, default=3, help="of everything (3)")
    parser.add_argument("--rate", type=float, default=ingest.PACED_PER_S, help="of paced ingest")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--publish", action="store_true", help="write it into docs/performance.*")
    return parser.parse_args(arguments)


def main() -> int:
    options = options_of(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, like Ctrl-C
    bench = Bench(options)
    bench.run()
    report = bench.report
    print(text(report, SECTIONS))
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    if options.publish:
        page.publish(report, SECTIONS)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
