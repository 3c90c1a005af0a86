"""Each parser under mutated files for MINUTES: `make fuzz MINUTES=10`.

Nothing may be raised, every line must be accounted for, and what is accepted must be possible.
The seed is printed with a failure; SEED=n begins with it again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from market.imports import clocks, formats, reading
from market.imports.formats import FORMATS
from market.imports.reading import Terms
from market.imports.shape import Block, Format, Kind, Layout, Parsed
from tests.market.imports.samples import NOW_US, SAMPLES, layout_of

pytestmark = pytest.mark.fuzz

MINUTES = float(os.environ.get("MINUTES", "0.2"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
ODD = [
    b"", b"\0", b"\xff", b"\r", b"\n", b"\r\n", b",", b";", b"\t", b'"', b"NaN", b"inf", b"-",
    b"1e99", b"-0", b"9" * 18, b"9" * 40, b"0" * 30, b".", b"1.", b"2022.02.30", b"25:61", b"Z",
    b"+99:99", b"\xef\xbb\xbf",
]  # fmt: skip
ZONES = [clocks.zone_of(name) for name in ("UTC", "NY+7", "Europe/Athens", "-03:30")]


def flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def digit(data: bytearray, chance: random.Random) -> None:
    places = [at for at, byte in enumerate(data) if chr(byte).isdigit()]
    if places:
        data[chance.choice(places)] = chance.choice(b"0123456789")


def insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(ODD)


def delete(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.randrange(1, 12)]


def repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = data[at : at + chance.randrange(1, 200)]


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [
    flip,
    digit,
    digit,
    insert,
    delete,
    repeat,
]


def mutated(sample: bytes, chance: random.Random) -> bytes:
    data = bytearray(sample)
    for _ in range(chance.randrange(1, 8)):
        if data:
            chance.choice(MUTATIONS)(data, chance)
    return bytes(data)


def check(form: Format, layout: Layout, data: bytes, chance: random.Random) -> None:
    period_s = 0 if form.kind is Kind.TICKS else 60
    stamp = form.stamp and chance.choice(["open", "close"])
    terms = Terms(form, layout, chance.choice(ZONES), stamp, period_s)
    found = reading.read(Block(data, 5), terms, {}, NOW_US)
    assert_accounted(found, layout, data)
    rows = found.rows
    assert np.all((rows["time_us"] > 0) & (rows["time_us"] < NOW_US + 86_400_000_000))
    for name in (rows.dtype.names or ())[2:]:
        assert np.all(np.isfinite(rows[name]) & (rows[name] >= 0)), name


def assert_accounted(found: Parsed, layout: Layout, data: bytes) -> None:
    lines = [*found.rows["line"].tolist(), *(refusal.line for refusal in found.refusals)]
    if layout.record_bytes:
        expected = [*range(5, 5 + -(-len(data) // layout.record_bytes))]
    else:
        expected = [n for n, line in enumerate(data.split(b"\n"), 5) if line.strip()]
    assert sorted(lines) == expected


@pytest.mark.parametrize("code", FORMATS)
def test_no_mutated_file_breaks_a_parser(code: str) -> None:
    form, sample = FORMATS[code], SAMPLES[code]
    layout = layout_of(form, sample)
    head, body = sample[: layout.header_bytes], sample[layout.header_bytes :]
    chance = random.Random(SEED)
    ends, tried = time.monotonic() + MINUTES * 60, 0
    while time.monotonic() < ends:
        data = mutated(body, chance)
        try:
            check(form, layout, data, chance)
            formats.recognise(mutated(head + body, chance))
        except Exception as error:
            raise AssertionError(f"seed {SEED}, try {tried}: {data!r}") from error
        tried += 1
    print(f"{code}: {tried} files")
