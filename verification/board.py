"""The latest quotes of many instruments side by side, and the moments at which they changed.

Feeds stand in a matrix: a *group* (row) per instrument, a *slot* (column) per feed of it. A batch
of ticks is laid out once, for all groups together, as rows of that matrix after each tick, so
that the common case (everything agrees) costs a few numpy passes and no Python per tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from verification.checks.deviation import Floats, Integers, Truths

Small = npt.NDArray[np.int32]
NEVER_US = -(1 << 62)
"""The receipt time of a quote that never was: older than any age allows."""


@dataclass(frozen=True)
class Ticks:
    """Ticks to be judged, in order of receipt within each group; all arrays of one length.

    `fresh_until_us`: from then on the quote is too old to be compared; NEVER_US when it took too
    long to arrive.
    """

    group: Small
    slot: Small
    received_us: Integers
    mid: Floats
    spread: Floats
    fresh_until_us: Integers


NO_TICKS = Ticks(
    np.zeros(0, np.int32),
    np.zeros(0, np.int32),
    np.zeros(0, np.int64),
    np.zeros(0),
    np.zeros(0),
    np.zeros(0, np.int64),
)


@dataclass(frozen=True)
class Timeline:
    """The state of every group from one change to the next, groups one after the other.

    Each group's first row is the state it had before. `until_us` is when the next row begins.
    `slot` is the feed whose tick made the row, -1 for none.
    """

    group: Small
    slot: Small
    from_us: Integers
    until_us: Integers
    mids: Floats  # [rows x slots]
    fresh_until_us: Integers  # [rows x slots]

    def part(self, rows: slice) -> Timeline:
        return Timeline(
            self.group[rows],
            self.slot[rows],
            self.from_us[rows],
            self.until_us[rows],
            self.mids[rows],
            self.fresh_until_us[rows],
        )

    @property
    def comparable(self) -> Truths:
        """Which quotes are young enough at the beginning of each row."""
        return self.from_us[:, None] < self.fresh_until_us


class LastQuote(NamedTuple):
    """A feed's last tick, as kept across a restart of the process."""

    feed_id: int
    mid: float
    spread: float
    received_us: int
    usable: bool


