"""`python -m agent tail`: follow a file that a terminal appends to, until Ctrl-C."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

from agent.errors import InputError
from agent.loop import run
from agent.protocol import Identity
from agent.tail.tail import Outcome, Plan, Tail
from agent.transport import TcpEndpoint

_EXAMPLE = """examples:
  python -m agent tail ES.csv --client NT-1 --key KEY --symbol "ES 12-26" --platform ninjatrader
  python -m agent tail EURUSD1.csv --client MT4-1 --key KEY --symbol EURUSD --period M1 \\
                       --platform mt4 --utc-offset-s 10800

The file is that of our NinjaTrader indicator, or a csv as MetaTrader exports ticks and bars; which
one is seen from its first line. What has been acknowledged is remembered in .FILE.tail beside it,
or where --state says: a new start goes on there. Without --key, FKS_AGENT_KEY is used."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "tail",
        help="follow a growing csv",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--client", required=True)
    parser.add_argument("--key")
    parser.add_argument("--symbol", required=True, help="as the terminal names it")
    parser.add_argument("--platform", default="agent", help="mt4, mt5, ninjatrader or agent")
    parser.add_argument("--period", default="", help="of bars: S1, M1, M5, ... W1")
    parser.add_argument(
        "--utc-offset-s", type=int, help="the file's clock minus UTC, where it is a server's"
    )
    parser.add_argument("--state", type=Path, help="where to remember (.FILE.tail)")
    parser.add_argument("--once", action="store_true", help="stop at the end of the file")
    parser.add_argument("--from-end", action="store_true", help="at first, leave out what is there")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--patience-s", type=float, default=60.0, help="wait for an answer (60)")
    parser.set_defaults(run=command)


def command(options: argparse.Namespace) -> int:
    """0 when it was stopped or, with --once, everything was acknowledged. Raises BridgeError."""
    tail = Tail(plan_of(options), TcpEndpoint(options.host, options.port))
    try:
        run(tail.run())
    except KeyboardInterrupt:
        if tail.outcome is None:
            raise
    if tail.outcome is not None:
        report(tail.outcome)
    return 0


def plan_of(options: argparse.Namespace) -> Plan:
    """What the command line asks for. Raises InputError."""
    key = options.key or os.environ.get("FKS_AGENT_KEY")
    if not key:
        raise InputError("a tail needs --key or FKS_AGENT_KEY")
    if options.once and not options.file.is_file():
        raise InputError(f"{options.file} is not there")
    identity = Identity(
        options.client,
        key,
        options.platform,
        utc_offset_s=options.utc_offset_s,
        symbols=(options.symbol,),
    )
    state = options.state or options.file.with_name(f".{options.file.name}.tail")
    return Plan(
        options.file,
        state,
        identity,
        options.symbol,
        options.period,
        once=options.once,
        from_end=options.from_end,
        patience_s=options.patience_s,
    )


def report(outcome: Outcome) -> None:
    """One line of JSON for programs, and a remark for people on what was not taken."""
    told = {
        **dataclasses.asdict(outcome.counts),
        "rows": outcome.tally.sent,
        "bad_lines": outcome.tally.bad,
        "lost_place": outcome.lost_place,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    if outcome.tally.bad:
        sys.stderr.write(f"{outcome.tally.bad} lines were no rows: {outcome.tally.first_bad}\n")
    if outcome.first_reject:
        sys.stderr.write(f"refused by the bridge, the first: {outcome.first_reject}\n")
