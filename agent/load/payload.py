"""Batches of ticks encoded once, to be sent again and again with new times and numbers.

A batch is kept as the text behind its number, with a mark where each tick's time belongs. All
connections share the batches of a moment, so their feeds agree with each other: the price walks
4 pips up and down once a minute, each tick within 0.2 pip of it.
"""

from __future__ import annotations

import math
from itertools import combinations

from agent.simulate.dice import Dice

VARIANTS = 64  # one a second, then from the first again
_MARK = b"@" * 13  # as long as milliseconds since 1970
_SWING_PIPS = 4.0
_JITTER_PIPS = 0.2
_SPREAD_PIPS = 0.8
_DOLLARS = {
    "EUR": 1.09,
    "GBP": 1.27,
    "AUD": 0.66,
    "NZD": 0.60,
    "USD": 1.0,
    "CAD": 0.73,
    "CHF": 1.13,
    "SGD": 0.75,
    "NOK": 0.094,
    "SEK": 0.096,
    "JPY": 0.0067,
}


def symbols(count: int) -> list[str]:
    """`count` names of currency pairs, those with the dollar first; then X055, X056 and so on."""
    pairs = [base + quote for base, quote in combinations(_DOLLARS, 2)]
    pairs.sort(key=lambda pair: "USD" not in pair)
    return (pairs + [f"X{number:03d}" for number in range(len(pairs), count)])[:count]


class Payload:
    """The batches of `batch` ticks for each symbol and variant."""

    def __init__(self, names: list[str], batch: int) -> None:
        self.names = names
        self.batch = batch
        self._bodies = [
            [_body(name, variant, batch) for name in names] for variant in range(VARIANTS)
        ]

    def messages(self, first_seq: int, first_symbol: int, count: int, now_ms: int) -> bytes:
        """`count` lines, numbered from `first_seq`, symbol after symbol from `first_symbol`."""
        bodies = self._bodies[now_ms // 1000 % VARIANTS]
        stamp, size, batch = b"%d" % now_ms, len(bodies), self.batch
        lines = []
        for number in range(count):
            lines.append(b'{"type":"ticks","seq":%d' % (first_seq + number * batch))
            lines.append(bodies[(first_symbol + number) % size].replace(_MARK, stamp))
        return b"".join(lines)


def _body(name: str, variant: int, batch: int) -> bytes:
    dice = Dice(name, variant)
    price, pip = middle(name)
    centre = price + pip * _SWING_PIPS * math.sin(2 * math.pi * variant / VARIANTS)
    rows = b",".join(_row(centre, pip, dice) for _ in range(batch))
    return b',"symbol":"%s","ticks":[%s]}\n' % (name.encode(), rows)


def _row(centre: float, pip: float, dice: Dice) -> bytes:
    bid = centre + pip * dice.uniform(-_JITTER_PIPS, _JITTER_PIPS)
    digits = 3 if pip == 0.01 else 5
    prices = f"{bid:.{digits}f},{bid + _SPREAD_PIPS * pip:.{digits}f}"
    return b"[%s,%s,%d]" % (_MARK, prices.encode(), 1 + int(dice.uniform(0, 9)))


def middle(name: str) -> tuple[float, float]:
    """The price around which a symbol walks, and its pip."""
    base, quote = _DOLLARS.get(name[:3], 1.0), _DOLLARS.get(name[3:6], 1.0)
    return base / quote, 0.01 if name[3:6] == "JPY" else 0.0001
