"""Price: a feed's mid against what the other feeds of its instrument say at the same moment.

Rows are moments at which something changed, columns are feeds. Everything here is vectorised over
rows; what holds in a row holds until the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verification.checks.episode import Level

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int8]

NOISE = 1e-6
"""A figure must exceed its threshold by so much of it: 1.3833 - 1.3832 is 1.0000000000288 pips."""
AGREED_SHARE = 0.5
"""Two feeds agree while they differ by less than this share of the threshold."""


@dataclass(frozen=True)
class Measure:
    """The unit of an instrument's deviations and its threshold: pips of a size, or basis points."""

    unit: str  # "pips" or "bps"
    pip_size: float
    threshold: float
    clear_share: float

    def scale(self, reference: Floats) -> Floats:
        """What one unit is worth in price at these consensus prices."""
        if self.unit == "pips":
            return np.full(reference.shape, self.pip_size)
        return np.abs(reference) * 1e-4


@dataclass(frozen=True)
class Consensus:
    """What the comparable feeds of each row say together.

    deviation: [rows x feeds] in price units, NaN where the feed has nothing to be compared with.
    reference: [rows] the median of all comparable mids, NaN where there are fewer than two.
    count: [rows] how many feeds were comparable.
    """

    deviation: Floats
    reference: Floats
    count: Integers


def consensus(mids: Floats, comparable: Truths) -> Consensus:
    """Two feeds: each against the other. Three or more: each against the median of all of them."""
    count = comparable.sum(axis=1)
    ordered = np.sort(np.where(comparable, mids, np.inf), axis=1)
    rows = np.arange(len(mids))
    low = ordered[rows, np.maximum(count - 1, 0) // 2]
    high = ordered[rows, np.minimum(count // 2, mids.shape[1] - 1)]
    enough = count >= 2
    reference = np.full(len(mids), np.nan)
    reference[enough] = low[enough] + (high[enough] - low[enough]) / 2
    distance = mids - reference[:, None]
    pair = count == 2
    if pair.any():  # the other's mid, not their middle; taken from it directly, so no digit is lost
        apart = (high[pair] - low[pair])[:, None]
        distance[pair] = np.where(mids[pair] <= low[pair][:, None], -apart, apart)
    return Consensus(np.where(comparable, distance, np.nan), reference, count)


def figures(found: Consensus, measure: Measure) -> Floats:
    """Signed deviations in the rule's unit, NaN where unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return found.deviation / measure.scale(found.reference)[:, None]


def levels(figure: Floats, measure: Measure) -> Levels:
    size = np.abs(figure)
    level = np.full(figure.shape, Level.UNKNOWN, dtype=np.int8)
    level[size >= 0] = Level.BETWEEN
    level[size < measure.threshold * measure.clear_share] = Level.CLEAN
    level[size > measure.threshold * (1 + NOISE)] = Level.OVER
    return level


def blamed(first: int, second: int, mids: Floats, agreed: float | None, newest: int) -> int:
    """Which of two feeds has moved away from the price on which both last agreed.

    `mids` by feed, `newest` the feed whose tick set them apart (or -1). Two feeds alone can't tell
    who is right; they can tell who moved. With no earlier agreement it is the newest's doing.
    """
    if agreed is not None:
        apart = abs(mids[first] - agreed) - abs(mids[second] - agreed)
        if apart != 0:
            return first if apart > 0 else second
    return newest if newest in (first, second) else max(first, second)
