"""Lost numbers: journalled `gap` events become one alert per client while they keep coming.

Sessions and status messages need no handler here: their rows are read when a silence is judged.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from bridge_ingest.clock import from_us
from bridge_ingest.events import Event, handler
from bridge_ingest.live import publish_event
from bridge_ingest.models import Client
from verification import memory, recorder, titles
from verification.checks.episode import Began, Closed, Ended, Opened
from verification.checks.gap import Loss, add_up
from verification.findings import ACT, LOOK, Change, Finding, Findings, Points, Subject
from verification.models import Alert
from verification.parameters import GapParameters, RuleBook

RULE = "gap"
HOLDER = "events"
UNIT = "messages"


@handler("gap")
def record_loss(events: list[Event]) -> None:
    """Open the client's alert, or count one more excursion in it."""
    rules = RuleBook(memory.settings())
    if not rules.enabled(RULE):
        return
    by_client: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        by_client[event["client"]].append(event)
    changes: list[Finding] = []
    for client in Client.objects.filter(pk__in=by_client).order_by("pk"):
        changes += _findings(client, add_up(by_client[client.pk]), rules.get(GapParameters))
    for event in recorder.apply(Findings(shard=0, points=Points.join([]), changes=changes)):
        publish_event(event)


def closings(now_us: int, rules: RuleBook) -> list[Finding]:
    """Alerts of clients that have lost nothing for long enough."""
    parameters = rules.get(GapParameters)
    before = from_us(now_us) - timedelta(seconds=parameters.close_after_s)
    rows = Alert.objects.filter(rule=RULE, resolved_at=None, condition_ended_at__lt=before)
    reason = f"Nothing more was lost for {parameters.close_after_s:g} s."
    return [_as_it_is(row, Closed(now_us, forgotten=False), reason) for row in rows]


def _findings(client: Client, loss: Loss, parameters: GapParameters) -> list[Finding]:
    subject = Subject(RULE, client.pk, None, None, replayed=False, holder=HOLDER)
    alert = Alert.objects.filter(fingerprint=subject.fingerprint, resolved_at=None).first()
    before = alert.facts if alert else {"numbers": 0, "gaps": 0}
    numbers, gaps = before["numbers"] + loss.numbers, before["gaps"] + loss.gaps
    first: Change = Began(loss.first_us) if alert else Opened(loss.last_us, loss.first_us)
    return [
        Finding(
            subject=subject,
            change=change,
            value=float(loss.numbers),
            worst=float(numbers),
            unit=UNIT,
            severity=ACT if numbers >= parameters.act_numbers else LOOK,
            title=titles.gap(client.name, numbers, gaps),
            facts={"numbers": numbers, "gaps": gaps},
        )
        for change in (first, Ended(loss.first_us, loss.last_us, float(loss.numbers)))
    ]


def _as_it_is(alert: Alert, change: Change, reason: str) -> Finding:
    subject = Subject(RULE, alert.client_id, None, None, replayed=False, holder=HOLDER)
    return Finding(
        subject=subject,
        change=change,
        value=alert.value,
        worst=alert.worst,
        unit=alert.unit,
        severity=alert.severity,
        title=alert.title,
        facts=alert.facts,
        reason=reason,
    )
