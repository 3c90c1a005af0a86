"""One instrument over time: its feeds' deviations and what happened, in shapes for the chart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q

from dashboard.reading.feeds import FeedView
from market.models import Instrument
from signals.models import Signal
from verification.models import Alert

MOST_BUCKETS = 5_000
MOST_MARKERS = 200


class Span(NamedTuple):
    """Unix seconds, the end excluded, and the width of a bucket."""

    start_s: int
    end_s: int
    step_s: int

    @property
    def start(self) -> datetime:
        return datetime.fromtimestamp(self.start_s, UTC)

    @property
    def end(self) -> datetime:
        return datetime.fromtimestamp(self.end_s, UTC)


def ticker(view: FeedView) -> str:
    """The name under which the UDF endpoints know a feed: see `market.directory`."""
    return f"{view.client.name}:{view.feed.source.symbol}"


def deviations(feed_id: int, pip_size: float, span: Span) -> dict[str, list[float]]:
    """Columns t (bucket's start, s) and v (pips): in each bucket the furthest, with its sign."""
    with connection.cursor() as cursor:
        cursor.execute(
            _DEVIATION_SQL,
            {"feed": feed_id, "start": span.start, "end": span.end, "step": span.step_s},
        )
        rows = cursor.fetchall()
    return {
        "t": [int(start) for start, _, _ in rows],
        "v": [round((high if high > -low else low) / pip_size, 3) for _, high, low in rows],
    }


_DEVIATION_SQL = """
SELECT floor(extract(epoch FROM second) / %(step)s)::bigint * %(step)s AS start,
       max(deviation), min(deviation)
FROM verification_deviationpoint
WHERE feed_id = %(feed)s AND second >= %(start)s AND second < %(end)s
GROUP BY 1 ORDER BY 1
"""


def markers(instrument: Instrument, span: Span) -> list[dict[str, Any]]:
    """Signals and alerts of the instrument within the span, oldest first; the latest when many."""
    found = [*_signal_markers(instrument, span), *_alert_markers(instrument, span)]
    found.sort(key=lambda marker: marker["time"])
    return found[-MOST_MARKERS:]


def _signal_markers(instrument: Instrument, span: Span) -> list[dict[str, Any]]:
    signals = Signal.objects.filter(
        symbol=instrument.symbol, created_at__gte=span.start, created_at__lt=span.end
    )[:MOST_MARKERS]
    return [
        {
            "kind": "signal",
            "id": str(signal.pk),
            "time": int(signal.created_at.timestamp()),
            "action": signal.action,
            "label": signal.get_action_display(),
            "text": f"{signal.get_action_display()} · {signal.source}",
        }
        for signal in signals
    ]


def _alert_markers(instrument: Instrument, span: Span) -> list[dict[str, Any]]:
    alerts = Alert.objects.filter(
        Q(instrument=instrument) | Q(feed__instrument=instrument),
        started_at__gte=span.start,
        started_at__lt=span.end,
    ).select_related("client")[:MOST_MARKERS]
    return [
        {
            "kind": "alert",
            "id": alert.pk,
            "time": int(alert.started_at.timestamp()),
            "state": alert.severity,
            "text": f"{alert.client.name} {alert.get_rule_display().lower()}",
        }
        for alert in alerts
    ]


class Verified(NamedTuple):
    """How much of the last hour a feed could be compared, and stood within the threshold."""

    compared: int
    within: int

    @property
    def share(self) -> float | None:
        return self.within / self.compared if self.compared else None


def verified_shares(
    instrument: Instrument, threshold_price: float | None, span: Span
) -> dict[int, Verified]:
    """Feed id -> seconds compared and seconds within the threshold, over the span."""
    if threshold_price is None:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _SHARE_SQL,
            {
                "instrument": instrument.pk,
                "threshold": threshold_price,
                "start": span.start,
                "end": span.end,
            },
        )
        return {feed_id: Verified(compared, within) for feed_id, compared, within in cursor}


_SHARE_SQL = """
SELECT point.feed_id, count(*), count(*) FILTER (WHERE abs(point.deviation) <= %(threshold)s)
FROM verification_deviationpoint point
JOIN market_feed feed ON feed.source_id = point.feed_id
WHERE feed.instrument_id = %(instrument)s
  AND point.second >= %(start)s AND point.second < %(end)s
GROUP BY 1
"""


TRADINGVIEW_PREFIX = {"fx": "FX", "metal": "OANDA", "crypto": "BINANCE"}


def tradingview_symbol(instrument: Instrument) -> str | None:
    """Where TradingView shows the same market; None when the name alone can't say."""
    prefix = TRADINGVIEW_PREFIX.get(instrument.kind)
    if prefix is None or not instrument.symbol.isalnum():
        return None
    return f"{prefix}:{instrument.symbol}"
