"""`python -m agent replay`: recorded ticks through the bridge, one line of counts at the end."""

from __future__ import annotations

import argparse
import json
import os
import sys

from agent.errors import InputError
from agent.loop import run
from agent.replay.feed import decimal, feed_of, parse_feed
from agent.replay.player import Outcome, Plan, play
from agent.transport import TcpEndpoint

_EXAMPLE = """examples:
  python -m agent replay --client OANDA --key KEY --symbol EURUSD oanda.csv.gz
  python -m agent replay --feed client=OANDA,key=K1,symbol=EURUSD,file=oanda.csv.gz \\
                         --feed client=FXCM,key=K2,symbol=EURUSD,file=fxcm.csv,clock_shift_s=-18000

A file holds time,bid,ask[,volume] in order of time, with or without a line of names; time is ISO
text (UTC unless it says otherwise) or milliseconds since 1970. What --feed does not say is taken
from the other options. Without --key, the environment's FKS_AGENT_KEY is used."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "replay",
        help="send recorded ticks",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", help=".csv or .csv.gz of ticks")
    parser.add_argument("--feed", action="append", default=[], metavar="NAME=VALUE,...")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--speed", default="max", help="max, or a factor of real time")
    parser.add_argument("--batch", type=int, default=100, help="ticks a message (100)")
    parser.add_argument("--patience-s", type=float, default=60.0, help="wait for an answer (60)")
    _add_feed_options(parser)
    parser.set_defaults(run=command)


def _add_feed_options(parser: argparse.ArgumentParser) -> None:
    """Texts without defaults: what is given here is common to all feeds."""
    parser.add_argument("--client")
    parser.add_argument("--key")
    parser.add_argument("--symbol")
    parser.add_argument("--platform", help="mt4, mt5, ninjatrader, tradingview or agent (agent)")
    parser.add_argument(
        "--stream", help="name of the numbering; the same name goes on after a stop"
    )
    parser.add_argument("--clock-shift-s", help="added to event times; receipt times stay true")
    parser.add_argument("--price-shift", help="added to bid and ask")
    parser.add_argument("--shift-from", help="UTC, start of the price shift")
    parser.add_argument("--shift-to", help="UTC, end of the price shift, excluded")
    parser.add_argument("--from", help="UTC, start of the window")
    parser.add_argument("--to", help="UTC, end of the window, excluded")
    parser.add_argument("--limit", help="at most so many ticks of each feed")


def command(options: argparse.Namespace) -> int:
    """0 when everything was acknowledged. Raises BridgeError with one clear sentence otherwise."""
    outcome = run(play(plan_of(options), TcpEndpoint(options.host, options.port)))
    report(outcome)
    return 0


def plan_of(options: argparse.Namespace) -> Plan:
    """What the command line asks for. Raises InputError."""
    common = _common(options)
    feeds = [parse_feed(text, common) for text in options.feed]
    if options.file or not feeds:
        feeds.append(feed_of(common))
    return Plan(feeds, _speed(options.speed), max(1, options.batch), options.patience_s)


def _common(options: argparse.Namespace) -> dict[str, str]:
    names = (
        *("client", "key", "symbol", "platform", "stream", "clock_shift_s", "price_shift"),
        *("shift_from", "shift_to", "from", "to", "limit", "file"),
    )
    given = {name: getattr(options, name) for name in names}
    given["key"] = given["key"] or os.environ.get("FKS_AGENT_KEY")
    return {name: text for name, text in given.items() if text is not None}


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    speed = float(decimal(text))
    if speed <= 0:
        raise InputError(f"--speed is max or a factor above 0, not {text}")
    return speed


def report(outcome: Outcome) -> None:
    """One line of JSON for programs, and a remark for people when ticks were refused."""
    summary = outcome.summary()
    sys.stdout.write(json.dumps(summary) + "\n")
    if summary["rejected"]:
        sys.stderr.write(f"{summary['rejected']} refused, the first: {outcome.first_reject}\n")
