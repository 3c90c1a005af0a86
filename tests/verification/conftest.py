"""What all tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from market import adopt


@pytest.fixture(autouse=True)
def _no_feed_is_remembered() -> Iterator[None]:
    """Rows of one test are gone in the next; what a worker remembers of them must be too."""
    adopt.forget()
    yield
    adopt.forget()
