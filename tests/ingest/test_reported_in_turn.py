"""Sessions are reported in turn, a fifth each second: a thousand at once would hold up all."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from bridge_ingest.gateway import watch
from bridge_ingest.gateway.report import _percentiles


def bridge_of(count: int) -> Any:
    ids = [uuid4() for _ in range(count)]
    return SimpleNamespace(sessions={each: SimpleNamespace(id=each) for each in ids})


def test_each_session_is_reported_once_in_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: Counter[UUID] = Counter()
    monkeypatch.setattr(watch, "report_seen", lambda _, session: reported.update([session.id]))
    bridge = bridge_of(300)

    async def five_seconds() -> None:
        for turn in range(5):
            await watch._report(bridge, turn)
            assert len(reported) < 300 or turn == 4

    asyncio.run(five_seconds())
    assert reported == Counter(dict.fromkeys(bridge.sessions, 1))


def test_a_session_that_closes_while_others_are_reported_is_not_reported_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its last word was that it closed."""
    reported: list[UUID] = []
    bridge = bridge_of(300)

    def report(_: Any, session: Any) -> None:
        reported.append(session.id)
        bridge.sessions.clear()

    monkeypatch.setattr(watch, "report_seen", report)
    asyncio.run(watch._report(bridge, 0))
    assert len(reported) == 1


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], (None, None)),
        ([1.0], (None, None)),
        ([2.0, 1.0], (1.0, 2.0)),
        ([float(n) for n in range(100, 0, -1)], (50.0, 99.0)),
        ([float(n) for n in range(1000)], (499.0, 989.0)),
    ],
)
def test_percentiles_are_values_that_were_measured(
    values: list[float], found: tuple[float | None, float | None]
) -> None:
    assert _percentiles(values) == found
