"""`python -m agent shm`: pass on what MetaTrader 4's program writes into shared memory."""

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import sys

from agent.errors import InputError, RefusedError
from agent.loop import run
from agent.protocol import Identity
from agent.shm.forwarder import Forwarder, Watcher
from agent.shm.layout import memory_bytes
from agent.shm.memory import MemoryFault, open_memory
from agent.shm.pair import Pair
from agent.shm.sketch import Sketch
from agent.signing import hmac_sha256, unsealed
from agent.transport import TcpEndpoint

CAPACITY = 131_072
_EXAMPLE = """examples:
  python -m agent shm --client MT4-1 --key KEY
  python -m agent shm EURUSD GBPUSD --client MT4-1 --key KEY --host bridge.example.com \\
                      --port 8889 --tls system

Each NAME is the input InpName of a program on a chart of this machine. They need not run yet, and
may come and go. Without --key, FKS_AGENT_KEY is used. Ends with Ctrl-C."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "shm",
        help="pass on MetaTrader 4's shared memory",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", default=["1"], metavar="NAME", help="InpName (1)")
    parser.add_argument("--client", required=True)
    parser.add_argument("--key")
    parser.add_argument("--secret", help="signs every message")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument(
        "--tls", metavar="CA_FILE", help='speak TLS, trusting this authority, or "system"'
    )
    parser.add_argument("--server-name", help="the name in the bridge's certificate (--host)")
    parser.add_argument("--capacity", type=int, default=CAPACITY, help=f"InpCapacity ({CAPACITY})")
    parser.add_argument("--sketch", action="store_true", help="print every tick")
    parser.set_defaults(run=command)


def command(options: argparse.Namespace) -> int:
    """1 when the bridge has turned away every program. Raises InputError."""
    return run(_serve(_forwarders(options)))


async def _serve(forwarders: list[Forwarder]) -> int:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_until_refused(each)) for each in forwarders]
    return 1 if all(task.done() for task in tasks) else 0


async def _until_refused(forwarder: Forwarder) -> None:
    """The others go on: their instance or address may still be wanted."""
    try:
        await forwarder.run()
    except RefusedError as why:
        _say(f"{forwarder.name} was turned away by the bridge: {why}")


def _forwarders(options: argparse.Namespace) -> list[Forwarder]:
    key = options.key or os.environ.get("FKS_AGENT_KEY")
    if not key:
        raise InputError("shm needs --key or FKS_AGENT_KEY")
    seal = hmac_sha256(options.secret) if options.secret else unsealed
    identity = Identity(options.client, key, "mt4", seal=seal)
    bridge = TcpEndpoint(options.host, options.port, _tls(options.tls), options.server_name)
    watcher = Sketch().watcher if options.sketch else Watcher(on_trouble=_trouble)
    return [
        Forwarder(name, _pair(name, options.capacity), bridge, identity, watcher)
        for name in dict.fromkeys(options.names)
    ]


def _pair(name: str, capacity: int) -> Pair:
    if not 2 <= capacity <= 2**20 or capacity & (capacity - 1):
        raise InputError(f"--capacity is a power of two up to {2**20}, not {capacity}")
    if not 0 < len(name) <= 100:
        raise InputError("a NAME has 1 to 100 characters")
    try:
        return Pair(open_memory(name, memory_bytes(capacity)), capacity)
    except MemoryFault as fault:
        raise InputError(f"{name}: {fault}") from fault


def _tls(trusted: str | None) -> ssl.SSLContext | None:
    if trusted is None:
        return None
    try:
        return ssl.create_default_context(cafile=None if trusted == "system" else trusted)
    except OSError as fault:
        raise InputError(f"--tls {trusted} can't be read: {fault}") from fault


def _trouble(name: str, problem: str) -> None:
    _say(f"{name}: {problem}" if problem else f"{name}: the session has ended")


def _say(sentence: str) -> None:
    sys.stderr.write(f"agent: {sentence}.\n")
