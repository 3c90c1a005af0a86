"""Journalled events of this floor become rows: sessions, refusals, gaps, counts of streams."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bridge_ingest.clock import from_us
from bridge_ingest.events import Event, handler
from bridge_ingest.live import publish_event
from bridge_ingest.models import Gap, Refusal, Session, Stream
from bridge_ingest.rows import change

LOST = "lost"
"""The close code of a session whose gateway could not say any more that it ended."""
FLOOD = "flood"
_CHANGING = [
    "last_seen_at", "closed_at", "close_code", "close_reason",
    "items", "duplicates", "refused", "ack_p50_ms", "ack_p99_ms",
]  # fmt: skip
_SESSION_TEXTS = ("transport", "peer", "gateway", "platform", "version", "account", "mode")


@handler("session_opened")
def record_opened(events: list[Event]) -> None:
    rows = [_session(event) for event in events]
    Session.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows:
        publish_event({"kind": "session", "id": str(row.pk), "client": row.client_id})


def _session(event: Event) -> Session:
    opened_at = from_us(event["received_us"])
    return Session(
        id=UUID(event["session"]),
        client_id=event["client"],
        stream_id=event["stream"],
        key_id=event["key"],
        utc_offset_s=event["utc_offset_s"],
        opened_at=opened_at,
        last_seen_at=opened_at,
        **{name: _text(event[name], 64) for name in _SESSION_TEXTS},
    )


@handler("session_seen")
def record_seen(events: list[Event]) -> None:
    """A session that is heard of is open, though it was taken for lost while nobody could store."""
    newest = {event["session"]: event for event in events}
    with _rows(newest) as rows:
        for row in rows:
            _count(row, newest[str(row.pk)])
            if row.close_code == LOST:
                row.closed_at, row.close_code, row.close_reason = None, "", ""


@handler("session_closed")
def record_closed(events: list[Event]) -> None:
    newest = {event["session"]: event for event in events}
    with _rows(newest) as rows:
        for row in rows:
            event = newest[str(row.pk)]
            _count(row, event)
            row.closed_at, row.close_code = row.last_seen_at, event["code"]
            row.close_reason = _text(event["reason"], 200)
    for event in events:
        publish_event({"kind": "session", "id": event["session"], "client": event["client"]})


@contextmanager
def _rows(ids: Iterable[str]) -> Iterator[list[Session]]:
    """Rows of sessions, locked, to be changed in the block; what changed is stored after it.

    Counters travel as totals of the session; what they grew by goes to the stream.
    """
    rows = list(Session.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    before = [row.duplicates for row in rows]
    yield rows
    change(rows, _CHANGING)
    grown: Counter[int] = Counter()
    for row, duplicates in zip(rows, before, strict=True):
        if row.stream_id and row.duplicates > duplicates:
            grown[row.stream_id] += row.duplicates - duplicates
    _change_streams({stream: Growth(duplicates=count) for stream, count in grown.items()})


def _count(row: Session, event: Event) -> None:
    row.last_seen_at = from_us(event["received_us"])
    for name in ("items", "duplicates", "refused", "ack_p50_ms", "ack_p99_ms"):
        setattr(row, name, event[name])


@handler("status")
def record_status(events: list[Event]) -> None:
    """The terminal's own counts: what it produced, and what it could not keep."""
    newest = {event["session"]: event for event in events}
    rows = list(Session.objects.select_for_update().filter(pk__in=newest).order_by("pk"))
    for row in rows:
        event = newest[str(row.pk)]
        row.status = {name: value for name, value in event.items() if name not in _ENVELOPE}
    change(rows, ["status"])
    growths: defaultdict[int, Growth] = defaultdict(Growth)
    for event in events:
        growth = growths[event["stream"]]
        growth.produced = max(growth.produced, event["produced"])
        growth.reported_dropped = max(growth.reported_dropped, event["dropped"])
    _change_streams(growths)


@dataclass(slots=True)
class Growth:
    """What a batch of events changes of a stream: counts to add, heights to reach."""

    refused: int = 0
    duplicates: int = 0
    lost: int = 0
    other_items: int = 0
    received: int = 0
    produced: int = 0
    reported_dropped: int = 0


