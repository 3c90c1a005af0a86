"""The screen and verification mean the same by their states."""

from __future__ import annotations

from dashboard import states
from verification import picture


def test_the_screen_ranks_states_as_verification_does() -> None:
    assert states.URGENCY == picture.URGENCY


def test_every_state_has_a_word() -> None:
    assert set(states.URGENCY) <= set(states.STATE_WORDS)


def test_an_instrument_shows_the_most_urgent_of_its_feeds() -> None:
    assert states.most_urgent(["verified", "look", "act"]) == "act"
    assert states.most_urgent(["closed", "verified"]) == "verified"
    assert states.most_urgent([]) == "stale"
