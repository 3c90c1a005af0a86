"""The states of a feed or an instrument, from calm to urgent, and the words that go with them."""

from __future__ import annotations

from collections.abc import Iterable

VERIFIED, LOOK, ACT = "verified", "look", "act"
STALE, CLOSED, ALONE = "stale", "closed", "alone"

STATE_WORDS = {
    VERIFIED: "verified",
    LOOK: "look",
    ACT: "act",
    STALE: "silent",
    CLOSED: "market closed",
    ALONE: "no second feed",
    "signal": "signal",
    "off": "not connected",
}

# Where a column is narrow and the age stands beside the word.
SHORT_WORDS = {STALE: "silent", CLOSED: "market closed", ALONE: "alone"}

# What an instrument shows when its feeds differ: the first of these that any feed is in.
URGENCY = (ACT, LOOK, VERIFIED, STALE, ALONE, CLOSED)


def most_urgent(states: Iterable[str]) -> str:
    """The state that an instrument takes from its feeds; `stale` when it has none."""
    present = set(states)
    return next((state for state in URGENCY if state in present), STALE)
