"""What can't be true is refused; what is only strange (crossed quotes, gaps) is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from market.imports.shape import BAR_ROW, Code, Column, Refusal, Rows

_FUTURE_US = 15 * 3_600_000_000
"""As for live data: a server clock of UTC+14 that is taken for UTC lies 14 hours ahead."""


def accepted(
    rows: Rows, *, now_us: int, allows_nonpositive: bool, shown: Callable[[int], bytes]
) -> tuple[Rows, list[Refusal]]:
    """The rows (in UTC) that can be true, and why each of the others can't.

    `shown` gives the text of a line.
    """
    wrong = np.zeros(len(rows), "i2")
    codes = list(_faults(rows, now_us, allows_nonpositive).items())
    for number, (_, faulty) in enumerate(codes, 1):
        wrong[(wrong == 0) & faulty] = number
    refused = np.flatnonzero(wrong)
    refusals = [
        Refusal.of(line := int(rows["line"][at]), codes[wrong[at] - 1][0], shown(line))
        for at in refused.tolist()
    ]
    return (rows[wrong == 0] if len(refused) else rows), refusals


def _faults(rows: Rows, now_us: int, allows_nonpositive: bool) -> dict[Code, Column]:
    is_bar = rows.dtype == BAR_ROW
    prices = ("open", "high", "low", "close") if is_bar else ("bid", "ask")
    bad_price = np.zeros(len(rows), dtype=bool)
    for name in prices:
        bad_price |= ~np.isfinite(rows[name])
        if not allows_nonpositive:
            bad_price |= ~(rows[name] > 0)
    if not is_bar:
        bad_price |= ~np.isfinite(rows["last"])
        if not allows_nonpositive:
            bad_price |= rows["last"] < 0
    faults = {
        Code.FUTURE: rows["time_us"] > now_us + _FUTURE_US,
        Code.TIME: rows["time_us"] <= 0,
        Code.PRICE: bad_price,
        Code.VOLUME: ~(np.isfinite(rows["volume"]) & (rows["volume"] >= 0)),
    }
    if is_bar:
        faults[Code.RANGE] = ~_encloses(rows)
    return faults


def _encloses(rows: Rows) -> Column:
    low, high = rows["low"], rows["high"]
    encloses: Column = low <= high
    for name in ("open", "close"):
        encloses &= (low <= rows[name]) & (rows[name] <= high)
    return encloses
