"""The one true price of each instrument at each moment, the same for every simulated broker.

A sum of smooth noises whose periods double and whose amplitudes grow with the square root of the
period: from a second to a week it looks like a random walk with the instrument's volatility. It
depends on (seed, name, time) alone, so a demo that is started again goes on with its prices.
"""

from __future__ import annotations

import math

from agent.simulate.dice import scramble, seed_of
from agent.simulate.instruments import Instrument

_SHORTEST_S = 2.0
_OCTAVES = 18  # the longest period is 2 s x 2^17, three days
_DAY_S = 86_400.0
# Measured: with this factor the moves over 10 s to a day have the deviation that `daily` asks for.
_AMPLITUDE = 0.8


class _Octave:
    """Noise between -1 and 1 that is smooth over one period."""

    def __init__(self, seed: int, period_s: float, amplitude: float) -> None:
        self._seed = seed
        self._period_s = period_s
        self._amplitude = amplitude
        self._index: int | None = None
        self._left = self._right = 0.0

    def at(self, moment_s: float) -> float:
        place = moment_s / self._period_s
        index = math.floor(place)
        if index != self._index:
            self._index = index
            self._left, self._right = self._knot(index), self._knot(index + 1)
        part = place - index
        smooth = part * part * (3.0 - 2.0 * part)
        return self._left + (self._right - self._left) * smooth

    def _knot(self, index: int) -> float:
        share = scramble(self._seed ^ (index & 0xFFFFFFFFFFFF)) / 2**63 - 1.0
        return share * self._amplitude


class Truth:
    """The mid price of one instrument."""

    def __init__(self, seed: int, instrument: Instrument) -> None:
        self.instrument = instrument
        self._octaves = [
            _Octave(
                seed_of(seed, instrument.name, number),
                _SHORTEST_S * 2**number,
                _AMPLITUDE * instrument.daily * math.sqrt(_SHORTEST_S * 2**number / _DAY_S),
            )
            for number in range(_OCTAVES)
        ]

    def mid(self, moment_s: float) -> float:
        """The price at UTC seconds since 1970, not rounded."""
        return self.instrument.price * math.exp(sum(o.at(moment_s) for o in self._octaves))

    def bar(self, start_s: float, length_s: int = 60) -> tuple[float, float, float, float]:
        """Open, high, low and close of a bar, from the price once a second, rounded."""
        prices = [self.mid(start_s + second) for second in range(length_s + 1)]
        digits = self.instrument.digits
        ends = (prices[0], max(prices), min(prices), prices[-1])
        open_, high, low, close = (round(price, digits) for price in ends)
        return open_, high, low, close
