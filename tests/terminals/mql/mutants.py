"""Do the tests bite? Defects seeded one at a time into a copy of the programs must all be caught.

    python -m tests.terminals.mql.mutants [number ...]

Exit code 1 when one survives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.terminals.mql.build import PROJECT

_EXPERT = "tests/terminals/test_mt5_expert.py"
_OTHERS = "tests/terminals/test_mt5_others.py"
_LANGUAGE = "tests/terminals/test_mql_language.py"


@dataclass(frozen=True)
class Mutant:
    """One defect: `old` becomes `new` in a file below mql5/; `tests` should notice."""

    path: str
    old: str
    new: str
    tests: tuple[str, ...] = (_EXPERT,)


MUTANTS = [
    Mutant("Include/FKS/Text.mqh", "      copied--;\n", "      copied += 0;\n"),
    Mutant("Include/FKS/Text.mqh", "MathMax(0, left), 4096", "MathMax(1, left), 4096"),
    Mutant("Include/FKS/Text.mqh", "while(StringGetCharacter(text, end - 1) == '0')", "if(true)"),
    Mutant("Include/FKS/Session.mqh", "m_cursor = resume;", "m_cursor = m_cursor;"),
    Mutant("Include/FKS/Session.mqh", "m_ring.Ack(seq);", "m_ring.Ack(seq - 1);"),
    Mutant("Include/FKS/Session.mqh", "if(seq > m_reached)", "if(seq > m_reached + 100)"),
    Mutant("Include/FKS/Session.mqh", "if(resume > m_ring.Next())", "if(false)"),
    Mutant(
        "Include/FKS/Session.mqh",
        'm_cursor = MathMin(m_cursor, message.Whole(0, "from"));',
        "m_cursor = m_cursor;",
    ),
    Mutant("Include/FKS/Session.mqh", "m_cursor = end;", "m_cursor = end + 1;"),
    Mutant("Include/FKS/Session.mqh", "more.symbol != item.symbol || ", ""),
    Mutant("Include/FKS/Session.mqh", 'code == "auth" || code == "revoked"', 'code == "auth"'),
    Mutant("Include/FKS/Session.mqh", 'line + "\\thmac:"', 'line + " hmac:"'),
    Mutant("Include/FKS/Session.mqh", "ArrayResize(m_in, 0);\n      ArrayResize(m_out, 0);", ""),
    Mutant(
        "Include/FKS/Feed.mqh", "(ulong)m_place.msc, (uint)(", "(ulong)m_place.msc + 1, (uint)("
    ),
    Mutant("Include/FKS/Feed.mqh", "skip--;", "skip -= 0;"),
    Mutant("Include/FKS/Feed.mqh", "iTime(m_symbol, m_period, 1)", "iTime(m_symbol, m_period, 0)"),
    Mutant("Include/FKS/Feed.mqh", "m_last + 1, closed", "m_last, closed"),
    Mutant("Include/FKS/Ring.mqh", "m_dropped -= rescued;", "", (_LANGUAGE,)),
    Mutant("Include/FKS/Ring.mqh", "if(Room() <= 0)", "if(Room() < 0)"),
    Mutant("Include/FKS/Signals.mqh", "      FileFlush(m_file);\n", ""),
    Mutant("Include/FKS/Signals.mqh", "FileFlush(m_file);", "FileFlush(m_file + 1);"),
    Mutant("Include/FKS/Signals.mqh", "!= 8)", "!= 9)"),
    Mutant("Include/FKS/Bridge.mqh", 'FileDelete(m_name + ".state");', ""),
    Mutant("Include/FKS/Bridge.mqh", "m_feeds[at].SetPlace(place);", "m_turn = 0;"),
    Mutant("Include/FKS/Bridge.mqh", "      m_book.Close();\n", ""),
    Mutant("Include/FKS/Bridge.mqh", "if(life.drawn)\n         return;", ""),
    Mutant("Include/FKS/Bridge.mqh", "m_drawing.Erase(chart, life.signal.id);", "m_turn = 0;"),
    Mutant("Include/FKS/Trade.mqh", "if(!m_trade.execute)", "if(false)"),
    Mutant("Include/FKS/Trade.mqh", "if(!m_book.Move(at, STAGE_SENDING))", "if(false)"),
    Mutant("Include/FKS/Trade.mqh", "request.sl = signal.stopLoss;", ""),
    Mutant(
        "Include/FKS/Trade.mqh",
        " && PositionGetInteger(POSITION_MAGIC) == m_trade.magic)",
        ")",
    ),
    Mutant("Include/FKS/Drawing.mqh", "StringSubstr(id, 0, 48)", "StringSubstr(id, 0, 4)"),
    Mutant("Include/FKS/NativeLink.mqh", "CutFront(bytes, sent);", "ArrayResize(bytes, 0);"),
    Mutant("Include/FKS/NativeLink.mqh", "SocketClose(m_socket);", "ResetLastError();"),
    Mutant("Include/FKS/Hmac.mqh", "HmacPass(block, 0x36", "HmacPass(block, 0x35", (_LANGUAGE,)),
    Mutant(
        "Include/FKS/Socket.mqh", "CutFront(bytes, sent);", "ArrayResize(bytes, 0);", (_OTHERS,)
    ),
    Mutant("Include/FKS/Zmq.mqh", "sent = end + 1;", "sent = end;", (_OTHERS,)),
    Mutant("Include/FKS/HttpLink.mqh", 'moment + "."', 'moment + ","', (_OTHERS,)),
]


def main(chosen: list[str]) -> int:
    numbers = [int(number) for number in chosen] or range(len(MUTANTS))
    survivors = [number for number in numbers if not is_caught(number)]
    print(f"{len(numbers) - len(survivors)} of {len(numbers)} caught; survived: {survivors}")
    return 1 if survivors else 0


def is_caught(number: int) -> bool:
    """Whether a test fails, or the compiler refuses, with this defect in the programs."""
    mutant = MUTANTS[number]
    with tempfile.TemporaryDirectory(prefix="fks-mutant-") as name:
        copy = Path(name) / "mql5"
        shutil.copytree(PROJECT / "mql5", copy)
        path = copy / mutant.path
        text = path.read_text()
        assert mutant.old in text, f"mutant {number} fits nowhere"
        path.write_text(text.replace(mutant.old, mutant.new))
        environ = {**os.environ, "FKS_MQL5_SOURCE": str(copy)}
        pytest = [sys.executable, "-m", "pytest", "-q", "-x", "--timeout", "60"]
        command = [*pytest, "-o", "cache_dir=.pytest_cache/mql-mutants", *mutant.tests]
        done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, check=False)
    caught = done.returncode == 1
    first = next((x for x in done.stdout.decode().splitlines() if x.startswith("FAILED")), "")
    print(
        f"{number:3} {'caught' if caught else 'SURVIVED'} {mutant.path}: {first[:150]}", flush=True
    )
    return caught


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
