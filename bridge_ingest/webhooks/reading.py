"""One posted body read with a client's mapping: its row, and its alert or the reason why not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import structlog

from bridge_ingest.clock import from_us
from bridge_ingest.dialects.alert import Alert, BarValues
from bridge_ingest.dialects.array import items_of
from bridge_ingest.dialects.body import MAX_BODY_BYTES
from bridge_ingest.dialects.mapping import PLAIN, Mapping
from bridge_ingest.dialects.understand import understand
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.webhooks.models import WebhookAlert, WebhookBody, WebhookMapping
from bridge_ingest.webhooks.secret import Secret

State = WebhookBody.State


@dataclass(frozen=True, slots=True)
class Rules:
    """A client's mapping and password as they stand."""

    mapping: Mapping = PLAIN
    version: int = 0
    secret: Secret | None = None


NO_RULES = Rules()
_DEFECT = Refused(
    "defect", "", "The bridge failed to read this alert; the log says how. It is kept."
)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a body was understood as, or why it was refused; exactly one of both."""

    alert: Alert | None
    refused: Refused | None
    repeat_key: str

    @property
    def is_chosen_key(self) -> bool:
        """The client itself tells alerts apart, so that equal ones are repeats however old."""
        return self.repeat_key.startswith("key:")


def rules_of(clients: list[int]) -> dict[int, Rules]:
    rows = WebhookMapping.objects.filter(client__in=clients)
    return {row.client_id: Rules(row.as_mapping(), row.version, row.secret) for row in rows}


def judge_all(
    body: bytes, content_type: str, received_us: int, rules: Rules
) -> list[tuple[bytes, Verdict]]:
    """A body, or the items of a list of alerts, each with its verdict.

    A list is taken apart only when every item is understood; else the whole body is refused.
    """
    try:
        items = items_of(body, rules.mapping, content_type)
    except Refused as refused:
        return [(body, Verdict(None, refused, _key("body", body)))]
    if items is None:
        return [(body, judge(body, content_type, received_us, rules))]
    judged = []
    for number, item in enumerate(items, start=1):
        verdict = judge(item, "", received_us, rules)
        if verdict.refused is not None:
            why = _of_item(verdict.refused, number, len(items))
            return [(body, Verdict(None, why, _key("body", body)))]
        judged.append((item, verdict))
    return judged


def _of_item(refused: Refused, number: int, count: int) -> Refused:
    return Refused(refused.code, refused.field, f"Item {number} of {count}: {refused.reason}")


def judge(body: bytes, content_type: str, received_us: int, rules: Rules) -> Verdict:
    """Read a body. Never raises: whatever a stranger may send leads to a verdict."""
    try:
        alert = understand(body, rules.mapping, received_us, content_type)
        _check_secret(alert, rules)
    except Refused as refused:
        return Verdict(None, refused, _key("body", body))
    except Exception:
        # A defect of ours: one such alert must not hold up all that come after it.
        log.exception("webhook_not_understood", key=_key("body", body))
        return Verdict(None, _DEFECT, _key("body", body))
    if alert.repeat_value:
        return Verdict(alert, None, _key("key", alert.repeat_value.encode()))
    return Verdict(alert, None, _key("body", body))


def _check_secret(alert: Alert, rules: Rules) -> None:
    if rules.secret is not None and not rules.secret.fits(alert.secret):
        path = rules.mapping.secret_path
        raise Refused(
            "secret", path, f"{path} is not the password that this client's alerts carry."
        )


def _key(kind: str, told: bytes) -> str:
    return f"{kind}:{hashlib.sha256(told).hexdigest()[:40]}"


def mark(row: WebhookBody, verdict: Verdict, version: int) -> None:
    """Put the verdict into the body's row."""
    row.mapping_version, row.repeat_key = version, verdict.repeat_key
    refused = verdict.refused
    row.state = State.REFUSED if refused else State.STORED
    row.dialect = verdict.alert.dialect if verdict.alert else ""
    row.code = refused.code if refused else ""
    row.field = refused.field[:64] if refused else ""
    row.reason = refused.reason[:400] if refused else ""


def body_row(
    client: int, body: bytes, content_type: str, peer: str, received_us: int
) -> WebhookBody:
    return WebhookBody(
        client_id=client,
        received_at=from_us(received_us),
        peer=peer[:64],
        content_type=content_type.replace("\0", "")[:100],
        # One byte too long stays too long: half an alert is never taken for a whole one.
        body=body[: MAX_BODY_BYTES + 1],
    )


def alert_row(
    row: WebhookBody, verdict: Verdict, alert: Alert, *, is_kept: bool = True
) -> WebhookAlert:
    return WebhookAlert(
        client_id=row.client_id,
        body=row if is_kept else None,
        repeat_key=verdict.repeat_key,
        symbol=alert.symbol,
        exchange=alert.exchange,
        period=alert.period,
        event_time=from_us(alert.event_us),
        received_at=row.received_at,
        states_time=alert.states_time,
        action=alert.action,
        price=alert.price,
        stop_loss=alert.stop_loss,
        take_profit=alert.take_profit,
        quantity=alert.quantity,
        position=alert.position,
        confidence=alert.confidence,
        volume=alert.volume,
        bar=_bar(alert.bar),
        indicators=alert.indicators,
        unread=alert.unread,
        note=alert.note,
        alert_id=alert.alert_id,
    )


def _bar(bar: BarValues | None) -> dict[str, float] | None:
    if bar is None:
        return None
    return {name: getattr(bar, name) for name in ("open", "high", "low", "close", "stamped_us")}
