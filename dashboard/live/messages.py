"""What the other rooms publish for browsers, and what browsers get. All JSON, on Redis pub/sub.

To the board
------------
`fks:live:quotes`, from gateways, ten times a second, only feeds that ticked since the last::

    {"at_ms": 1700000000123,
     "quotes": [[feed_id, bid, ask, event_ms, received_ms, ticks_total], ...]}

`fks:live:verify`, from the shards' workers, conflated, feeds and instruments that changed only::

    {"at_ms": ...,
     "feeds": [[feed_id, deviation_price | null, deviation_pips | null, state], ...],
     "instruments": [[instrument_id, largest_pips | null, threshold_pips | null, state], ...]}

`state` is "verified", "look", "act", "stale", "closed" or "alone" (nothing to compare with). The
deviation is the feed's mid minus the consensus of the others, null where it can't be compared.

`fks:live:event`, from anybody, after commit; pages fetch again what it touches::

    {"kind": "alert" | "signal" | "delivery" | "session" | "client" | "account" | "audit"
             | "import", "id": ..., ...}

An alert's event has `change` ("opened", "changed", "resolved", "acknowledged" ...) and should have
`severity` ("look", "act"), which decides whether it is heard.

`fks:live:health`, from every process, once a second; figures that it lacks are null or left out::

    {"process": "gateway" | "worker.0" | "web" | ..., "at_ms": ...,
     "figures": {"ticks_per_s": ..., "ack_p50_ms": ..., "ack_p99_ms": ..., "sessions": ...,
                 "lag_ms": ..., "pending": ...}}

`ticks_per_s` of a gateway is journalled, of a worker stored. `lag_ms` is the age of the oldest tick
that a worker has yet to store, `pending` how many commits lie in the journal.

To browsers, on `/ws/live`
--------------------------
The first frame, and the first after a browser fell behind, is whole; deltas follow, each with the
next number. A browser that sees a number missing connects again::

    {"type": "snapshot", "seq": 41, "at_ms": ..., "upstream": true, "quotes": [...],
     "feeds": [...], "instruments": [...], "health": [[process, at_ms, figures], ...]}
    {"type": "delta", "seq": 42, "at_ms": ..., <the same lists, changed rows only>, "events": [...]}
    {"type": "beat", "seq": 42, "at_ms": ..., "upstream": true}

A beat comes every second; `upstream` false says that the board hears nothing because Redis is away.
Browsers answer `{"type": "ack", "seq": 42}` at least every fifth delta. One that leaves more than
`fanout.WINDOW` deltas unanswered gets no more until it answers, and then a snapshot.
"""

from __future__ import annotations

from typing import Any

import msgspec

QuoteRow = tuple[int, float, float, int, int, int]
FeedRow = tuple[int, float | None, float | None, str]
InstrumentRow = tuple[int, float | None, float | None, str]
Figures = dict[str, Any]


class QuotesMessage(msgspec.Struct, frozen=True):
    at_ms: int
    quotes: list[QuoteRow]


class VerifyMessage(msgspec.Struct, frozen=True):
    at_ms: int
    feeds: list[FeedRow] = []
    instruments: list[InstrumentRow] = []


class HealthMessage(msgspec.Struct, frozen=True):
    process: str
    at_ms: int
    figures: Figures


class EventMessage(msgspec.Struct, frozen=True):
    """Only `kind` is looked at; the rest travels to browsers as it came."""

    kind: str


class Acknowledgement(msgspec.Struct, frozen=True, tag_field="type", tag="ack"):
    """What a browser may send."""

    seq: int
