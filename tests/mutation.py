"""Mutated input for minutes, shared by everything that is fuzzed: `make fuzz MINUTES=10`.

The seed stands in a failure's text; SEED=n begins with it again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence

MINUTES = float(os.environ.get("MINUTES", "0.2"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
ODD = [
    b"", b"\0", b"\xff", b"\r", b"\n", b"\r\n", b",", b";", b"\t", b'"', b"NaN", b"inf", b"-",
    b"1e99", b"-0", b"9" * 18, b"9" * 40, b"0" * 30, b".", b"1.", b"2022.02.30", b"25:61", b"Z",
    b"+99:99", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b"[" * 300, b":", b"null", b"true",
    b"\\u0000", b"\\ud800", b"1e400", b"{{close}}", b"\xf1", b"\xf2", b"\x78",
]  # fmt: skip


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


def fuzz(name: str, samples: Sequence[bytes], check: Callable[[bytes, random.Random], None]) -> int:
    """Hand mutated samples to `check` for MINUTES; returns how many. What it raises is found."""
    chance = random.Random(SEED)
    ends, tried = time.monotonic() + MINUTES * 60, 0
    while time.monotonic() < ends:
        data = mutated(chance.choice(samples), chance)
        try:
            check(data, chance)
        except Exception as error:
            raise AssertionError(f"{name}, seed {SEED}, try {tried}: {data!r}") from error
        tried += 1
    print(f"{name}: {tried} tries")
    return tried
