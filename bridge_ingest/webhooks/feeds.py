"""What an alert adds to the feeds: its bar, and its indicator values, through the same handlers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from bridge_ingest import symbols
from bridge_ingest.dialects.alert import Alert
from bridge_ingest.events import Event, dispatch
from bridge_ingest.journal import layout
from bridge_ingest.models import Source

MAX_SYMBOLS = 5000
"""Per client, as at the other doors."""


class Sources:
    """Ids of clients' symbols, made as they turn up; None where a client has too many."""

    def __init__(self, wanted: Iterable[tuple[int, str]]) -> None:
        asked = set(wanted)
        rows = Source.objects.filter(
            client__in={client for client, _ in asked}, symbol__in={symbol for _, symbol in asked}
        )
        self._known: dict[tuple[int, str], int | None] = {
            (row.client_id, row.symbol): row.pk for row in rows
        }

    def of(self, client: int, symbol: str) -> int | None:
        key = client, symbol
        if key not in self._known:
            self._known[key] = self._made(client, symbol)
        return self._known[key]

    def _made(self, client: int, symbol: str) -> int | None:
        if Source.objects.filter(client=client).count() >= MAX_SYMBOLS:
            return None
        shard = symbols.shard_of(symbol, settings.FKS.shards)
        row, _ = Source.objects.get_or_create(
            client_id=client, symbol=symbol, defaults={"shard": shard}
        )
        return row.pk


def holds_data(alert: Alert) -> bool:
    return alert.bar is not None or bool(alert.indicators)


def store(placed: Iterable[tuple[int, Alert, int]]) -> None:
    """(source, alert, received_us) each. In the caller's transaction."""
    events: list[Event] = []
    for source, alert, received_us in placed:
        common = {
            "source": source,
            "stream": None,  # the body was counted as one item; its parts are not counted again
            "seq": 0,
            "received_us": received_us,
            "flags": layout.PLAIN,
        }
        events += [{**common, **part} for part in _parts(alert)]
    dispatch(events)


def _parts(alert: Alert) -> list[dict[str, Any]]:
    bar = alert.bar
    moment = {"event_us": bar.stamped_us if bar else alert.event_us}
    values = [
        {"kind": "indicator", "name": name, "value": value, "period": alert.period[:8], **moment}
        for name, value in alert.indicators.items()
    ]
    if bar is None:
        return values
    told = {name: getattr(bar, name) for name in ("open", "high", "low", "close", "volume")}
    stamp = {"period": bar.period, "stamp": "open", "closed": bar.closed}
    return [{"kind": "bar", **stamp, **told, **moment}, *values]
