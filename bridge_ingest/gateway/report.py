"""A session's life as journal events: opened, seen, closed. Counters travel as totals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bridge_ingest.clock import now_us
from bridge_ingest.protocol.messages import Hello
from bridge_ingest.protocol.plain_session import PlainSession, PlainStream
from bridge_ingest.protocol.session import Session

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import AnySession, Bridge


def report_opened(bridge: Bridge, session: Session, hello: Hello, transport: str) -> None:
    clocks = session.opening.clocks
    session.emit(
        {
            "kind": "session_opened",
            "key": session.opening.key_id,
            "gateway": bridge.id,
            "transport": transport,
            "peer": session.peer.address,
            "platform": hello.platform,
            "version": hello.version,
            "account": str(hello.account),
            "mode": hello.mode,
            "utc_offset_s": clocks.offset_us // 1_000_000,
            "stated_offset_s": clocks.stated_s,
        },
        now_us(),
    )


def report_plain_opened(bridge: Bridge, session: PlainSession, stream: PlainStream) -> None:
    session.emit(
        {
            "kind": "session_opened",
            "key": None,
            "gateway": bridge.id,
            "transport": session.peer.transport,
            "peer": session.peer.address,
            "platform": stream.client.platform,
            "version": "plain",
            "account": "",
            "mode": "live",
            "utc_offset_s": stream.clocks.offset_us // 1_000_000,
        },
        now_us(),
    )


def report_seen(bridge: Bridge, session: AnySession) -> None:
    """A plain session is reported once it has lived a while: some open one per message."""
    if not isinstance(session, Session):
        if session.stream is None:
            return
        if not session.is_reported:
            session.is_reported = True
            report_plain_opened(bridge, session, session.stream)
    session.emit({"kind": "session_seen", **_figures(session)}, now_us())


def report_closed(session: AnySession, code: str, reason: str) -> None:
    if isinstance(session, Session):
        session.each_second(now_us())
    if isinstance(session, Session) or session.is_reported:
        told = {"code": code, "reason": reason[:200]}
        session.emit({"kind": "session_closed", **told, **_figures(session)}, now_us())


def _figures(session: AnySession) -> dict[str, Any]:
    counters = session.counters
    p50, p99 = _percentiles(list(counters.acks_ms))
    return {
        "items": counters.items,
        "duplicates": counters.duplicates,
        "refused": counters.refused,
        "ack_p50_ms": p50,
        "ack_p99_ms": p99,
    }


def _percentiles(values: list[float]) -> tuple[float | None, float | None]:
    """p50 and p99 by nearest rank; `statistics.quantiles` takes ten times as long."""
    if len(values) < 2:
        return None, None
    values.sort()
    p50, p99 = (values[math.ceil(len(values) * share) - 1] for share in (0.50, 0.99))
    return round(p50, 3), round(p99, 3)
