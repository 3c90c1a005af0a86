"""`python -m agent`: replay, shm, simulate, tail, load."""

from __future__ import annotations

import argparse
import logging
import sys

import agent.load.command
import agent.replay.command
import agent.shm.command
import agent.simulate.command
import agent.tail.command
from agent.errors import BridgeError, InputError


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 done, 1 the bridge did not do its part, 2 wrong input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    level = logging.DEBUG if options.verbose else logging.WARNING
    logging.basicConfig(level=level, format="agent: %(message)s")
    try:
        return int(options.run(options))
    except InputError as fault:
        sys.stderr.write(f"agent: {fault}.\n")
        return 2
    except BridgeError as fault:
        sys.stderr.write(f"agent: {fault}.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("agent: interrupted.\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agent", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="say what the link does")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    agent.replay.command.add_parser(commands)
    agent.shm.command.add_parser(commands)
    agent.simulate.command.add_parser(commands)
    agent.tail.command.add_parser(commands)
    agent.load.command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
