"""Programs of the terminal as Linux processes: translated, compiled, kept by content."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.terminals.mql.rewrite import Source, rewrite

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
SHIM = HERE / "shim"
SOURCE = Path(os.environ.get("MQL5_SOURCES", PROJECT / "mql5"))
"""The programs; a copy with a seeded defect stands in when the tests themselves are tested."""
SOURCE4 = Path(os.environ.get("MQL4_SOURCES", PROJECT / "mql4"))
"""Those of MetaTrader 4, and its DLL."""

COMPILER = "g++"
_COMMON = ["-std=c++20", "-g1", "-fsanitize=address", "-fno-omit-frame-pointer"]
# What MetaEditor warns of is an error here; unused parameters of events are no fault of theirs.
_PROGRAM = [
    "-O1",
    "-fsanitize=undefined,float-divide-by-zero",
    "-fno-sanitize-recover=all",
    "-ftrivial-auto-var-init=pattern",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wno-sign-conversion",
    "-Wno-unused-parameter",
    "-Werror",
]
_SHIM = ["-O0", "-Wall", "-Wextra", "-Werror"]
# A function that nothing calls must be counted; the cleaning up after exceptions must not, as there
# are none.
_COVERAGE = ["--coverage", "-O0", "-fkeep-inline-functions", "-fno-exceptions"]
_LIBRARIES = ["-lssl", "-lcrypto", "-ldl"]
_KINDS = {"Experts": "Expert", "Indicators": "Indicator", "Scripts": "Script"}


class CompileError(Exception):
    """What the compiler said."""


def build(program: Path, cache: Path, *, coverage: bool = False) -> Path:
    """The program's executable; made anew only when it, its includes or the shim changed.

    Raises NotInSubsetError or CompileError.
    """
    sources = _translate(program)
    digest = _digest(sources, coverage)
    folder = cache / f"{program.stem}-{digest}"
    binary = folder / "program"
    if not binary.exists():
        # Coverage is written beside the object, so that folder may not be renamed afterwards.
        building = folder if coverage else cache / f"{folder.name}.{os.getpid()}"
        _write(sources, building)
        _compile_program(building, cache, coverage)
        if building != folder:
            _keep(building, folder)
    return binary


def _keep(building: Path, folder: Path) -> None:
    if folder.exists():  # another run was quicker
        shutil.rmtree(building)
    else:
        building.rename(folder)


def _translate(program: Path) -> dict[str, Source]:
    """The program and all it includes, by the name under which C++ includes it."""
    main = rewrite(program)
    found: dict[str, Source] = {}
    waiting = list(main.includes)
    # MetaTrader 4's programs have files of their own and share the others with MetaTrader 5's.
    own = program.parents[1] / "Include"
    while waiting:
        name = waiting.pop()
        if name not in found:
            place = own if (own / name).exists() else SOURCE / "Include"
            found[name] = rewrite(place / name)
            waiting.extend(found[name].includes)
    kind = _KINDS.get(program.parent.name, "Expert")
    api = "mql4.hpp" if program.suffix == ".mq4" else "api.hpp"
    head = f'#include "{api}"\nextern const ProgramKind mql_program_kind = ProgramKind::{kind};\n'
    main.cpp = head + main.cpp
    return {**{f"{name}.hpp": source for name, source in found.items()}, "program.cpp": main}


def _digest(sources: dict[str, Source], coverage: bool) -> str:
    digest = hashlib.sha256(repr((_COMMON, _PROGRAM, _COVERAGE, coverage)).encode())
    for name in sorted(sources):
        digest.update(f"{name}\0{sources[name].cpp}\0".encode())
    for path in sorted(SHIM.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _write(sources: dict[str, Source], folder: Path) -> None:
    for name, source in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.cpp)


def _compile_program(folder: Path, cache: Path, coverage: bool) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = sorted(SHIM.glob("*.cpp"))
        objects = [pool.submit(shim_object, part, cache) for part in parts]
        own = _program_object(folder, coverage)
    extra = ["--coverage"] if coverage else []
    sanitizers = ["-fsanitize=address,undefined"]
    linked = [COMPILER, *sanitizers, *extra, str(own), *(str(o.result()) for o in objects)]
    _run([*linked, *_LIBRARIES, "-o", str(folder / "program")])


def _program_object(folder: Path, coverage: bool) -> Path:
    own = folder / "program.o"
    extra = _COVERAGE if coverage else []
    found_in = [f"-isystem{SHIM}", f"-I{folder}"]
    made = ["-c", str(folder / "program.cpp"), "-o", str(own)]
    _run([COMPILER, *_COMMON, *_PROGRAM, *extra, *found_in, *made])
    return own


def shim_object(part: Path, cache: Path) -> Path:
    """One part of the shim, compiled once for all programs."""
    digest = hashlib.sha256(repr((_COMMON, _SHIM)).encode())
    for path in [part, *sorted(SHIM.glob("*.hpp"))]:
        digest.update(path.read_bytes())
    made = cache / f"shim-{part.stem}-{digest.hexdigest()[:16]}.o"
    if not made.exists():
        building = made.with_suffix(f".{os.getpid()}.o")
        _run([COMPILER, *_COMMON, *_SHIM, "-c", str(part), "-o", str(building)])
        building.rename(made)
    return made


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CompileError(done.stderr[-6000:])
