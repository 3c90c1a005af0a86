"""The collector of cycles, kept out of the way of ticks."""

from __future__ import annotations

import gc


def settle() -> None:
    """Never look again at what is loaded now, and seldom at what comes.

    Records are bytes and arrays without cycles. A full pass over a heap with Django in it stops a
    process for tens of milliseconds, which is seen as the p99 of ticks and signals.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