class Board:
    """Latest quotes [groups x slots] and, by group, the moment up to which it has been judged."""

    def __init__(self) -> None:
        self.mids = np.zeros((0, 0))
        self.spreads = np.zeros((0, 0))
        self.received_us = np.zeros((0, 0), dtype=np.int64)
        self.fresh_until_us = np.zeros((0, 0), dtype=np.int64)
        self.clock_us = np.zeros(0, dtype=np.int64)
        self._members: list[int] = []

    @property
    def groups(self) -> int:
        return len(self._members)

    @property
    def slots(self) -> int:
        return self.mids.shape[1]

    def add_group(self) -> int:
        self._members.append(0)
        self._resize()
        return len(self._members) - 1

    def add_feed(self, group: int) -> int:
        """The new feed's slot."""
        self._members[group] += 1
        self._resize()
        return self._members[group] - 1

    def place(self, seat: tuple[int, int], quote: LastQuote, max_age_us: int) -> None:
        """Put a feed's last tick where the tick itself would have."""
        self.mids[seat], self.spreads[seat] = quote.mid, quote.spread
        self.received_us[seat] = quote.received_us
        self.fresh_until_us[seat] = quote.received_us + max_age_us if quote.usable else NEVER_US

    def clear(self, group: int) -> None:
        """Forget a group's quotes and its clock."""
        self.received_us[group] = self.fresh_until_us[group] = NEVER_US
        self.clock_us[group] = NEVER_US

    def _resize(self) -> None:
        more = (self.groups - len(self.mids), max(self._members) - self.slots)
        wider = ((0, max(0, more[0])), (0, max(0, more[1])))
        self.mids = np.pad(self.mids, wider)
        self.spreads = np.pad(self.spreads, wider)
        self.received_us = np.pad(self.received_us, wider, constant_values=NEVER_US)
        self.fresh_until_us = np.pad(self.fresh_until_us, wider, constant_values=NEVER_US)
        self.clock_us = np.pad(self.clock_us, wider[0], constant_values=NEVER_US)

    def lay_out(self, ticks: Ticks, groups: Small, until_us: Integers) -> Timeline:
        """Rows of `groups` (ascending) from their clocks to `until_us`; all ticks are of these.

        A tick that was received before its group's clock counts from the clock on.
        """
        group = np.concatenate([groups, ticks.group])
        # Stable, and a radix sort for 16-bit keys: a group's opening row, then its ticks in order.
        order = np.argsort(group.astype(np.uint16), kind="stable")
        group = group[order]
        slot = np.concatenate([np.full(len(groups), -1, np.int32), ticks.slot])[order]
        from_us = np.concatenate([np.full(len(groups), NEVER_US), ticks.received_us])[order]
        from_us = np.maximum(from_us, self.clock_us[group])
        first = np.searchsorted(group, groups)
        until = np.empty_like(from_us)
        until[:-1] = from_us[1:]
        until[np.append(first[1:], len(group)) - 1] = until_us
        mids, fresh_until_us = self._carry(ticks, order, group, slot, first)
        return Timeline(group, slot, from_us, until, mids, fresh_until_us)

    def _carry(
        self, ticks: Ticks, order: Integers, group: Small, slot: Small, first: Integers
    ) -> tuple[Floats, Integers]:
        """Each slot's latest quote after each row: of the row's own ticks, or from before them.

        `order` and `first` as in `lay_out`. Column by column, and columns lie together in memory:
        with a handful of feeds that is several times faster than row by row.
        """
        count, opening = len(group), group[first]
        mids = np.empty((count, self.slots), order="F")
        fresh_until_us = np.empty((count, self.slots), dtype=np.int64, order="F")
        mid = np.append(np.zeros(len(first)), ticks.mid)[order]  # of the tick that made the row
        fresh = np.append(np.zeros(len(first), np.int64), ticks.fresh_until_us)[order]
        for column in range(self.slots):
            # An opening row stands for the quote that was there before the batch.
            mid[first], fresh[first] = (
                self.mids[opening, column],
                self.fresh_until_us[opening, column],
            )
            quoting = np.flatnonzero((slot == column) | (slot == -1))
            latest = np.zeros(count, dtype=np.int64)
            latest[quoting] = quoting
            np.maximum.accumulate(latest, out=latest)
            mids[:, column], fresh_until_us[:, column] = mid[latest], fresh[latest]
        return mids, fresh_until_us

    def keep(self, ticks: Ticks, rows: Timeline, groups: Small, until_us: Integers) -> None:
        """Remember each feed's last tick, and how far the groups have been judged."""
        last = np.searchsorted(rows.group, groups, side="right") - 1
        self.mids[groups] = rows.mids[last]
        self.fresh_until_us[groups] = rows.fresh_until_us[last]
        # Where a place is named twice, the last one stands.
        self.spreads[ticks.group, ticks.slot] = ticks.spread
        self.received_us[ticks.group, ticks.slot] = ticks.received_us
        self.clock_us[groups] = np.maximum(self.clock_us[groups], until_us)


def with_ageing(rows: Timeline) -> Timeline:
    """The rows of one group, with a row more at each moment at which a quote grows too old."""
    too_old_us = rows.fresh_until_us
    inside = (too_old_us > rows.from_us[:, None]) & (too_old_us < rows.until_us[:, None])
    row, slot = np.nonzero(inside)
    if not len(row):
        return rows
    source = np.concatenate([np.arange(len(rows.slot)), row])
    from_us = np.concatenate([rows.from_us, too_old_us[row, slot]])
    order = np.lexsort((from_us, source))  # within a row: itself first, then by moment
    source, from_us = source[order], from_us[order]
    made_by = np.concatenate([rows.slot, np.full(len(row), -1, np.int32)])[order]
    until_us = np.append(from_us[1:], rows.until_us[-1])
    return Timeline(
        rows.group[source],
        made_by,
        from_us,
        until_us,
        rows.mids[source],
        rows.fresh_until_us[source],
    )


def grid_seconds(rows: Timeline) -> tuple[Integers, Integers]:
    """(row, second in microseconds) of each whole second that falls into a row, while its newest
    quote can still be compared: at most a few seconds of each row, however long it lasts.
    """
    end_us = np.minimum(rows.until_us, rows.fresh_until_us.max(axis=1, initial=NEVER_US))
    first = -(-rows.from_us // 1_000_000)
    count = np.maximum(-(-end_us // 1_000_000) - first, 0)
    row = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, (first[row] + within) * 1_000_000
