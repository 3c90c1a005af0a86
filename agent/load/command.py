"""`python -m agent load`: how much, and how fast."""

from __future__ import annotations

import argparse
import json
import ssl
import sys
from dataclasses import replace
from typing import Any

from agent.errors import InputError
from agent.load import latency, throughput
from agent.load.encoding import ENCODINGS as FEATURES
from agent.load.payload import symbols
from agent.loop import run
from agent.protocol import Identity

_EXAMPLE = """examples:
  python -m agent load --key L1=KEY --key L2=KEY --connections 2 --rate 250000 --seconds 60
  python -m agent load --key L1=KEY --rate 0 --seconds 10          as fast as it is taken
  python -m agent load --key L1=KEY --one-at-a-time --rate 200 --seconds 20 --signal-symbol EURUSD

Prints a line of JSON for each 5 s and a last one with the totals."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "load",
        help="measure throughput or latency",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--key", action="append", required=True, metavar="NAME=KEY")
    parser.add_argument("--connections", type=int, help="as many as keys unless told otherwise")
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--batch", type=int, default=100, help="ticks a message, up to 1000 (100)")
    parser.add_argument("--rate", type=float, help="ticks a second in all, 0 for unpaced")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--features", choices=sorted(FEATURES), default="json", help="how ticks travel (json)"
    )
    parser.add_argument("--tls", metavar="CA_FILE", help="speak TLS, trusting this authority")
    parser.add_argument("--one-at-a-time", action="store_true", help="measure latency")
    parser.add_argument("--signal-symbol", help="measure the way to a signal for this symbol too")
    parser.add_argument("--signal-every-s", type=float, default=1.0, help="ask this often (1)")
    parser.add_argument("--tight-pips", type=float, default=0.2, help="spread that asks for one")
    parser.set_defaults(run=command)


def command(options: argparse.Namespace) -> int:
    """0, or 1 when not everything was acknowledged. Raises BridgeError when there is no link."""
    identities = _identities(options)
    if options.one_at_a_time:
        figures = run(latency.measure(_probe(options, identities[0]), options.host, options.port))
        done = figures["acked"] == figures["sent"]
    else:
        load = _load(options, identities)
        figures = run(throughput.measure(load, options.host, options.port, _print))
        done = figures["settled"]
    _print(figures)
    return 0 if done else 1


def _load(options: argparse.Namespace, identities: list[Identity]) -> throughput.Load:
    if not 1 <= options.batch <= 1000 or options.symbols < 1:
        raise InputError("--batch is 1 to 1000 and --symbols at least 1")
    rate = 250_000.0 if options.rate is None else options.rate
    features = () if options.features == "json" else (options.features,)
    return throughput.Load(
        [replace(identity, features=features) for identity in identities],
        options.symbols,
        options.batch,
        rate,
        options.seconds,
        encoding=options.features,
        tls=_tls(options.tls),
    )


def _tls(ca_file: str | None) -> ssl.SSLContext | None:
    if ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as fault:
        raise InputError(f"--tls {ca_file} can't be read: {fault}") from fault


def _probe(options: argparse.Namespace, identity: Identity) -> latency.Probe:
    rate = 200.0 if options.rate is None else options.rate
    if rate <= 0:
        raise InputError("--one-at-a-time needs a --rate above 0")
    names = symbols(options.symbols)
    if options.signal_symbol not in (None, *names):
        names = [*names[:-1], options.signal_symbol]
    return latency.Probe(
        identity,
        names,
        rate,
        options.seconds,
        options.signal_symbol,
        options.signal_every_s,
        options.tight_pips,
    )


def _identities(options: argparse.Namespace) -> list[Identity]:
    """One for each connection; with fewer keys than connections they are used in turn."""
    pairs = [text.partition("=") for text in options.key]
    if any(not (name and equals and key) for name, equals, key in pairs):
        raise InputError("--key wants NAME=KEY")
    count = options.connections or len(pairs)
    chosen = (pairs * count)[:count]
    return [Identity(name, key, "agent") for name, _, key in chosen]


def _print(fields: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()
