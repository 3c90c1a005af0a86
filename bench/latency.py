"""One tick at a time: until its acknowledgement, and until a strategy's signal is back.

Beside each measurement the same probe asks a bare echo process, at the same time and under the same
load, because on a shared machine a latency says little by itself.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.background import BenchError, last_line, module, running, server
from bench.figures import Quantity, Round, Section, ratio
from bench.house import House

BESIDE_PER_S = 20_000.0
PROBE_PER_S = 200.0
SIGNALLING = tuple(f"SIGNAL-{number}" for number in range(1, 9))
# A narrow spread that neither the load nor a probe between its signals has.
STRATEGY = ("tight_spread", "--on", "max_spread_pips=0.5", "cooldown_s=1")
_LOAD_LEADS_S = 3.0
_LOAD_TRAILS_S = 6.0


def _acks(prefix: str, label: str, **goals: float) -> tuple[Quantity, ...]:
    goal = {name: goals.get(name) for name in ("p50", "p99")}
    return (
        Quantity(f"{prefix}.p50", f"{label} p50", "ms", at_most=goal["p50"]),
        Quantity(f"{prefix}.p99", f"{label} p99", "ms", at_most=goal["p99"]),
        Quantity(f"{prefix}.max", f"{label} max", "ms"),
    )


LATENCY = Section(
    "latency",
    "Tick to acknowledgement, one at a time",
    (
        *_acks("idle", "idle"),
        *_acks("idle.echo", "idle, bare echo"),
        Quantity("idle.ratio", "idle, p99 / echo's p99", "x"),
        *_acks("loaded", "beside 20,000 ticks/s", p50=0.5, p99=5.0),
        *_acks("loaded.echo", "beside 20,000 ticks/s, bare echo"),
        Quantity("loaded.ratio", "beside 20,000 ticks/s, p99 / echo's p99", "x", at_most=6.0),
    ),
)
SIGNAL = Section(
    "signal",
    "Tick to a strategy's signal at the terminal, beside 20,000 ticks/s",
    (
        *_acks("signal", "signal", p99=25.0),
        Quantity("signal.count", "signals timed"),
        Quantity("signal.missing", "signals missing"),
        *_acks("signal.echo", "bare echo"),
        Quantity("signal.ratio", "signal p99 / echo's p99", "x"),
    ),
)


def measure(house: House, seconds: float, say: Callable[[str], None]) -> Round:
    """Half the time idle, half beside the load."""
    say("acknowledgements, idle")
    idle = _beside_echo(house, ("PROBE",), seconds / 2)
    say("acknowledgements beside 20,000 ticks/s")
    with load_beside(house, seconds / 2):
        loaded = _beside_echo(house, ("PROBE",), seconds / 2)
    return {**_round("idle", *idle, "ack_ms"), **_round("loaded", *loaded, "ack_ms")}


def measure_signals(house: House, seconds: float, say: Callable[[str], None]) -> Round:
    """Eight terminals provoke a signal each every 1.3 s."""
    say("signals beside 20,000 ticks/s")
    house.bridge.manage("set_strategy", *STRATEGY)
    with load_beside(house, seconds):
        ours, echo = _beside_echo(house, SIGNALLING, seconds, "--signals")
    house.bridge.manage("set_strategy", "tight_spread", "--off")
    return {
        **_round("signal", ours, echo, "signal_ms"),
        "signal.count": ours["signals"],
        "signal.missing": ours["triggers"] - ours["signals"],
    }


@contextlib.contextmanager
def load_beside(house: House, seconds: float) -> Iterator[None]:
    """20,000 ticks/s from before the block until after it has taken `seconds`."""
    house.keys(SIGNALLING)  # issuing keys takes seconds, which the load must not spend alone
    with running(house.load(BESIDE_PER_S, _LOAD_LEADS_S + seconds + _LOAD_TRAILS_S)) as load:
        time.sleep(_LOAD_LEADS_S)
        yield
        if load.poll() is not None:
            raise BenchError("The load ended before the measurement beside it.")


def _beside_echo(
    house: House, clients: tuple[str, ...], seconds: float, *more: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the probe found at the bridge, and at the echo at the same time."""
    options = ("--seconds", seconds, *house.keys(clients))
    port = house.bridge.tcp_port
    with server(module("bench.bare")) as (echo_port, _):
        asked = module("bench.probe", port, *options, "--rate", PROBE_PER_S, *more)
        beside = module("bench.probe", echo_port, *options, "--rate", PROBE_PER_S)
        with running(asked) as ours, running(beside) as echo:
            return _complete(last_line(ours)), _complete(last_line(echo))


def _complete(found: dict[str, Any]) -> dict[str, Any]:
    if not found["sent"] or found["acked"] != found["sent"]:
        raise BenchError(f"{found['acked']} of {found['sent']} single ticks were acknowledged.")
    return found


def _round(prefix: str, ours: dict[str, Any], echo: dict[str, Any], what: str) -> Round:
    if ours[what]["p99"] is None:
        raise BenchError(f"Nothing was timed: {ours}.")
    return {
        **{f"{prefix}.{name}": value for name, value in ours[what].items()},
        **{f"{prefix}.echo.{name}": value for name, value in echo["ack_ms"].items()},
        f"{prefix}.ratio": ratio(ours[what]["p99"], echo["ack_ms"]["p99"]),
    }
