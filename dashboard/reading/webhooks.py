"""A client's webhook inbox as the pages show it, and what a mapping would make of its bodies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge_ingest.clock import from_us, to_us
from bridge_ingest.dialects import names
from bridge_ingest.dialects.alert import Alert
from bridge_ingest.dialects.mapping import Mapping
from bridge_ingest.dialects.recognise import read
from bridge_ingest.models import Client, Platform
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.webhooks.models import (
    WebhookAlert,
    WebhookBody,
    WebhookInbox,
    WebhookMapping,
)
from bridge_ingest.webhooks.reading import Rules, judge_all

PREVIEWED = 12
_VALUES_SHOWN = 40
_TEXT_SHOWN = 4096


@dataclass(frozen=True, slots=True)
class Inbox:
    """The counts of all time, and the newest of what is kept; refused bodies with their text."""

    counts: WebhookInbox
    refused: list[tuple[WebhookBody, str]]
    alerts: list[WebhookAlert]
    kept: int


def inbox_of(client: Client, limit: int) -> Inbox | None:
    """None for a client that never posted and is no alert source."""
    counts = WebhookInbox.objects.filter(client=client).first()
    if counts is None:
        if client.platform != Platform.TRADINGVIEW:
            return None
        return Inbox(WebhookInbox(client=client), [], [], 0)
    rows = WebhookBody.objects.filter(client=client, state=WebhookBody.State.REFUSED)
    covered = rules_of(client).mapping.secret_path
    return Inbox(
        counts,
        [(row, _text(row, covered)) for row in rows[:limit]],
        list(WebhookAlert.objects.filter(client=client)[:limit]),
        rows.count(),
    )


def rules_of(client: Client) -> Rules:
    """Mapping and password as saved; none of both when nothing was."""
    row = WebhookMapping.objects.filter(client=client).first()
    return Rules() if row is None else Rules(row.as_mapping(), row.version, row.secret)


@dataclass(frozen=True, slots=True)
class Preview:
    """One body, its values by path, and what the mapping makes of it."""

    row: WebhookBody
    text: str
    values: list[tuple[str, str]]
    facts: list[tuple[str, str]] = field(default_factory=list)
    reason: str = ""


def previews(client: Client, rules: Rules) -> list[Preview]:
    """The client's last bodies, kept and refused, as `rules` read them."""
    return [_preview(row, rules) for row in client.webhook_bodies.all()[:PREVIEWED]]


def _preview(row: WebhookBody, rules: Rules) -> Preview:
    body = bytes(row.body)
    judged = judge_all(body, row.content_type, to_us(row.received_at), rules)
    verdict = judged[0][1]
    values = _values(body, rules.mapping, row.content_type)
    text = _text(row, rules.mapping.secret_path)
    if len(judged) > 1:
        return Preview(row, text, values, _items(each.alert for _, each in judged))
    if verdict.alert is not None:
        return Preview(row, text, values, _facts(verdict.alert))
    reason = verdict.refused.reason if verdict.refused else ""
    return Preview(row, text, values, reason=reason)


def _text(row: WebhookBody, secret_path: str) -> str:
    """The body as people may see it."""
    return names.masked(row.text[:_TEXT_SHOWN], secret_path)


def _values(body: bytes, mapping: Mapping, content_type: str) -> list[tuple[str, str]]:
    try:
        fields = read(body, mapping, content_type).fields
    except Refused:
        return []
    shown = list(fields.items())[:_VALUES_SHOWN]

    def is_covered(path: str) -> bool:
        return names.is_secret(path) or path == mapping.secret_path

    return [(path, names.COVER if is_covered(path) else str(value)[:80]) for path, value in shown]


def _items(alerts: Iterable[Alert | None]) -> list[tuple[str, str]]:
    """A line for each item of a list."""
    return [
        (f"Item {number}", f"{alert.symbol} {alert.action} at {_shown(alert.price)}")
        for number, alert in enumerate(alerts, start=1)
        if alert is not None
    ]


def _facts(alert: Alert) -> list[tuple[str, str]]:
    """What the alert says, in the order of a ticket; what it does not say is left out."""
    stated = from_us(alert.event_us).strftime("%Y-%m-%d %H:%M:%S UTC")
    facts: list[tuple[str, str | float | None]] = [
        ("Symbol", f"{alert.exchange} {alert.symbol}".strip()),
        ("Action", alert.action),
        ("Price", alert.price),
        ("Time", stated if alert.states_time else "not stated: the moment of receipt"),
        ("Period", alert.period),
        ("Bar", _bar(alert)),
        ("Volume", alert.volume),
        ("Stop loss", alert.stop_loss),
        ("Take profit", alert.take_profit),
        ("Quantity", alert.quantity),
        ("Position", alert.position),
        ("Confidence", alert.confidence),
        ("Note", alert.note),
        ("Own id", alert.alert_id),
        ("Repeat key", alert.repeat_value),
        ("Indicators", ", ".join(f"{name} {value:g}" for name, value in alert.indicators.items())),
        ("Not read", ", ".join(alert.unread)),
    ]
    return [(name, _shown(value)) for name, value in facts if value not in (None, "")]


def _bar(alert: Alert) -> str:
    bar = alert.bar
    if bar is None:
        return ""
    return " ".join(_shown(value) for value in (bar.open, bar.high, bar.low, bar.close))


def _shown(value: str | float | None) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def paths_of(shown: Iterable[Preview]) -> list[str]:
    """Every path that any of the bodies has, for the form's suggestions."""
    return list(dict.fromkeys(path for each in shown for path, _ in each.values))
