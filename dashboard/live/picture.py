"""The latest of everything that browsers show, and what of it changed since the last frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from dashboard.live.messages import (
    FeedRow,
    Figures,
    HealthMessage,
    InstrumentRow,
    QuoteRow,
    QuotesMessage,
    VerifyMessage,
)

# Events between two frames. More in a tenth of a second is a flood; pages fetch again anyway.
EVENTS_KEPT = 100
_encode = msgspec.json.Encoder().encode


class Picture:
    """One row per feed, instrument and process, whatever the number of messages: conflation."""

    def __init__(self) -> None:
        self.seq = 0
        self.quotes: dict[int, QuoteRow] = {}
        self.feeds: dict[int, FeedRow] = {}
        self.instruments: dict[int, InstrumentRow] = {}
        self.health: dict[str, tuple[str, int, Figures]] = {}
        self._changed_quotes: dict[int, QuoteRow] = {}
        self._changed_feeds: dict[int, FeedRow] = {}
        self._changed_instruments: dict[int, InstrumentRow] = {}
        self._changed_health: dict[str, tuple[str, int, Figures]] = {}
        self._events: list[dict[str, Any]] = []

    def load_quotes(self, rows: Iterable[QuoteRow]) -> None:
        """What the store knows, under what has been heard live since."""
        for row in rows:
            self.quotes.setdefault(row[0], row)

    def apply_quotes(self, message: QuotesMessage) -> None:
        rows = {row[0]: row for row in message.quotes}
        self.quotes |= rows
        self._changed_quotes |= rows

    def apply_verify(self, message: VerifyMessage) -> None:
        feeds = {row[0]: row for row in message.feeds}
        self.feeds |= feeds
        self._changed_feeds |= feeds
        instruments = {row[0]: row for row in message.instruments}
        self.instruments |= instruments
        self._changed_instruments |= instruments

    def apply_health(self, message: HealthMessage) -> None:
        row = (message.process, message.at_ms, message.figures)
        self.health[message.process] = self._changed_health[message.process] = row

    def add_event(self, event: dict[str, Any]) -> None:
        if len(self._events) < EVENTS_KEPT:
            self._events.append(event)

    def forget_silent(self, at_ms: int, older_than_ms: int) -> None:
        """Processes that ended are no part of the picture any more."""
        self.health = {
            name: row for name, row in self.health.items() if row[1] > at_ms - older_than_ms
        }

    def feeds_by_state(self) -> Counter[str]:
        return Counter(row[3] for row in self.feeds.values())

    def snapshot(self, at_ms: int, *, upstream: bool) -> str:
        """Everything. `upstream`: whether the board hears what is published."""
        return _text(
            type="snapshot",
            seq=self.seq,
            at_ms=at_ms,
            upstream=upstream,
            quotes=list(self.quotes.values()),
            feeds=list(self.feeds.values()),
            instruments=list(self.instruments.values()),
            health=list(self.health.values()),
        )

    def take_delta(self, at_ms: int) -> str | None:
        """The next frame, or None when nothing changed. Taking it raises the number."""
        lists = {
            "quotes": list(self._changed_quotes.values()),
            "feeds": list(self._changed_feeds.values()),
            "instruments": list(self._changed_instruments.values()),
            "health": list(self._changed_health.values()),
            "events": self._events,
        }
        filled = {name: rows for name, rows in lists.items() if rows}
        if not filled:
            return None
        self.seq += 1
        frame = _text(type="delta", seq=self.seq, at_ms=at_ms, **filled)
        self._forget_changes()
        return frame

    def beat(self, at_ms: int, upstream: bool) -> str:
        return _text(type="beat", seq=self.seq, at_ms=at_ms, upstream=upstream)

    def _forget_changes(self) -> None:
        self._changed_quotes.clear()
        self._changed_feeds.clear()
        self._changed_instruments.clear()
        self._changed_health.clear()
        self._events = []


def _text(**fields: Any) -> str:
    return _encode(fields).decode()
