"""Runs `python -m agent` as a person would."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FX_TICKS = ROOT / ".." / "shared" / "data" / "fx_ticks"


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


async def start(*words: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", *(str(word) for word in words)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finished(process: asyncio.subprocess.Process, within_s: float = 30) -> Finished:
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Finished(process.returncode or 0, out.decode(), err.decode())


async def agent(*words: object, within_s: float = 30) -> Finished:
    """Run to the end."""
    return await finished(await start(*words), within_s)
