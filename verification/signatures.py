"""Digests that do not fit: journalled `bad_digest` events become one alert per client.

One is a damaged line, which is sent again. Several within a while are a wrong secret, or somebody
who has the key and not the secret.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from django.db.models import Sum

from bridge_ingest.clock import from_us
from bridge_ingest.events import Event, handler
from bridge_ingest.live import publish_event
from bridge_ingest.models import Client, Refusal
from verification import memory, recorder, titles
from verification.checks.episode import Began, Closed, Ended, Opened
from verification.findings import ACT, LOOK, Change, Finding, Findings, Points, Subject
from verification.models import Alert
from verification.parameters import RuleBook, SignatureParameters

RULE = "signature"
HOLDER = "events"
UNIT = "refusals"
_CODE = "digest"


@handler("bad_digest")
def record_bad_digests(events: list[Event]) -> None:
    """Open the client's alert once there are several, or count on in the open one."""
    rules = RuleBook(memory.settings())
    if not rules.enabled(RULE):
        return
    by_client: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        by_client[event["client"]].append(event)
    changes: list[Finding] = []
    for client in Client.objects.filter(pk__in=by_client).order_by("pk"):
        changes += _findings(client, by_client[client.pk], rules.get(SignatureParameters))
    for event in recorder.apply(Findings(shard=0, points=Points.join([]), changes=changes)):
        publish_event(event)


def closings(now_us: int, rules: RuleBook) -> list[Finding]:
    """Alerts of clients whose digests have been right for long enough."""
    parameters = rules.get(SignatureParameters)
    before = from_us(now_us) - timedelta(seconds=parameters.close_after_s)
    rows = Alert.objects.filter(rule=RULE, resolved_at=None, condition_ended_at__lt=before)
    reason = f"No digest was wrong for {parameters.close_after_s:g} s."
    return [_closing(row, now_us, reason) for row in rows]


def _findings(
    client: Client, events: list[Event], parameters: SignatureParameters
) -> list[Finding]:
    subject = Subject(RULE, client.pk, None, None, replayed=False, holder=HOLDER)
    alert = Alert.objects.filter(fingerprint=subject.fingerprint, resolved_at=None).first()
    new = sum(int(event["count"]) for event in events)
    first_us = min(int(event["received_us"]) for event in events)
    last_us = max(int(event["received_us"]) for event in events)
    if alert is not None:
        total = alert.facts["refusals"] + new
    else:
        total = max(new, _recent(client, last_us, parameters.window_s))
        if total < parameters.min_refusals:
            return []
    began: Change = Began(first_us) if alert else Opened(last_us, first_us)
    return [
        Finding(
            subject=subject,
            change=change,
            value=float(new),
            worst=float(total),
            unit=UNIT,
            severity=ACT if total >= parameters.act_refusals else LOOK,
            title=titles.signature(client.name, total),
            facts={"refusals": total},
        )
        for change in (began, Ended(first_us, last_us, float(new)))
    ]


def _recent(client: Client, until_us: int, window_s: float) -> int:
    """Digests of the client refused in the window. Their rows come with or before the events."""
    since = from_us(until_us) - timedelta(seconds=window_s)
    rows = Refusal.objects.filter(
        client=client, code=_CODE, at__gt=since, at__lte=from_us(until_us)
    )
    return rows.aggregate(total=Sum("count"))["total"] or 0


def _closing(alert: Alert, now_us: int, reason: str) -> Finding:
    return Finding(
        subject=Subject(RULE, alert.client_id, None, None, replayed=False, holder=HOLDER),
        change=Closed(now_us, forgotten=False),
        value=alert.value,
        worst=alert.worst,
        unit=alert.unit,
        severity=alert.severity,
        title=alert.title,
        facts=alert.facts,
        reason=reason,
    )
