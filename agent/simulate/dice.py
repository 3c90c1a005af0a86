"""Repeatable chance: numbers that depend on nothing but the text they were seeded with."""

from __future__ import annotations

import math
import zlib

_MASK = (1 << 64) - 1


def scramble(number: int) -> int:
    """A 64-bit hash of a 64-bit number (the finaliser of SplitMix64, Steele et al. 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


def seed_of(*words: object) -> int:
    """A number for a list of words, the same in every run."""
    return scramble(zlib.crc32("\x1f".join(str(word) for word in words).encode()))


class Dice:
    """A sequence of chances."""

    def __init__(self, *words: object) -> None:
        self._state = seed_of(*words)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        self._state = scramble(self._state)
        return low + (high - low) * (self._state / 2**64)

    def normal(self, deviation: float) -> float:
        """Around zero; the sum of four uniforms, so never further than 3.5 deviations."""
        total = sum(self.uniform(-1, 1) for _ in range(4))
        return total * deviation * math.sqrt(3 / 4)

    def wait(self, rate: float) -> float:
        """Seconds until the next of events that come `rate` times a second."""
        return -math.log(1.0 - self.uniform()) / rate