_ADDED = ("refused", "duplicates", "lost", "other_items")
_REACHED = ("received", "produced", "reported_dropped")


def _change_streams(growths: Mapping[int, Growth]) -> None:
    """One read and one write, however many streams."""
    rows = list(Stream.objects.select_for_update().filter(pk__in=growths).order_by("pk"))
    for row in rows:
        growth = growths[row.pk]
        for name in _ADDED:
            setattr(row, name, getattr(row, name) + getattr(growth, name))
        for name in _REACHED:
            setattr(row, name, max(getattr(row, name), getattr(growth, name)))
    change(rows, [*_ADDED, *_REACHED])


_ENVELOPE = frozenset({"kind", "type", "client", "stream", "session", "received_us"})


@handler("refusal")
def record_refusals(events: list[Event]) -> None:
    Refusal.objects.bulk_create([_refusal(event) for event in events])
    growths: defaultdict[int, Growth] = defaultdict(Growth)
    for event in events:
        if event["stream"] and event["seq"]:
            growths[event["stream"]].refused += 1
    _note_received(events, growths)
    _tell_pages(events)


@handler("refusals")
def record_floods(events: list[Event]) -> None:
    """Of a flood one row a session and second is kept, with the count; counters stay exact."""
    seconds: dict[tuple[str | None, int], list[Event]] = defaultdict(list)
    growths: defaultdict[int, Growth] = defaultdict(Growth)
    for event in events:
        seconds[event["session"], event["received_us"] // 1_000_000].append(event)
        if event["stream"]:
            growths[event["stream"]].refused += event["numbered"]
    Refusal.objects.bulk_create([_flood(group) for group in seconds.values()])
    _note_received(events, growths)
    _tell_pages(events)


def _flood(group: list[Event]) -> Refusal:
    count = sum(event["count"] for event in group)
    reason = f"{count:,} more messages of this second were refused; what they held is not kept."
    told = {"code": FLOOD, "field": "", "reason": reason, "body": "", "seq": None}
    row = _refusal({**group[0], **told})
    row.count = count
    return row


def _tell_pages(events: list[Event]) -> None:
    for client in {event["client"] for event in events if event["client"]}:
        publish_event({"kind": "client", "id": client, "change": "refusal"})


def _refusal(event: Event) -> Refusal:
    return Refusal(
        client_id=event["client"],
        stream_id=event["stream"],
        session_id=event["session"],
        seq=event["seq"],
        at=from_us(event["received_us"]),
        transport=event["transport"],
        peer=event["peer"],
        code=event["code"],
        field=_text(event["field"], 64),
        reason=_text(event["reason"], 300),
        body=_text(event["body"], 4096),
    )


@handler("gap")
def record_gaps(events: list[Event]) -> None:
    Gap.objects.bulk_create([_gap(event) for event in events])
    growths: defaultdict[int, Growth] = defaultdict(Growth)
    for event in events:
        growth = growths[event["stream"]]
        growth.lost += event["to"] - event["from"] + 1
        growth.received = max(growth.received, event["to"])
    _change_streams(growths)


def _gap(event: Event) -> Gap:
    return Gap(
        stream_id=event["stream"],
        from_seq=event["from"],
        to_seq=event["to"],
        at=from_us(event["received_us"]),
        reason=_text(event["reason"], 100),
    )


@handler("bar")
@handler("indicator")
@handler("trade")
def count_other_items(events: list[Event]) -> None:
    """Stored by the floors above; counted here, so that produced = stored + refused + lost."""
    growths: defaultdict[int, Growth] = defaultdict(Growth)
    for event in events:
        growths[event["stream"]].other_items += 1
    _note_received(events, growths)


def _note_received(events: list[Event], growths: defaultdict[int, Growth]) -> None:
    """Complete the growths by the highest number of each stream, and store them."""
    for event in events:
        if event["stream"] and event["seq"]:
            growth = growths[event["stream"]]
            growth.received = max(growth.received, event["seq"])
    _change_streams(growths)


def _text(value: Any, length: int) -> str:
    """PostgreSQL's text holds no zero byte."""
    return str(value).replace("\0", "\ufffd")[:length]
