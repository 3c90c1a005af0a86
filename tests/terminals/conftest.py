"""What the tests of terminal code share: compiled programs, terminals in folders of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.bridge import LiveBridge
from tests.terminals.mql.build import SOURCE, build
from tests.terminals.mql.metatrader import MetaTrader
from tests.terminals.native import build_library, memory_of
from tests.terminals.ninja import NinjaTrader, compile_client

Compile = Callable[[Path], Path]
Launch = Callable[..., MetaTrader]


@pytest.fixture(scope="session")
def compile_mql(request: pytest.FixtureRequest) -> Compile:
    """A program's executable, kept below pytest's cache as long as its content stays the same."""
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("mql")
    coverage = os.environ.get("MQL_COVERAGE") == "1"
    return lambda program: build(program, folder, coverage=coverage)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The POSIX build of MetaTrader 4's DLL."""
    return build_library(tmp_path_factory.mktemp("native"))


@pytest.fixture
def name() -> Iterator[str]:
    """Of a shared memory, which is gone after the test."""
    chosen = f"test-{os.getpid()}-{time.time_ns()}"
    yield chosen
    for path in memory_of(chosen).parent.glob(f"{memory_of(chosen).name}*"):
        path.unlink()


@pytest.fixture
def launch(compile_mql: Compile, tmp_path: Path) -> Iterator[Launch]:
    """`launch("Experts/FKSBridgeEA.mq5", InpPort=8888)`: a terminal with the program on its chart.

    At the test's end every terminal is closed and must have left nothing open.
    """
    with ExitStack() as stack:

        def start(program: str, folder: Path | None = None, **inputs: object) -> MetaTrader:
            home = folder or tmp_path
            home.mkdir(exist_ok=True)
            binary = compile_mql(SOURCE / program)
            return stack.enter_context(MetaTrader(binary, home, **inputs))

        yield start


@pytest.fixture(scope="session")
def ninjatrader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NinjaTrader's client with the driver that plays the platform."""
    return compile_client(tmp_path_factory.mktemp("ninjatrader"))


@pytest.fixture
def launch_ninjatrader(ninjatrader: Path, tmp_path: Path) -> Iterator[Callable[..., NinjaTrader]]:
    """`launch()`: a platform on the test's own user folder, stopped at the end of the test."""
    with ExitStack() as stack:

        def start(culture: str = "en_US.UTF-8") -> NinjaTrader:
            return stack.enter_context(NinjaTrader(ninjatrader, tmp_path, culture))

        yield start


@pytest.fixture
def ninja_client(bridge: LiveBridge) -> tuple[str, str]:
    """A client of the test's own: its name and key."""
    name = f"NINJA-{uuid4().hex[:8]}"
    return name, bridge.issue_key(name, platform="ninjatrader")
