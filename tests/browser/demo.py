"""A demonstration for the pictures: a whole bridge, simulated terminals, and their faults."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.people import Person
from tests.e2e.bridge import PROJECT, LiveBridge, wait_for

SIGN_IN = re.compile(r"Sign in as (\S+) with the password (\S+)")
SHOWN = {"deviation", "clock", "mute", "crossed", "gap"}
POPULATED_WITHIN_S = 180
# Each comes again before the alert that it made would close, for as long as pictures are taken.
RECURRING = (
    ("clock", "OANDA-MT4", 5, 63),
    ("mute", "ICM-LIVE:BTCUSD", 5, 47),  # which is traded on every day of the week
    ("crossed", "CQG:GBPUSD", 10, 33),
    ("gap", "CQG", 25, 55),
    ("price", "FTMO-DEMO:EURUSD", 40, 44),
)
UNTIL_S = 900


def faults() -> list[str]:
    """As `agent simulate --faults` takes them."""
    return [
        f"{kind}@{at}:{target}"
        for kind, target, first, every in RECURRING
        for at in range(first, UNTIL_S, every)
    ]


@contextmanager
def demo() -> Iterator[tuple[LiveBridge, Person]]:
    """The bridge and who may sign in to it, once its alerts are there; ends with the block."""
    with tempfile.TemporaryDirectory(prefix="fks-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # embedded services pass through it as a user of their own
        bridge = LiveBridge(folder, {"FKS_ENV": "demo"})
        try:
            bridge.start()
            with terminals(bridge):
                wait_for(lambda: is_populated(bridge), POPULATED_WITHIN_S, "alerts of every rule")
                yield bridge, first_person(bridge)
        finally:
            if bridge.process is not None and bridge.process.poll() is None:
                bridge.stop()


@contextmanager
def terminals(bridge: LiveBridge) -> Iterator[None]:
    """The demonstration's terminals, with more faults than a visitor would be shown at once."""
    setup = [sys.executable, "manage.py", "demo_setup"]
    subprocess.run(setup, cwd=PROJECT, env=bridge.environ, check=True, stdout=subprocess.DEVNULL)
    simulate = [sys.executable, "-m", "agent", "simulate", "--faults", *faults()]
    process = subprocess.Popen(
        [*simulate, "--demo", str(bridge.folder / "demo.json")],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def is_populated(bridge: LiveBridge) -> bool:
    alerts = bridge.manage("list_alerts", "--open")
    return {alert["rule"] for alert in alerts} >= SHOWN


def first_person(bridge: LiveBridge) -> Person:
    """Whom the bridge made at its first start, with the password that it printed."""
    found = SIGN_IN.search((bridge.folder / "output.txt").read_text())
    assert found is not None, bridge.output()
    return Person(found[1], found[2])
