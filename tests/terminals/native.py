"""MetaTrader 4's DLL built for this machine, and where its memory lies."""

from __future__ import annotations

import subprocess
from pathlib import Path

from agent.shm.posix import place_of
from tests.terminals.mql.build import SOURCE4

_FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]


def build_library(folder: Path) -> Path:
    """The shared library of `mql4/native` in this folder. Raises CalledProcessError."""
    made = folder / "libfksbridge.so"
    sources = sorted((SOURCE4 / "native").glob("*.c"))
    subprocess.run(["gcc", *_FLAGS, "-fvisibility=hidden", *sources, "-o", made], check=True)
    return made


def memory_of(name: str) -> Path:
    """The file that is the memory of this name."""
    return place_of(name)
