"""MetaTrader 4's DLL as it is shipped, run by wine: named mappings, events, both widths."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.shm.layout import Quote, Text, memory_bytes
from agent.shm.pair import Pair
from agent.shm.posix import PosixMemory
from tests.terminals.mql.build import PROJECT

HERE = Path(__file__).parent
ROOT = PROJECT / "build" / "wine"
CAPACITY = 1024
ROUND_TRIPS = 20_000
_COMPILERS = {32: "i686-w64-mingw32-gcc", 64: "x86_64-w64-mingw32-gcc"}
pytestmark = [pytest.mark.wine, pytest.mark.requires("make", *_COMPILERS.values())]


@dataclass(frozen=True)
class Wine:
    """Runs programs that lie in `folder`."""

    folder: Path
    in_root: bool

    def path(self, name: str) -> str:
        """A file of the folder as Windows' programs name it."""
        place = Path("/mnt/fks") if self.in_root else self.folder
        return "Z:" + str(place / name).replace("/", "\\")

    def run(self, width: int, *words: str) -> str:
        """What the program of this width prints; fails with it when it does not end well."""
        program = [self.path(f"pair{width}.exe"), self.path(dll(width)), *words]
        inside = [str(HERE / "run.sh"), str(ROOT), str(self.folder)] if self.in_root else []
        environ = {**os.environ, "WINEDEBUG": "-all", "DISPLAY": ""}
        command = [*inside, "wine", *program]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=environ, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def dll(width: int) -> str:
    return {32: "fksbridge.dll", 64: "fksbridge64.dll"}[width]


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Wine:
    in_root = (ROOT / ".ready").exists()
    if not in_root and shutil.which("wine") is None:
        pytest.skip("there is no wine; `make wine` fetches one")
    folder = tmp_path_factory.mktemp("wine")
    subprocess.run(["make", "native"], cwd=PROJECT, check=True, capture_output=True)
    for width, compiler in _COMPILERS.items():
        shutil.copy(PROJECT / "build" / "native" / dll(width), folder)
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11", "-static-libgcc"]
        made = ["-o", str(folder / f"pair{width}.exe"), str(HERE / "pair.c")]
        subprocess.run([compiler, *flags, *made], check=True)
    return Wine(folder, in_root)


@pytest.mark.parametrize(("host", "peer"), [(32, 32), (64, 64), (32, 64), (64, 32)])
def test_records_come_back_in_order_from_a_peer_of_either_width_and_a_killed_one_loses_none(
    wine: Wine, host: int, peer: int
) -> None:
    name = f"pair-{host}-{peer}-{os.getpid()}"
    other = (wine.path(f"pair{peer}.exe"), wine.path(dll(peer)))
    told = json.loads(wine.run(host, "host", name, str(ROUND_TRIPS), *other))
    assert told["round_trips"] == ROUND_TRIPS
    print(f"{host} and {peer} bit: median {told['median_us']} us, p99 {told['p99_us']} us")


@pytest.mark.parametrize("width", [32, 64])
def test_what_the_dll_writes_into_a_mapped_file_the_agent_reads_and_answers(
    wine: Wine, width: int
) -> None:
    name, count = f"memory-{width}", 100
    assert json.loads(wine.run(width, "write", wine.path(name), str(count))) == {"number": 150}
    path = wine.folder / name
    pair = Pair(PosixMemory(path, memory_bytes(CAPACITY)), CAPACITY)
    found = [message for message, _ in pair.read(CAPACITY)]
    quotes = [message for message in found if isinstance(message, Quote)]
    texts = [message for message in found if isinstance(message, Text)]
    assert [quote.time_s for quote in quotes] == [1_700_000_000 + n for n in range(1, count + 1)]
    assert [quote.bid for quote in quotes] == [1 + n / 1e5 for n in range(1, count + 1)]
    assert {(quote.symbol, quote.utc_offset_s) for quote in quotes} == {("EURUSD", 7200)}
    assert [text.text for text in texts] == [
        bytes([97 + n % 26]) * (n % 200 + 1) for n in range(1, count + 1)
    ]
    assert [message.number for message in found if message.numbered] == list(range(1, 151))
    for size in (1, 36, 37, 500):
        assert pair.say(b"z" * size)
    pair.close()
    heard = wine.run(width, "hear", wine.path(name)).split()
    assert heard == ["z" * size for size in (1, 36, 37, 500)]
