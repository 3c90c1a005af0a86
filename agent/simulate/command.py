"""`python -m agent simulate`: a demo of terminals with faults now and then."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.errors import InputError
from agent.loop import run
from agent.simulate import config as configuration
from agent.simulate import faults
from agent.simulate.demo import Demo, say


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "simulate",
        help="simulated terminals",
        description=f"{configuration.__doc__}\n{faults.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--demo", type=Path, required=True, metavar="CONFIG.json")
    parser.add_argument("--rate", type=float, default=5.0, help="ticks a second of a feed (5)")
    parser.add_argument("--seconds", type=float, help="stop after so many (else until a signal)")
    parser.add_argument(
        "--faults",
        nargs="+",
        default=["demo"],
        metavar="WORD",
        help="none, demo, or NAME@SECONDS[:CLIENT[:SYMBOL]]",
    )
    parser.set_defaults(run=command)


def command(options: argparse.Namespace) -> int:
    """0 after an orderly end, 1 when the bridge turned every terminal away. Raises InputError."""
    if options.rate <= 0:
        raise InputError(f"--rate is a number above 0, not {options.rate:g}")
    demo = Demo(configuration.load(options.demo), options.faults, options.rate)
    run(demo.run(options.seconds))
    say("; ".join(f"{name} {_sentence(counts)}" for name, counts in demo.counts().items()))
    return 1 if demo.turned_away else 0


def _sentence(counts: dict[str, int]) -> str:
    return f"produced {counts['produced']}, acked {counts['acked']}, lost {counts['dropped']}"
