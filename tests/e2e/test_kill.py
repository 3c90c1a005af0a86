"""kill -9 of any process at any moment loses nothing that was acknowledged, and doubles nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.bridge import PROJECT, SHARED_DATA, LiveBridge, wait_for

KILLS = 24
SPEED = "600"
FROM, TO = "2014-05-02T08:00:00", "2014-05-02T20:59:59"
VICTIMS = {
    "gateway": "manage.py gateway",
    "worker.0": "--queues=shard.0",
    "worker.1": "--queues=shard.1",
    "worker.strategies": "--queues=strategies",
    "worker.default": "--queues=default",
    "redis": "redis-server",
    "postgres": "postgres",
}
FILES = {
    name: SHARED_DATA / "fx_ticks" / f"eurusd_{name}_20140502.csv.gz" for name in ("oanda", "fxcm")
}

pytestmark = [
    pytest.mark.kill,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not SHARED_DATA.exists(), reason="../shared/data is not there"),
]


@pytest.fixture
def lone_bridge() -> Iterator[LiveBridge]:
    with tempfile.TemporaryDirectory(prefix="fks-kill-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        live = LiveBridge(folder)
        try:
            live.start()
            yield live
        finally:
            if live.process is not None and live.process.poll() is None:
                live.stop()


def children(bridge: LiveBridge) -> dict[str, int]:
    """Name and pid of each of the supervisor's children, read from /proc."""
    assert bridge.process is not None
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        for name, part in VICTIMS.items():
            if parent == bridge.process.pid and part in command:
                found[name] = int(entry.name)
    return found


def start_replay(bridge: LiveBridge) -> subprocess.Popen[str]:
    feeds = []
    for name, file in FILES.items():
        key = bridge.issue_key(name.upper(), scopes="ingest,replay")
        feeds += ["--feed", f"client={name.upper()},key={key},symbol=EURUSD,file={file}"]
    window = ["--from", FROM, "--to", TO, "--speed", SPEED, "--patience-s", "120"]
    command = [sys.executable, "-m", "agent", "replay", "--port", str(bridge.tcp_port)]
    return subprocess.Popen(
        [*command, *feeds, *window], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )


def kill_at_random(bridge: LiveBridge, chance: random.Random, replay: subprocess.Popen[str]) -> int:
    """Kill until the replay ends or all kills are done; no process five times within 30 s."""
    recent: dict[str, deque[float]] = {name: deque(maxlen=3) for name in VICTIMS}
    done = 0
    while done < KILLS and replay.poll() is None:
        time.sleep(chance.uniform(0.5, 3.5))
        name, pid = chance.choice(sorted(children(bridge).items()))
        times = recent[name]
        if len(times) == 3 and time.monotonic() - times[0] < 31:
            continue
        times.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)
        done += 1
    return done


def test_every_acknowledged_tick_is_stored_once(lone_bridge: LiveBridge) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    replay = start_replay(lone_bridge)
    kills = kill_at_random(lone_bridge, random.Random(seed), replay)
    output, _ = replay.communicate(timeout=600)
    assert replay.returncode == 0, f"seed {seed}: {lone_bridge.output()}"
    summary = json.loads(output)
    assert summary["rejected"] == 0
    assert kills >= 20, f"seed {seed}: only {kills} kills before the replay ended"
    wait_for(lone_bridge.is_healthy, 60, "the bridge to be healthy again")
    lone_bridge.wait_until_stored(("OANDA", "FXCM"), summary["acked"])
    for client in ("OANDA", "FXCM"):
        stats = lone_bridge.stats(client)
        assert (stats["lost"], stats["refused"]) == (0, 0), f"seed {seed}"
    assert lone_bridge.manage("rebuild_bars", "--check")["equal"] is True, f"seed {seed}"
